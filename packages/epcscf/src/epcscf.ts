import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { MediaPlane } from "@portico/agw";
import {
  createResponse,
  parseNameAddr,
  parseUri,
  UserAgent,
  type Clock,
  type Hop,
  type Random,
  type ServerTransaction,
  type SipMessage,
} from "@portico/sip";
import { openSipEndpoint, type SipEndpoint } from "@portico/transport";
import { Core, type CoreOptions } from "./core.ts";
import { EpcscfError, TokenError } from "./errors.ts";
import { ChargingVectors } from "./policy/charging.ts";
import type { DialPlan } from "./policy/dialPlan.ts";
import { alternativeService, isEmergency } from "./policy/emergency.ts";
import type { BlockTable, Log, RegistrationFact, Revocations, TokenVerifier } from "./ports.ts";
import { Proxy } from "./proxy.ts";
import { Authorisation } from "./registration/authorisation.ts";
import { RegEvent } from "./registration/regEvent.ts";
import { Registrar } from "./registration/registrar.ts";
import { Registrations, type Registration } from "./registration/registration.ts";
import { Seal } from "./seal.ts";
import { allow } from "./session/session.ts";
import { Sessions } from "./session/sessions.ts";
import { Flow, type FlowEvents } from "./w2/flow.ts";
import { W2Listener } from "./w2/listener.ts";

export interface EpcscfOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly verifier: TokenVerifier;
  readonly blocks: BlockTable;
  readonly revocations: Revocations;
  readonly reportRegistration: (fact: RegistrationFact) => void;
  readonly media: MediaPlane;
  /** At least 32 secret octets; the same ones after a restart keep Paths in the core recognisable. */
  readonly sealKey: Uint8Array;
  readonly home: CoreOptions;
  /** P-Visited-Network-ID; the home domain where this node is in the home network. */
  readonly networkId: string;
  /** This node's address on Mw; port 0 lets the system choose. */
  readonly mw: { readonly address: string; readonly port: number };
  readonly w2: {
    /** Host and port browsers connect to. */
    readonly sentBy: string;
    readonly originAllowed: (origin: string) => boolean;
  };
  readonly authzServer: string;
  readonly dialPlan: DialPlan;
  /** Numbers screened as emergency calls, for example `112`. */
  readonly emergencyNumbers: readonly string[];
  /** Longest registration asked of the core, seconds. */
  readonly maxExpires: number;
  readonly graceSeconds: number;
  readonly latchCoreMedia: boolean;
}

/** Timers toward user equipment (TS 24.229 table 7.7.1, EPC-WS-13). */
const accessTimers = { t1: 2000, t2: 16_000, t4: 17_000 };
/** Methods proxied between browser and core. */
const proxied = new Set(["SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "OPTIONS", "REFER"]);

/** The eP-CSCF: W2 on one side, Mw on the other, registrations and sessions between them (TS 24.371 §5.5). */
export class Epcscf {
  readonly #options: EpcscfOptions;
  readonly #endpoint: SipEndpoint;
  readonly #core: Core;
  readonly #coreAgent: UserAgent;
  readonly #accessAgent: UserAgent;
  readonly #registrations = new Registrations();
  readonly #seal: Seal;
  readonly #authorisation: Authorisation;
  readonly #registrar: Registrar;
  readonly #regEvent: RegEvent;
  readonly #proxy: Proxy;
  readonly #sessions: Sessions;
  readonly #listener: W2Listener;
  readonly #stopRevocations: () => void;
  #flowCount = 0;
  #closed = false;

  /** Opens the Mw sockets and returns a node ready for {@link upgrade}. @throws Error when the address is in use. */
  static async open(options: EpcscfOptions): Promise<Epcscf> {
    let node: Epcscf | undefined;
    const { mw, log } = options;
    const endpoint = await openSipEndpoint({
      ...mw,
      udp: true,
      tcp: true,
      onMessage: (message, hop) => node?.fromCore(message, hop),
      onMalformed: (error) => log.warn("mw.malformed", { code: error.code }),
    });
    node = new Epcscf(options, endpoint);
    return node;
  }

  private constructor(options: EpcscfOptions, endpoint: SipEndpoint) {
    const { clock, random, log, home, media, w2, revocations } = options;
    this.#options = options;
    this.#endpoint = endpoint;
    this.#core = new Core(home, endpoint);
    const core = this.#core;
    const registrations = this.#registrations;
    const [host = ""] = core.sentBy.split(/:\d+$/);
    const charging = new ChargingVectors({ host, network: options.networkId, random });
    this.#seal = new Seal(options.sealKey);
    this.#coreAgent = new UserAgent({ clock, random, onRequest: (tx) => void this.#settle(tx, this.#coreRequest(tx)) });
    this.#accessAgent = new UserAgent({
      clock,
      random,
      timers: accessTimers,
      onRequest: (tx) => void this.#settle(tx, this.#accessRequest(tx)),
    });
    this.#authorisation = new Authorisation({
      verifier: options.verifier,
      revocations,
      blocks: options.blocks,
      homeDomain: home.homeDomain,
      authzServer: options.authzServer,
    });
    const shared = { core, registrations, charging, random, log };
    this.#registrar = new Registrar({
      ...shared,
      agent: this.#coreAgent,
      authorisation: this.#authorisation,
      seal: this.#seal,
      clock,
      wallClock: options.wallClock,
      networkId: options.networkId,
      maxExpires: options.maxExpires,
      graceSeconds: options.graceSeconds,
      registered: (registration, initial) => this.#registered(registration, initial),
      flowReplaced: (registration, flow) => this.#sessions.flowReplaced(registration, flow),
      ended: (registration, reason, confirmed) => {
        this.#sessions.release(registration, reason);
        this.#report(registration, "deregistered", reason, confirmed);
      },
    });
    this.#regEvent = new RegEvent({
      ...shared,
      agent: this.#coreAgent,
      ended: (registration) => void this.#registrar.end(registration, "network", true),
    });
    const agents = { coreAgent: this.#coreAgent, accessAgent: this.#accessAgent, accessSentBy: w2.sentBy };
    this.#proxy = new Proxy({ core, ...agents, seal: this.#seal, charging });
    this.#sessions = new Sessions({
      ...agents,
      core,
      media,
      charging,
      random,
      log,
      dialPlan: options.dialPlan,
      latchCoreMedia: options.latchCoreMedia,
    });
    this.#listener = new W2Listener({
      clock,
      log,
      sentBy: w2.sentBy,
      originAllowed: w2.originAllowed,
      newFlowId: () => `${(this.#flowCount += 1)}-${random.token(8)}`,
      eventsFor: (flow) => this.#flowEvents(flow),
      isRegistered: (flow) => registrations.byFlow(flow) !== undefined,
    });
    this.#stopRevocations = revocations.onRevoked(({ sessionId, impu, tenant }) => {
      void this.#registrar.endAll(
        "revoked",
        ({ claims }) =>
          (sessionId === undefined || claims.sessionId === sessionId) &&
          (impu === undefined || claims.impu === impu) &&
          (tenant === undefined || claims.tenant === tenant),
      );
    });
  }

  /** Port on Mw. */
  get mwPort(): number {
    return this.#endpoint.port;
  }

  /** Live flows, registrations and sessions. */
  get counts(): { readonly flows: number; readonly registrations: number; readonly sessions: number } {
    return {
      flows: this.#listener.size,
      registrations: this.#registrations.size,
      sessions: this.#sessions.size,
    };
  }

  /** Takes an HTTP upgrade to W2. @param secure TLS is below it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, secure: boolean): void {
    this.#listener.upgrade(request, socket, head, secure);
  }

  /** A message on Mw. */
  fromCore(message: SipMessage, hop: Hop): void {
    this.#coreAgent.receive(message, hop);
  }

  /** Ends every registration in the core, then closes all sockets. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopRevocations();
    await this.#registrar.endAll("portal-closing", () => true);
    this.#listener.close();
    this.#registrar.close();
    this.#accessAgent.close();
    this.#coreAgent.close();
    await this.#endpoint.close();
  }

  #flowEvents(flow: () => Flow): FlowEvents {
    return {
      message: (message) => this.#accessAgent.receive(message, flow()),
      excess: (message) => this.#refuseExcess(message, flow()),
      closed: () => this.#registrar.flowClosed(flow()),
    };
  }

  async #accessRequest(tx: ServerTransaction): Promise<void> {
    const { request, hop } = tx;
    const { home, emergencyNumbers } = this.#options;
    if (!(hop instanceof Flow)) throw new TypeError("a request on W2 comes by a flow");
    if (request.method === "REGISTER") return this.#registrar.register(tx, hop);
    // EPC-SES-01: before everything else, whoever asks.
    if (isEmergency(request.uri, emergencyNumbers)) {
      return tx.respond(alternativeService(request, `sip:${home.homeDomain}`));
    }
    let cancelled = false;
    tx.onCancel = () => (cancelled = true);
    const claims = await this.#authorisation.claims(request);
    const registration = this.#registrations.byFlow(hop);
    if (registration === undefined) throw new EpcscfError("epcscf/unregistered");
    if (claims !== undefined && claims.impu !== registration.impu) throw new EpcscfError("epcscf/other-identity");
    if (cancelled) return tx.reply(487);
    if (request.method === "INVITE") return this.#sessions.outgoing(tx, registration);
    if (proxied.has(request.method)) return this.#proxy.up(tx, registration, hop);
    throw new EpcscfError("epcscf/method");
  }

  async #coreRequest(tx: ServerTransaction): Promise<void> {
    const { request } = tx;
    if (this.#regEvent.owns(request)) return this.#regEvent.notify(tx);
    const [route] = request.list("Route");
    const { user = "" } = parseUri(request.uri);
    if (request.method === "OPTIONS" && route === undefined && user === "") {
      return tx.reply(200, { headers: [["Allow", allow]] });
    }
    const registration = this.#registrations.byKey(user);
    const token = route === undefined ? undefined : parseUri(parseNameAddr(route).uri).user;
    if (token === undefined || this.#seal.open("path", token) === undefined) throw new EpcscfError("epcscf/flow-token");
    if (registration?.flow === undefined) throw new EpcscfError("epcscf/flow-gone");
    if (request.method === "INVITE") return this.#sessions.incoming(tx, registration);
    if (proxied.has(request.method)) return this.#proxy.down(tx, registration);
    throw new EpcscfError("epcscf/method");
  }

  /** No request stays without an answer, and no fault of one ends the process. */
  async #settle(tx: ServerTransaction, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (error instanceof TokenError) return tx.respond(this.#authorisation.challenge(tx.request, error));
      if (error instanceof EpcscfError) {
        const headers: [string, string][] = error.status === 405 ? [["Allow", allow]] : [];
        return tx.reply(error.status, { reason: error.message, headers });
      }
      this.#options.log.alarm("request.internal", {
        method: tx.request.method,
        message: error instanceof Error ? error.message : "unknown",
      });
      tx.reply(500);
    }
  }

  #refuseExcess(message: SipMessage, flow: Flow): void {
    this.#options.log.warn("w2.rate", { flow: flow.id });
    if ("status" in message || message.method === "ACK") return;
    const { status, message: reason } = new EpcscfError("epcscf/rate");
    flow.send(createResponse(message, status, { reason, headers: [["Retry-After", "5"]] }).toOctets());
  }

  #registered(registration: Registration, initial: boolean): void {
    this.#report(registration, "registered", initial ? "registered" : "refreshed", true);
    if (!initial) return;
    const seconds = Math.ceil((registration.grantedUntil - this.#options.clock.now()) / 1000);
    void this.#regEvent.subscribe(registration, seconds);
  }

  #report(registration: Registration, state: RegistrationFact["state"], reason: string, confirmed: boolean): void {
    const { impu, claims } = registration;
    this.#options.log.info("registration", { state, reason, confirmed });
    this.#options.reportRegistration({ impu, sessionId: claims.sessionId, state, reason, confirmed });
  }
}
