import { createRefusal, octets, parseMessage, SipError, type Clock, type Hop, type SipMessage } from "@portico/sip";
import type { WebSocket } from "ws";

/** RFC 6455 §7.4 close codes this node uses; 4xxx are its own. */
export const closeCodes = {
  goingAway: 1001,
  invalidPayload: 1007,
  policy: 1008,
  overload: 1013,
  /** The registration was ended by the network, the site or the token's end. */
  registrationEnded: 4403,
} as const;

/** Messages a flow may send at once, and per second in the long run (EPC-WS-08). */
const burst = 60;
const perSecond = 20;
/** Octets waiting to be read by the browser before the flow is given up. */
const maxBuffered = 1 << 20;

export interface FlowEvents {
  message(message: SipMessage): void;
  /** More messages than the rate limit allows; a request among them is to be refused. */
  excess(message: SipMessage): void;
  closed(): void;
}

/** One WebSocket of a browser (RFC 7118): a flow in the sense of RFC 5626. */
export class Flow implements Hop {
  readonly reliable = true;
  readonly protocol: "WS" | "WSS";
  readonly sentBy: string;
  /** Unique in this process. */
  readonly id: string;
  /** Web origin of the page, as its browser sent it. */
  readonly origin: string;
  readonly openedAt: number;
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #events: FlowEvents;
  #alive = true;
  #closed = false;
  #credit = burst;
  #creditAt: number;

  constructor(options: {
    id: string;
    socket: WebSocket;
    origin: string;
    secure: boolean;
    sentBy: string;
    clock: Clock;
    events: FlowEvents;
  }) {
    this.id = options.id;
    this.origin = options.origin;
    this.protocol = options.secure ? "WSS" : "WS";
    this.sentBy = options.sentBy;
    this.#socket = options.socket;
    this.#clock = options.clock;
    this.#events = options.events;
    this.openedAt = options.clock.now();
    this.#creditAt = this.openedAt;
    options.socket.on("message", (bytes: Buffer) => this.#receive(bytes));
    options.socket.on("pong", () => (this.#alive = true));
    options.socket.on("close", () => this.#ended());
    // ws reports protocol errors here and closes by itself (1002, 1007, 1009).
    options.socket.on("error", () => undefined);
  }

  get open(): boolean {
    return !this.#closed && this.#socket.readyState === this.#socket.OPEN;
  }

  /** Sends one SIP message as one WebSocket message: text where it is UTF-8, else binary (RFC 7118 §5, RFC 6455 §8.1). */
  send(message: string): boolean {
    if (!this.open) return false;
    if (this.#socket.bufferedAmount > maxBuffered) {
      this.#socket.terminate();
      return false;
    }
    this.#socket.send(Buffer.from(message, "latin1"), { binary: !octets.isUtf8(message) });
    return true;
  }

  /** Sends a ping; a flow that has not answered the last one is dead and ended (EPC-WS-06). */
  probe(): void {
    if (!this.#alive) return this.#socket.terminate();
    this.#alive = false;
    if (this.open) this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  #receive(bytes: Buffer): void {
    this.#alive = true;
    // Everything that arrives costs, also what is no SIP.
    const paid = this.#spend();
    const text = bytes.toString("latin1");
    if (text === "\r\n\r\n") return void (paid && this.send("\r\n"));
    if (text === "\r\n") return;
    let message: SipMessage;
    try {
      message = parseMessage(text);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      const refusal = createRefusal(text, error, this.id);
      if (refusal === undefined || !paid) this.close(closeCodes.invalidPayload, error.code);
      else this.send(refusal.toOctets());
      return;
    }
    if (paid) this.#events.message(message);
    else this.#events.excess(message);
  }

  #spend(): boolean {
    const now = this.#clock.now();
    this.#credit = Math.min(burst, this.#credit + ((now - this.#creditAt) / 1000) * perSecond);
    this.#creditAt = now;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.closed();
  }
}
