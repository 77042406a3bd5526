import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@portico/sip";
import { WebSocketServer } from "ws";
import type { Log } from "../ports.ts";
import { closeCodes, Flow, type FlowEvents } from "./flow.ts";

/** Largest SIP message accepted, octets (EPC-WS-04). */
const maxMessage = 65_536;
/** Seconds a socket may stay without a registration (EPC-WS-07): more than a REGISTER waits for the core (Timer F). */
const unregisteredSeconds = 35;
/** Seconds between sweeps over all flows, and how many of them lie between two pings of one (EPC-WS-06: 20 to 30 s). */
const sweepSeconds = 5;
const sweepsPerPing = 5;

export interface W2ListenerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sent-by of the Via header fields toward browsers, host and port. */
  readonly sentBy: string;
  /** True for origins of web sites under contract (EPC-WS-03). */
  readonly originAllowed: (origin: string) => boolean;
  readonly newFlowId: () => string;
  readonly eventsFor: (flow: () => Flow) => FlowEvents;
  readonly isRegistered: (flow: Flow) => boolean;
  /** Sockets of one remote address at most (EPC-WS-08); an office behind one address is many users. */
  readonly maxPerAddress?: number;
}

/** Accepts WebSockets for SIP (RFC 7118 §4) from an HTTP server's `upgrade` event. */
export class W2Listener {
  readonly #options: W2ListenerOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: maxMessage,
    skipUTF8Validation: true,
    handleProtocols: () => "sip",
  });
  readonly #flows = new Set<Flow>();
  readonly #perAddress = new Map<string, number>();
  #stopSweep: () => void = () => undefined;
  #closed = false;

  constructor(options: W2ListenerOptions) {
    this.#options = options;
    this.#sweepLater();
  }

  get size(): number {
    return this.#flows.size;
  }

  /** Takes over an HTTP upgrade; refuses with a 4xx what is not SIP from a known site. @param secure TLS below. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, secure: boolean): void {
    const { originAllowed, log, maxPerAddress = 2000 } = this.#options;
    const address = request.socket.remoteAddress ?? "";
    const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
    const { origin } = request.headers;
    if (this.#closed) return refuse(socket, 503, "The portal is closing");
    if (!protocols.includes("sip")) return refuse(socket, 400, "Ask for the WebSocket subprotocol sip (RFC 7118)");
    if (origin === undefined || !originAllowed(origin)) {
      log.warn("w2.origin-refused", { origin: (origin ?? "none").slice(0, 128) });
      return refuse(socket, 403, "This web site has no contract with the operator");
    }
    if ((this.#perAddress.get(address) ?? 0) >= maxPerAddress) {
      return refuse(socket, 429, "Too many connections from this address");
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#perAddress.set(address, (this.#perAddress.get(address) ?? 0) + 1);
      let flow: Flow | undefined;
      const current = (): Flow => {
        if (flow === undefined) throw new Error("a flow speaks only once it exists");
        return flow;
      };
      const events = this.#options.eventsFor(current);
      flow = new Flow({
        id: this.#options.newFlowId(),
        socket: webSocket,
        origin,
        secure,
        sentBy: this.#options.sentBy,
        clock: this.#options.clock,
        events: { ...events, closed: () => this.#closedFlow(current(), address, events) },
      });
      this.#flows.add(flow);
    });
  }

  /** Stops accepting and tells every browser to come back later (EPC-WS-09). */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopSweep();
    for (const flow of this.#flows) flow.close(closeCodes.goingAway, "the portal is closing");
    this.#server.close();
  }

  #closedFlow(flow: Flow, address: string, events: FlowEvents): void {
    this.#flows.delete(flow);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
    events.closed();
  }

  /** One sweep for all flows, since a timer a socket costs more than the socket. */
  #sweepLater(count = 1): void {
    const { clock, isRegistered } = this.#options;
    this.#stopSweep = clock.setTimer(sweepSeconds * 1000, () => {
      const now = clock.now();
      for (const flow of this.#flows) {
        const late = now - flow.openedAt >= unregisteredSeconds * 1000;
        if (late && !isRegistered(flow)) flow.close(closeCodes.policy, "not registered in time");
        if (count % sweepsPerPing === 0) flow.probe();
      }
      this.#sweepLater(count + 1);
    });
  }
}

function refuse(socket: Duplex, status: number, text: string): void {
  // The client may be gone already.
  socket.on("error", () => undefined);
  const body = `${text}\n`;
  const reason = { 400: "Bad Request", 403: "Forbidden", 429: "Too Many Requests", 503: "Service Unavailable" }[status];
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
