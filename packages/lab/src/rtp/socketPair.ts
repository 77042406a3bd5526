import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { LabError } from "../errors.ts";

/** The sockets of one RTP stream: RTP on an even port, RTCP on the next (RFC 3550 §11). */
export interface SocketPair {
  readonly rtp: Socket;
  readonly rtcp: Socket;
  readonly port: number;
}

async function bind(address: string, port: number): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.bind({ address, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.off("error", reject);
  // An ICMP error of an earlier packet: media has no use for it
  socket.on("error", () => undefined);
  return socket;
}

async function bindPair(address: string, port: number): Promise<SocketPair | undefined> {
  let rtp: Socket;
  try {
    rtp = await bind(address, port);
  } catch {
    return undefined;
  }
  try {
    return { rtp, rtcp: await bind(address, port + 1), port };
  } catch {
    rtp.close();
    return undefined;
  }
}

/**
 * Binds a free pair of the range, starting anywhere in it so that several labs seldom try the same port.
 * @param range first and last port
 * @throws LabError `lab/no-rtp-port`
 */
export async function openSocketPair(address: string, range: readonly [number, number]): Promise<SocketPair> {
  const first = range[0] + (range[0] % 2);
  const pairs = Math.floor((range[1] + 1 - first) / 2);
  const start = Math.floor(Math.random() * pairs);
  for (let tried = 0; tried < pairs; tried += 1) {
    const pair = await bindPair(address, first + 2 * ((start + tried) % pairs));
    if (pair !== undefined) return pair;
  }
  throw new LabError("lab/no-rtp-port", `${address} ${range[0]}-${range[1]}`);
}
