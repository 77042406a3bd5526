import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "@portico/sip";
import type { Log } from "../ports.ts";
import { closeCodes, Flow, type FlowEvents } from "./flow.ts";
import { accept, refuse } from "./handshake.ts";

/** Seconds a socket may stay without a registration (EPC-WS-07): more than a REGISTER waits for the core (Timer F). */
const unregisteredSeconds = 35;
/** Seconds between sweeps over all flows, and how many of them lie between two pings of one (EPC-WS-06: 20 to 30 s). */
const sweepSeconds = 5;
const sweepsPerPing = 5;

/** For one who meets a limit. */
const retryLater = "Retry-After: 30\r\n";

export interface W2ListenerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Sent-by of the Via header fields toward browsers, host and port. */
  readonly sentBy: string;
  /** True for origins of web sites under contract (EPC-WS-03). */
  readonly originAllowed: (origin: string) => boolean;
  /** Names a new flow. */
  readonly newFlow: () => { readonly id: string; readonly token: string };
  readonly events: FlowEvents;
  readonly isRegistered: (flow: Flow) => boolean;
  /** Sockets of one remote address at most (EPC-WS-08); an office behind one address is many users. */
  readonly maxPerAddress: number;
  /** Sockets of the pages of one web site at most: no tenant takes all there are. */
  readonly maxPerSite: number;
}

/** Accepts WebSockets for SIP (RFC 7118 §4) from an HTTP server's `upgrade` event. */
export class W2Listener {
  readonly #options: W2ListenerOptions;
  readonly #flows = new Set<Flow>();
  /** Sockets by remote address and by Origin. */
  readonly #counts = new Map<string, number>();
  readonly #events: FlowEvents;
  #stopSweep: () => void = () => undefined;
  #draining = false;
  #closed = false;

  constructor(options: W2ListenerOptions) {
    this.#options = options;
    const { events } = options;
    this.#events = { ...events, closed: (flow) => this.#closedFlow(flow) };
    this.#sweepLater();
  }

  get size(): number {
    return this.#flows.size;
  }

  /** Takes over an HTTP upgrade; refuses with a 4xx what is not SIP from a known site. @param secure TLS below. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, secure: boolean): void {
    const { originAllowed, log, maxPerAddress, maxPerSite } = this.#options;
    const address = request.socket.remoteAddress ?? "";
    const protocols = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((one) => one.trim());
    const { origin } = request.headers;
    if (this.#draining) return refuse(socket, 503, "The portal is closing");
    if (!protocols.includes("sip")) return refuse(socket, 400, "Ask for the WebSocket subprotocol sip (RFC 7118)");
    if (origin === undefined || !originAllowed(origin)) {
      log.warn("w2.origin-refused", { origin: (origin ?? "none").slice(0, 128) });
      return refuse(socket, 403, "This web site has no contract with the operator");
    }
    if ((this.#counts.get(address) ?? 0) >= maxPerAddress) {
      return refuse(socket, 429, "Too many connections from this address", retryLater);
    }
    if ((this.#counts.get(origin) ?? 0) >= maxPerSite) {
      log.warn("w2.site-full", { origin: origin.slice(0, 128) });
      return refuse(socket, 503, "Too many connections from this web site", retryLater);
    }
    if (!accept(request, socket, head)) return;
    for (const key of [address, origin]) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    const { newFlow, sentBy, clock } = this.#options;
    this.#flows.add(new Flow({ ...newFlow(), socket, origin, address, secure, sentBy, clock, events: this.#events }));
  }

  /** Accepts no further socket. */
  drain(): void {
    this.#draining = true;
  }

  /** Stops accepting and tells every browser to come back later (EPC-WS-09). */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.drain();
    this.#stopSweep();
    for (const flow of this.#flows) flow.close(closeCodes.goingAway, "the portal is closing");
  }

  #closedFlow(flow: Flow): void {
    this.#flows.delete(flow);
    for (const key of [flow.address, flow.origin]) {
      const left = (this.#counts.get(key) ?? 1) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    }
    this.#options.events.closed(flow);
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
