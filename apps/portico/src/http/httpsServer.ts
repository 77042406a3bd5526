import { createServer, type Server, type ServerOptions } from "node:https";
import { alpn } from "./alpn.ts";
import { beginWithOctets } from "./firstOctets.ts";

/**
 * An HTTPS server for clients that stay for hours and say little: what a connection holds is what it needs.
 *
 * OpenSSL takes what comes from a ring of buffers that lives as long as the connection (Node's `NodeBIO`). Where the system's
 * read makes the first of them, it is of 64 kB; made for octets that are there, it is of their size. One of 16 kB follows once it
 * has been full. To read for TLS would spare that as well, but who reads in its place gets the news of its writes, too: the first
 * one that has to wait for the client would never be done.
 */
export function createHttpsServer(options: ServerOptions): Server {
  const server = createServer({ ...alpn, ...options });
  beginWithOctets(server);
  return server;
}
