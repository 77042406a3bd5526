import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { readProxyHeader } from "./proxyHeader.ts";
import type { TrustedProxies } from "./trustedProxies.ts";

/** Milliseconds in which the header of a connection must have come. */
const patience = 5000;

/**
 * Makes a server read the PROXY protocol from its trusted proxies, below HTTP and TLS: `remoteAddress` of a socket is then
 * the client's. A connection from anywhere else is taken as it is.
 * @param refused is told why a connection was closed
 */
export function acceptProxyProtocol(server: Server, proxies: TrustedProxies, refused: (reason: string) => void): void {
  const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const sources = new Map<string, string>();
  server.on("connection", (socket: Socket) => {
    const accept = (): void => {
      for (const listener of listeners) listener.call(server, socket);
    };
    if (!proxies.trusts(socket.remoteAddress ?? "")) return accept();
    readHeader(
      socket,
      (source) => {
        if (source !== undefined) {
          const key = keyOf(socket);
          sources.set(key, source);
          socket.once("close", () => sources.delete(key));
          speakFor(socket, source);
        }
        accept();
      },
      refused,
    );
  });
  // The socket over TLS is another object; it has the ports of the one below.
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const source = sources.get(keyOf(socket));
    if (source !== undefined) speakFor(socket, source);
  });
}

/** From now on the socket's remote address is that of the client it carries. */
export function speakFor(socket: Socket, address: string): void {
  Object.defineProperty(socket, "remoteAddress", { value: address, configurable: true });
}

/** Names a connection by where it really comes from. */
const keyOf = (socket: Socket): string => `${socket.remoteAddress}:${socket.remotePort}`;

function readHeader(
  socket: Socket,
  done: (source: string | undefined) => void,
  refused: (reason: string) => void,
): void {
  let begin: Buffer = Buffer.alloc(0);
  const refuse = (reason: string): void => {
    stop();
    refused(reason);
    socket.destroy();
  };
  const timer = setTimeout(refuse, patience, "no header in time");
  const stop = (): void => {
    clearTimeout(timer);
    socket.off("readable", read).off("error", stop).off("close", stop);
  };
  const read = (): void => {
    const octets = socket.read() as Buffer | null;
    if (octets === null) return;
    begin = Buffer.concat([begin, octets]);
    const header = readProxyHeader(begin);
    if (header.state === "malformed") return refuse(header.reason);
    if (header.state === "incomplete") return;
    stop();
    if (begin.length > header.length) socket.unshift(begin.subarray(header.length));
    done(header.source?.address);
  };
  socket.on("readable", read).on("error", stop).on("close", stop);
}
