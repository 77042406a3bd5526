import { octets, parseMessage } from "@portico/sip";
import type { Hop, SipMessage } from "@portico/sip";
import { chance } from "./backoff.ts";
import { closeError } from "./closeError.ts";
import { WicError } from "./errors.ts";
import type { Platform, Socket } from "./platform.ts";

const openWithinMs = 10_000;
const pongWithinMs = 10_000;
const open = 1;

export interface FlowOptions {
  readonly platform: Platform;
  readonly url: string;
  /** Sent-by of our Via: a random name under `.invalid` (RFC 7118 §5.1). */
  readonly sentBy: string;
  /** The access token of this moment, put into every request that leaves. */
  token(): string | undefined;
  /** The socket is open and speaks `sip`. */
  onOpen(): void;
  onMessage(message: SipMessage, flow: Flow): void;
  /** Exactly once, unless this side closed it. `code`: the close code, where a frame brought one. */
  onLost(error: WicError, code?: number): void;
}

/**
 * One flow on W2 (RFC 5626): one WebSocket from opening to its end. A lost flow is replaced by a new one, never revived,
 * so that nothing a dead socket still says can reach the state machines.
 *
 *   opening --open, protocol sip--> open --close, silence--> lost
 */
export class Flow implements Hop {
  readonly protocol: "WS" | "WSS";
  readonly reliable = true;
  readonly sentBy: string;
  /** The portal's own Route value on W2. */
  readonly route: string;
  readonly #options: FlowOptions;
  readonly #socket: Socket;
  #over = false;
  #cancelOpening: () => void;
  #cancelPong: (() => void) | undefined;
  #cancelKeepAlive: (() => void) | undefined;
  #keepAlive = false;

  /** @throws WicError `wic/insecure-url` */
  constructor(options: FlowOptions) {
    this.#options = options;
    this.sentBy = options.sentBy;
    const url = checkUrl(options.url);
    this.protocol = url.protocol === "wss:" ? "WSS" : "WS";
    this.route = `<sip:${url.hostname}:${url.port || (this.protocol === "WSS" ? "443" : "80")};transport=ws;lr>`;
    try {
      this.#socket = options.platform.openSocket(url.href, "sip");
    } catch (error) {
      throw new WicError("wic/unreachable", { cause: error });
    }
    this.#socket.binaryType = "arraybuffer";
    this.#socket.addEventListener("open", () => this.#onOpen());
    this.#socket.addEventListener("message", (event) => this.#onFrame((event as MessageEvent<unknown>).data));
    // An error event is always followed by a close event, which alone counts.
    this.#socket.addEventListener("close", (event) => this.#onClose(event as CloseEvent));
    this.#cancelOpening = options.platform.clock.setTimer(openWithinMs, () => {
      this.lose(new WicError("wic/unreachable"));
    });
  }

  /** True while a keep-alive was asked for, so that the other side is known to answer one. */
  get answersKeepAlive(): boolean {
    return this.#keepAlive;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** Sends one SIP message as one frame (RFC 7118 §4.2): text where the octets are UTF-8, else binary (RFC 6455 §8.1). */
  send(message: string): boolean {
    if (this.#over || this.#socket.readyState !== open) return false;
    const complete = this.#withToken(message);
    const frame = octets.isUtf8(complete) ? octets.toText(complete) : new Uint8Array(octets.toBytes(complete));
    this.#socket.send(frame);
    return true;
  }

  /**
   * Begins to send keep-alives (RFC 5626 §4.4.1: each after 80 to 100 % of the interval the network gave).
   * @param seconds the Flow-Timer
   */
  keepAlive(seconds: number): void {
    this.#keepAlive = true;
    this.#cancelKeepAlive?.();
    const wait = seconds * 1000 * (0.8 + 0.2 * chance(this.#options.platform.random));
    this.#cancelKeepAlive = this.#options.platform.clock.setTimer(wait, () => {
      this.probe();
      if (!this.#over) this.keepAlive(seconds);
    });
  }

  /** Asks for a sign of life now; none within 10 s ends the flow. */
  probe(): void {
    if (this.#over || this.#cancelPong !== undefined) return;
    if (this.#socket.readyState !== open) return this.lose(new WicError("wic/connection-lost"));
    this.#cancelPong = this.#options.platform.clock.setTimer(pongWithinMs, () => {
      this.lose(new WicError("wic/connection-silent"));
    });
    this.#socket.send("\r\n\r\n");
  }

  /** Gives the flow up and says so. */
  lose(error: WicError, code?: number): void {
    if (this.#over) return;
    this.close();
    this.#options.onLost(error, code);
  }

  /** Closes the socket without a word to the owner. Idempotent. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelOpening();
    this.#cancelPong?.();
    this.#cancelKeepAlive?.();
    this.#socket.close(1000);
  }

  #onOpen(): void {
    if (this.#over) return;
    this.#cancelOpening();
    if (this.#socket.protocol !== "sip") return this.lose(new WicError("wic/no-sip"));
    this.#options.onOpen();
  }

  #onClose({ code, reason }: CloseEvent): void {
    const opened = this.#socket.protocol === "sip";
    this.lose(opened ? closeError(code, reason) : new WicError("wic/unreachable"), code);
  }

  #onFrame(frame: unknown): void {
    if (this.#over) return;
    const message = typeof frame === "string" ? octets.fromText(frame) : frameOctets(frame);
    // Any frame shows that the flow lives.
    this.#cancelPong?.();
    this.#cancelPong = undefined;
    if (message === undefined || message === "\r\n") return;
    if (message === "\r\n\r\n") {
      this.#socket.send("\r\n");
      return;
    }
    let parsed: SipMessage;
    try {
      parsed = parseMessage(message);
    } catch {
      // The portal sends only what it has parsed itself; what is broken all the same has no one to answer to.
      return;
    }
    this.#options.onMessage(parsed, this);
  }

  /**
   * TS 24.371 §7.2.1: the token goes into every request, ACK, CANCEL and PRACK too. This is the only door it leaves by, so
   * no message kept for a dialog or shown in a trace ever holds it.
   */
  #withToken(message: string): string {
    const token = this.#options.token();
    if (token === undefined || message.startsWith("SIP/2.0 ")) return message;
    const end = message.indexOf("\r\n\r\n");
    return `${message.slice(0, end)}\r\nAuthorization: Bearer ${token}${message.slice(end)}`;
  }
}

function frameOctets(frame: unknown): string | undefined {
  return frame instanceof ArrayBuffer ? octets.fromBytes(new Uint8Array(frame)) : undefined;
}

/** WIC-01: `wss:` only; `ws:` where the portal runs on the user's own machine. */
function checkUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw new WicError("wic/insecure-url", { cause: error });
  }
  const local =
    url.hostname === "localhost" ||
    url.hostname.endsWith(".localhost") ||
    url.hostname === "127.0.0.1" ||
    url.hostname === "[::1]";
  if (url.protocol !== "wss:" && !(url.protocol === "ws:" && local)) throw new WicError("wic/insecure-url");
  return url;
}
