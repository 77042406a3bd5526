import type { Duplex } from "node:stream";
import { createRefusal, parseMessage, SipError, type Clock, type Hop, type SipMessage } from "@portico/sip";
import { ServerWebSocket, type WebSocketOwner } from "./webSocket.ts";

/** RFC 6455 §7.4 close codes this node uses; 4xxx are its own. */
export const closeCodes = {
  goingAway: 1001,
  invalidPayload: 1007,
  policy: 1008,
  overload: 1013,
  /** The registration was ended by the network, the site or the token's end. */
  registrationEnded: 4403,
  /** Another connection has registered the same instance. */
  replaced: 4409,
} as const;

/** Messages a flow may send at once, and per second in the long run (EPC-WS-08). */
const burst = 60;
const perSecond = 20;

/** Who is told of what happens on flows: one for all of them. */
export interface FlowEvents {
  message(message: SipMessage, flow: Flow): void;
  /** More messages than the rate limit allows; a request among them is to be refused. */
  excess(message: SipMessage, flow: Flow): void;
  closed(flow: Flow): void;
  /** A message is about to be sent. */
  sending(octets: string, flow: Flow): void;
}

/** One WebSocket of a browser (RFC 7118): a flow in the sense of RFC 5626. */
export class Flow implements Hop, WebSocketOwner {
  readonly reliable = true;
  readonly protocol: "WS" | "WSS";
  readonly sentBy: string;
  /** Unique in this process. */
  readonly id: string;
  /** The id, sealed: what Path and Record-Route name the flow with (RFC 5626 §5.2). */
  readonly token: string;
  /** Web origin of the page, as its browser sent it. */
  readonly origin: string;
  /** Where the browser connects from. */
  readonly address: string;
  readonly openedAt: number;
  readonly #socket: ServerWebSocket;
  readonly #clock: Clock;
  readonly #events: FlowEvents;
  #alive = true;
  #credit = burst;
  #creditAt: number;

  constructor(options: {
    id: string;
    token: string;
    /** After the handshake. */
    socket: Duplex;
    origin: string;
    address: string;
    secure: boolean;
    sentBy: string;
    clock: Clock;
    events: FlowEvents;
  }) {
    this.id = options.id;
    this.token = options.token;
    this.origin = options.origin;
    this.protocol = options.secure ? "WSS" : "WS";
    this.sentBy = options.sentBy;
    this.address = options.address;
    this.#clock = options.clock;
    this.#events = options.events;
    this.openedAt = options.clock.now();
    this.#creditAt = this.openedAt;
    this.#socket = new ServerWebSocket(options.socket, this);
  }

  get open(): boolean {
    return this.#socket.open;
  }

  /** Sends one SIP message as one WebSocket message (RFC 7118 §5). */
  send(message: string): boolean {
    this.#events.sending(message, this);
    return this.#socket.send(message);
  }

  /** Sends a ping; a flow that has not answered the last one is dead and ended (EPC-WS-06). */
  probe(): void {
    if (!this.#alive) return this.#socket.terminate();
    this.#alive = false;
    this.#socket.ping();
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** A WebSocket message came. */
  received(text: string): void {
    this.#alive = true;
    // Everything that arrives costs, also what is no SIP.
    const paid = this.#spend();
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
    if (paid) this.#events.message(message, this);
    else this.#events.excess(message, this);
  }

  /** The browser has answered a ping. */
  ponged(): void {
    this.#alive = true;
  }

  /** The WebSocket is gone. */
  ended(): void {
    this.#events.closed(this);
  }

  #spend(): boolean {
    const now = this.#clock.now();
    this.#credit = Math.min(burst, this.#credit + ((now - this.#creditAt) / 1000) * perSecond);
    this.#creditAt = now;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }
}
