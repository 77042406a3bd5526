import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

const reasons = {
  400: "Bad Request",
  403: "Forbidden",
  405: "Method Not Allowed",
  426: "Upgrade Required",
  429: "Too Many Requests",
  503: "Service Unavailable",
} as const;

/** RFC 6455 §1.3. */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** Refuses an upgrade with this status and a line of text. */
export function refuse(socket: Duplex, status: keyof typeof reasons, text: string, header = ""): void {
  // The client may be gone already.
  socket.on("error", () => undefined);
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${reasons[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `${header}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // A client that never closes its side is not waited for.
    () => socket.destroy(),
  );
}

/**
 * Answers the opening handshake of a WebSocket (RFC 6455 §4.2) that asks for the subprotocol `sip`.
 * @param head what came after it already; given back to the socket.
 * @returns false when it was refused, or the client is gone.
 */
export function accept(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
  const { headers, method } = request;
  const key = headers["sec-websocket-key"] ?? "";
  if (method !== "GET" || headers.upgrade?.toLowerCase() !== "websocket") {
    refuse(socket, method === "GET" ? 400 : 405, "A WebSocket begins with GET and Upgrade: websocket");
    return false;
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(key)) {
    refuse(socket, 400, "Sec-WebSocket-Key is missing or malformed");
    return false;
  }
  if (headers["sec-websocket-version"] !== "13") {
    refuse(socket, 426, "This server speaks version 13", "Sec-WebSocket-Version: 13\r\n");
    return false;
  }
  if (!socket.readable || !socket.writable) {
    socket.destroy();
    return false;
  }
  if (socket instanceof Socket) socket.setTimeout(0).setNoDelay();
  if (head.length > 0) socket.unshift(head);
  const answer = createHash("sha1").update(key).update(guid).digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Accept: ${answer}\r\nSec-WebSocket-Protocol: sip\r\n\r\n`,
  );
  return true;
}
