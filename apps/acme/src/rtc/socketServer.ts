import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import { sameOrigin } from "../originGuard.ts";
import type { WebSession } from "../webSessions.ts";
import type { Hub } from "./hub.ts";
import { closedAbuse, closedSignedOut } from "./closeCodes.ts";
import { parsePageMessage } from "./parsePageMessage.ts";

import type { Link } from "./tab.ts";

/** Octets of a message at most; an audio offer with its candidates is about 4 KiB. */
const messageLimit = 32_768;
/** Octets that may wait for a page that does not read. */
const backlogLimit = 262_144;
/** Messages a page may send at once, and per second in the long run. */
const burst = 100;
const perSecond = 20;
/** Milliseconds between pings; a page that missed one is gone. */
const pingMs = 10_000;

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

export interface SocketServerOptions {
  readonly server: Server;
  readonly publicUrl: string;
  readonly hub: Hub;
  /** Finds the web session of an upgrade request by its cookie. */
  readonly sessionOf: (request: IncomingMessage) => WebSession | undefined;
}

/** Opens `/rtc`: WebSockets of signed-in pages of this site, and of nobody else. */
export function openSocketServer(options: SocketServerOptions): { close(): void } {
  const { server, publicUrl, hub, sessionOf } = options;
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: messageLimit });

  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const url = URL.parse(request.url ?? "", publicUrl);
    if (url?.pathname !== "/rtc") return refuse(socket, "404 Not Found");
    if (!sameOrigin(request, publicUrl)) return refuse(socket, "403 Forbidden");
    const session = sessionOf(request);
    if (session === undefined) return refuse(socket, "401 Unauthorized");
    const tab = url.searchParams.get("tab") ?? "";
    if (!uuid.test(tab)) return refuse(socket, "400 Bad Request");
    sockets.handleUpgrade(request, socket, head, (accepted) => serve(accepted, hub, session, tab));
  });

  return {
    close: () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
    },
  };
}

function serve(socket: WebSocket, hub: Hub, session: WebSession, id: string): void {
  const link: Link = {
    send: (message) => {
      if (socket.bufferedAmount > backlogLimit) socket.terminate();
      else socket.send(JSON.stringify(message));
    },
    close: (code, reason) => socket.close(code, reason),
  };
  const tab = hub.attach(id, session.account, session.handle, link);
  const budget = new Budget();
  let answered = true;
  const pinger = setInterval(() => {
    if (session.endsAt <= performance.now()) return socket.close(closedSignedOut, "signed out");
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, pingMs);
  socket.on("pong", () => (answered = true));
  // Bytes of one frame, as binaryType "nodebuffer" gives them.
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    const message = isBinary || !budget.take() ? undefined : parsePageMessage(data.toString());
    if (message === undefined) socket.close(closedAbuse, "too much, or not understood");
    else if (tab.carriedBy(link)) hub.receive(tab, message);
  });
  socket.on("error", () => socket.terminate());
  socket.on("close", (code: number) => {
    clearInterval(pinger);
    // RFC 6455 §7.4.1: 1001 is a page that was closed or left; 1006 a lost connection.
    hub.detach(tab, link, code !== 1006);
  });
}

/** A token bucket. */
class Budget {
  #tokens = burst;
  #at = performance.now();

  take(): boolean {
    const now = performance.now();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}

function refuse(socket: Duplex, status: string): void {
  // Node no longer watches an upgraded socket: a peer that closes nothing could hold it for ever.
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}
