import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { accessTimers, UserAgent, type Hop, type SipMessage } from "@portico/sip";
import { openSipEndpoint, type SipEndpoint } from "@portico/transport";
import { Core } from "./core.ts";
import { ChargingVectors } from "./policy/charging.ts";
import type { EpcscfOptions } from "./options.ts";
import type { RegistrationFact, Revocation } from "./ports.ts";
import { Proxy } from "./proxy.ts";
import { Refuser } from "./refusal.ts";
import { Authorisation } from "./registration/authorisation.ts";
import { RegEvent } from "./registration/regEvent.ts";
import { Registrar } from "./registration/registrar.ts";
import { Registrations, type Registration } from "./registration/registration.ts";
import { Requests } from "./requests.ts";
import { Seal } from "./seal.ts";
import { Sessions } from "./session/sessions.ts";
import type { Flow } from "./w2/flow.ts";
import { W2Listener } from "./w2/listener.ts";

/** The eP-CSCF: W2 on one side, Mw on the other, registrations and sessions between them (TS 24.371 §5.5). */
export class Epcscf {
  readonly #options: EpcscfOptions;
  readonly #endpoint: SipEndpoint;
  readonly #coreAgent: UserAgent;
  readonly #accessAgent: UserAgent;
  readonly #registrations = new Registrations();
  readonly #registrar: Registrar;
  readonly #regEvent: RegEvent;
  readonly #sessions: Sessions;
  readonly #requests: Requests;
  readonly #listener: W2Listener;
  readonly #stopRevocations: () => void;
  #flowCount = 0;
  #closed = false;

  /** Opens the Mw sockets and returns a node ready for {@link upgrade}. @throws Error when the address is in use. */
  static async open(options: EpcscfOptions): Promise<Epcscf> {
    let node: Epcscf | undefined;
    const { mw, log } = options;
    const endpoint = await openSipEndpoint({
      address: mw.address,
      port: mw.port,
      udp: true,
      tcp: true,
      onMessage: (message, hop) => {
        // SEC-04: what comes from elsewhere is not of the core, whatever it says.
        if (mw.peers === undefined || mw.peers.includes(hop.remote.address)) node?.fromCore(message, hop);
        else log.warn("mw.foreign-peer", { address: hop.remote.address });
      },
      onMalformed: (error) => log.warn("mw.malformed", { code: error.code }),
      onHopClosed: (hop) => node?.coreHopClosed(hop),
    });
    node = new Epcscf(options, endpoint);
    return node;
  }

  private constructor(options: EpcscfOptions, endpoint: SipEndpoint) {
    const { clock, random, log, home, media, w2, revocations, wallClock, networkId } = options;
    this.#options = options;
    this.#endpoint = endpoint;
    const core = new Core(home, endpoint);
    const registrations = this.#registrations;
    const [host = ""] = core.sentBy.split(/:\d+$/);
    const charging = new ChargingVectors({ host, network: networkId, random });
    const seal = new Seal(options.sealKey);
    const onError = (error: unknown): void =>
      log.alarm("agent.listener", { message: error instanceof Error ? error.message : "unknown" });
    this.#coreAgent = new UserAgent({ clock, random, onError, onRequest: (tx) => this.#requests.fromCore(tx) });
    this.#accessAgent = new UserAgent({
      clock,
      random,
      timers: accessTimers,
      onError,
      onRequest: (tx) => this.#requests.fromAccess(tx),
    });
    const { homeDomain } = home;
    const { verifier, blocks, authzServer, maxExpires, graceSeconds } = options;
    const authorisation = new Authorisation({ verifier, revocations, blocks, homeDomain, authzServer });
    const shared = { core, registrations, charging, random, log, agent: this.#coreAgent };
    this.#registrar = new Registrar({
      ...shared,
      authorisation,
      seal,
      clock,
      wallClock,
      networkId,
      maxExpires,
      graceSeconds,
      registered: (registration, initial) => this.#registered(registration, initial),
      flowReplaced: (registration, flow) => this.#sessions.flowReplaced(registration, flow),
      ending: (registration, reason) => this.#sessions.release(registration, reason),
      ended: (registration, reason, confirmed) => this.#report(registration, "deregistered", reason, confirmed),
    });
    this.#regEvent = new RegEvent({
      ...shared,
      ended: (registration) => void this.#registrar.end(registration, "network", true),
    });
    const refuser = new Refuser({ log, authorisation, agent: core.sentBy });
    const sides = { core, charging, coreAgent: this.#coreAgent, accessAgent: this.#accessAgent };
    this.#sessions = new Sessions({
      ...sides,
      media,
      random,
      log,
      refuser,
      accessSentBy: w2.sentBy,
      authorise: (request, registration) => this.#requests.authorise(request, registration),
      dialPlan: options.dialPlan,
      latchCoreMedia: options.latchCoreMedia,
    });
    this.#requests = new Requests({
      log,
      wallClock,
      emergencyNumbers: options.emergencyNumbers,
      accessSentBy: w2.sentBy,
      authorisation,
      registrations,
      registrar: this.#registrar,
      regEvent: this.#regEvent,
      seal,
      proxy: new Proxy({ ...sides, accessSentBy: w2.sentBy }),
      sessions: this.#sessions,
      refuser,
    });
    this.#listener = new W2Listener({
      clock,
      log,
      sentBy: w2.sentBy,
      originAllowed: w2.originAllowed,
      newFlow: () => {
        const id = `${(this.#flowCount += 1)}-${random.token(8)}`;
        return { id, token: seal.seal("path", id) };
      },
      events: {
        message: (message, flow) => this.#accessAgent.receive(message, flow),
        excess: (message, flow) => this.#requests.excess(message, flow),
        closed: (flow) => this.#flowClosed(flow),
      },
      isRegistered: (flow) => registrations.byFlow(flow) !== undefined,
    });
    this.#stopRevocations = revocations.onRevoked((revocation) => this.#revoked(revocation));
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

  /** A TCP connection to the core is refused or lost: what waits for an answer on it need not wait for a timer. */
  coreHopClosed(hop: Hop): void {
    this.#coreAgent.hopClosed(hop);
  }

  /** Ends every registration in the core, then closes all sockets. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopRevocations();
    // Nobody registers anew while registrations are ended.
    this.#listener.drain();
    await this.#registrar.endAll("portal-closing", () => true);
    this.#listener.close();
    this.#registrar.close();
    this.#accessAgent.close();
    this.#coreAgent.close();
    await this.#endpoint.close();
  }

  #flowClosed(flow: Flow): void {
    const registration = this.#registrations.byFlow(flow);
    this.#registrar.flowClosed(flow);
    this.#accessAgent.hopClosed(flow);
    if (registration !== undefined) this.#sessions.flowLost(registration);
  }

  #revoked({ sessionId, impu, tenant }: Revocation): void {
    void this.#registrar.endAll(
      "revoked",
      ({ claims }) =>
        (sessionId === undefined || claims.sessionId === sessionId) &&
        (impu === undefined || claims.impu === impu) &&
        (tenant === undefined || claims.tenant === tenant),
    );
  }

  #registered(registration: Registration, initial: boolean): void {
    this.#report(registration, "registered", initial ? "registered" : "refreshed", true);
    const seconds = Math.ceil((registration.grantedUntil - this.#options.clock.now()) / 1000);
    void this.#regEvent.subscribe(registration, seconds);
  }

  #report(registration: Registration, state: RegistrationFact["state"], reason: string, confirmed: boolean): void {
    const { impu, claims } = registration;
    this.#options.log.info("registration", { state, reason, confirmed });
    this.#options.reportRegistration({ impu, sessionId: claims.sessionId, state, reason, confirmed });
  }
}
