import { createServer, type Server, type ServerOptions } from "node:https";
import { alpn } from "./alpn.ts";
import { beginWithOctets } from "./firstOctets.ts";
import { readInPieces } from "./pieceReader.ts";

/**
 * An HTTPS server for clients that stay for hours and say little: what a connection holds is what it needs.
 *
 * OpenSSL takes what comes from a ring of buffers that lives as long as the connection (Node's `NodeBIO`). Where the system's
 * reads fill it, its buffers are of 64 and 16 kB; filled piece by piece from octets that are there, it stays at one of 1 kB, or
 * of the size of the client's first octets.
 */
export function createHttpsServer(options: ServerOptions): Server {
  const server = createServer({ ...alpn, ...options });
  beginWithOctets(server);
  server.prependListener("secureConnection", readInPieces);
  return server;
}
