import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** A UDP socket on loopback at a port of the system's choice. */
export async function openLoopback(): Promise<Socket> {
  const socket = createSocket({
    type: "udp4",
    recvBufferSize: 1 << 20,
    // Every host here is an address: Node's own look-up takes a turn of the loop for each packet.
    lookup: (host, _options, done) => done(null, host, 4),
  });
  const listening = once(socket, "listening");
  socket.bind({ port: 0, address: "127.0.0.1" });
  await listening;
  return socket;
}
