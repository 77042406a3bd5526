import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { isIPv6 } from "node:net";
import { AgwError } from "../errors.ts";

/** Opens a UDP socket bound to one IP address. @throws AgwError `agw/bind` */
export async function openUdp(address: string, port: number, recvBufferSize?: number): Promise<Socket> {
  const family = isIPv6(address) ? 6 : 4;
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    ...(recvBufferSize === undefined ? {} : { recvBufferSize }),
    // Every host here is an address already. Node's own look-up of one takes a turn of the loop for each packet sent.
    lookup: (host, _options, done) => done(null, host, family),
  });
  try {
    // The look-up above answers at once, and so may bind.
    const listening = once(socket, "listening");
    socket.bind({ address, port, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw new AgwError("agw/bind", `${address} port ${port}`, error);
  }
  // ICMP errors and full buffers: a packet is lost, as packets are.
  socket.on("error", () => undefined);
  return socket;
}

/** Whether opening failed because the port is taken. */
export function isPortTaken(error: unknown): boolean {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error && "code" in cause && cause.code === "EADDRINUSE";
}
