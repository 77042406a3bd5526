import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { accessTimers, largeStorage, parseNameAddr, UserAgent, type Hop, type SipMessage } from "@portico/sip";
import { openSipEndpoint, systemResolver, type SipEndpoint, type TlsCredentials } from "@portico/transport";
import { Core } from "./core.ts";
import { detached } from "./detached.ts";
import { Events, type EpcscfEvent } from "./events.ts";
import { Fork, Loop } from "./fork.ts";
import { ChargingVectors, icidValue } from "./policy/charging.ts";
import type { EpcscfOptions } from "./options.ts";
import type { Log, RegistrationFact, RegistrationUse, Revocation, SessionFact, SharedThing } from "./ports.ts";
import { type PassedMessage, Proxy } from "./proxy.ts";
import { Refuser } from "./refusal.ts";
import { Authorisation } from "./registration/authorisation.ts";
import { RegEvent } from "./registration/regEvent.ts";
import { Registrar } from "./registration/registrar.ts";
import { Registrations, type EndReason, type Registration } from "./registration/registration.ts";
import { registrationView, type RegistrationView } from "./registration/view.ts";
import { Requests } from "./requests.ts";
import { Seal } from "./seal.ts";
import type { Session } from "./session/session.ts";
import { Sessions } from "./session/sessions.ts";
import type { SessionView } from "./session/view.ts";
import { Traces } from "./trace.ts";
import type { Flow } from "./w2/flow.ts";
import { W2Listener } from "./w2/listener.ts";

/** The eP-CSCF: W2 on one side, Mw on the other, registrations and sessions between them (TS 24.371 §5.5). */
export class Epcscf {
  readonly #options: EpcscfOptions;
  readonly #endpoint: SipEndpoint;
  readonly #coreAgent: UserAgent;
  readonly #accessAgent: UserAgent;
  readonly #events: Events;
  readonly #log: Log;
  readonly #registrations = new Registrations();
  readonly #registrar: Registrar;
  readonly #regEvent: RegEvent<Registration>;
  readonly #sessions: Sessions;
  readonly #requests: Requests;
  readonly #listener: W2Listener;
  readonly #stopRevocations: () => void;
  /** The SIP messages of users an operator wants to see. */
  readonly traces: Traces;
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
      tls: mw.tls,
      onMessage: (message, hop) => {
        // SEC-04: what comes from elsewhere is not of the core, whatever it says.
        if (mw.peers === undefined || mw.peers.includes(hop.remote.address)) node?.fromCore(message, hop);
        else log.warn("mw.foreign-peer", { address: hop.remote.address });
      },
      onSend: (octets) => node?.traces.active && node.traces.core("out", octets),
      onMalformed: (error) => log.warn("mw.malformed", { code: error.code }),
      onHopClosed: (hop) => node?.coreHopClosed(hop),
      onUnreached: ({ message }, { address, port }, protocol) =>
        log.warn("mw.unreached", { address, port, protocol, reason: message }),
    });
    try {
      node = new Epcscf(options, endpoint);
    } catch (error) {
      await endpoint.close();
      throw error;
    }
    try {
      await node.#registrar.endings.restore();
    } catch (error) {
      await node.close();
      throw error;
    }
    return node;
  }

  private constructor(options: EpcscfOptions, endpoint: SipEndpoint) {
    const { clock, random, home, media, w2, revocations, wallClock, networkId } = options;
    this.#options = options;
    this.#endpoint = endpoint;
    this.#events = new Events(options.log);
    const { log } = this.#events;
    this.#log = log;
    const resolver = options.resolver ?? systemResolver({ clock });
    const core = new Core(home, { endpoint, resolver, clock, random });
    const registrations = this.#registrations;
    this.traces = new Traces({
      clock,
      wallClock,
      namesOf: (impu) =>
        registrations.ofImpu(impu).flatMap(({ key, associated }) => associated.map(uriOf).concat(`sip:${key}`)),
    });
    const [host = ""] = core.sentBy.split(/:\d+$/);
    const charging = new ChargingVectors({ host, network: networkId, random });
    const seal = new Seal(options.sealKey);
    const onError = (error: unknown): void =>
      log.alarm("agent.listener", { message: error instanceof Error ? error.message : "unknown" });
    const surroundings = { clock, random, storage: largeStorage(random), onError };
    this.#coreAgent = new UserAgent({ ...surroundings, onRequest: (tx) => this.#requests.fromCore(tx) });
    this.#accessAgent = new UserAgent({
      ...surroundings,
      timers: accessTimers,
      onRequest: (tx) => this.#requests.fromAccess(tx),
    });
    const loop = new Loop(this.#coreAgent, core.sentBy);
    const { homeDomain } = home;
    const { verifier, blocks, authzServer, maxExpires, graceSeconds } = options;
    const authorisation = new Authorisation({ verifier, revocations, blocks, homeDomain, authzServer });
    const shared = { core, registrations, charging, random, log, agent: this.#coreAgent };
    this.#registrar = new Registrar({
      ...shared,
      homeDomain,
      blocks,
      ownCredentials: options.ownCredentials,
      authorisation,
      seal,
      clock,
      wallClock,
      networkId,
      maxExpires,
      graceSeconds,
      registrationsPerSecond: options.registrationsPerSecond,
      policyOf: options.policyOf,
      sharedLimits: options.sharedLimits,
      sessionGraceSeconds: options.sessionGraceSeconds,
      calls: (registration) => this.#sessions.count(registration),
      node: options.node,
      store: options.registrationStore,
      registered: (registration, initial, chargingVector) => this.#registered(registration, initial, chargingVector),
      flowLost: (registration) => this.#changed(registration, "flow-lost"),
      flowReplaced: (registration, flow) => {
        this.#sessions.flowReplaced(registration, flow);
        if (registration.grantedUntil > 0) this.#changed(registration, "flow-back");
      },
      ending: (registration, reason) => this.#sessions.release(registration, reason),
      ended: (registration, reason, confirmed) => this.#ended(registration, reason, confirmed),
      ask: (registration) => this.#regEvent.ask(registration),
      gone: (binding, reason) => this.#report(binding, "deregistered", reason, true),
    });
    this.#regEvent = new RegEvent({
      ...shared,
      clock,
      ended: (registration, reason) => this.#registrar.endings.endedByCore(registration, reason),
    });
    const refuser = new Refuser({ log, authorisation, agent: core.sentBy, accessSentBy: w2.sentBy });
    const sides = {
      core,
      charging,
      coreAgent: this.#coreAgent,
      accessAgent: this.#accessAgent,
      scscfLost: (registration: Registration) => this.#registrar.scscfLost(registration),
      isForgotten: (registration: Registration) => this.#registrar.isForgotten(registration),
    };
    this.#sessions = new Sessions({
      ...sides,
      media,
      random,
      wallClock,
      log,
      refuser,
      accessSentBy: w2.sentBy,
      authorise: (request, registration) => this.#requests.authorise(request, registration),
      policyOf: options.policyOf,
      sharedLimits: options.sharedLimits,
      latchCoreMedia: options.latchCoreMedia,
      began: ({ view }) => this.#events.emit(() => ({ type: "session", change: "began", session: view })),
      answered: (session) => this.#answered(session),
      message: ({ registration }, message) => this.#passed(registration, message),
      ended: (session, end) => {
        const { legTimes: legs } = session;
        this.#events.emit(() => ({ type: "session", change: "ended", session: session.view, end, legs }));
        void this.#write({ type: "ended", session: session.view, impi: session.registration.entry.impi, end });
      },
    });
    this.#requests = new Requests({
      log,
      wallClock,
      emergencyNumbers: options.emergencyNumbers,
      accessSentBy: w2.sentBy,
      core,
      authorisation,
      registrations,
      registrar: this.#registrar,
      regEvent: this.#regEvent,
      seal,
      proxy: new Proxy({
        ...sides,
        accessSentBy: w2.sentBy,
        wallClock,
        policyOf: options.policyOf,
        passed: (registration, message) => this.#passed(registration, message),
        subscribed: (registration, subscription) => {
          options.noteSubscription({ ...this.#servedUser(registration), ...subscription });
        },
      }),
      sessions: this.#sessions,
      refuser,
      fork: (tx, branches) => new Fork(tx, branches, this.#coreAgent, loop),
    });
    this.#listener = new W2Listener({
      clock,
      log,
      sentBy: w2.sentBy,
      originAllowed: w2.originAllowed,
      maxPerAddress: w2.maxPerAddress ?? 2000,
      maxPerSite: w2.maxPerSite ?? 50_000,
      newFlow: () => {
        const id = detached(`${(this.#flowCount += 1)}-${random.token(8)}`);
        return { id, token: detached(seal.seal("path", id)) };
      },
      events: {
        message: (message, flow) => {
          if (this.traces.active) this.#traceAccess("in", message.toOctets(), flow);
          this.#accessAgent.receive(message, flow);
        },
        sending: (octets, flow) => this.traces.active && this.#traceAccess("out", octets, flow),
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

  /** Port of Mw over TLS. */
  get mwTlsPort(): number | undefined {
    return this.#endpoint.tlsPort;
  }

  /** Another certificate on Mw, for connections from now on. @throws TransportError `transport/tls-credentials`. */
  setMwCredentials(credentials: TlsCredentials): void {
    this.#endpoint.setSecureContext(credentials);
  }

  /** Live flows, registrations and sessions. */
  get counts(): {
    readonly flows: number;
    readonly registrations: number;
    readonly sessions: number;
    /** Bindings in the core that are being ended, or wait for it. */
    readonly leftovers: number;
  } {
    return {
      flows: this.#listener.size,
      registrations: this.#registrations.size,
      leftovers: this.#registrar.endings.leftovers,
      sessions: this.#sessions.size,
    };
  }

  /** What a tenant has at once on this node, as its limits count it. */
  held(what: SharedThing, tenant: string): number {
    return what === "calls" ? this.#sessions.heldBy(tenant) : this.#registrations.tally.of(tenant);
  }

  /** Live registrations. @param forOperator with the IMPI and what else is the network's own (PRV-01). */
  registrations(forOperator = false): RegistrationView[] {
    return [...this.#registrations.all()].map((registration) => this.#view(registration, forOperator));
  }

  /** Calls, in set-up or answered. */
  sessions(): SessionView[] {
    return [...this.#sessions.all()].map(({ view }) => view);
  }

  /**
   * Ends a registration: its calls, its binding in the core, its WebSocket (EPC-DER-05).
   * @returns true when the core has confirmed; undefined when there is no registration of this id.
   */
  async endRegistration(id: string, reason: EndReason = "operator"): Promise<boolean | undefined> {
    const registration = this.#registrations.byKey(id);
    return registration && (await this.#registrar.endings.end(registration, reason));
  }

  /** Ends a call. @param reason words for both parties' Reason header field. @returns false when there is none of this id. */
  releaseSession(id: string, reason: string): boolean {
    return this.#sessions.releaseOne(id, reason);
  }

  /** Tells of every change from now on. @returns a function that ends that. */
  on(listener: (event: EpcscfEvent) => void): () => void {
    return this.#events.on(listener);
  }

  /** Takes an HTTP upgrade to W2. @param secure TLS is below it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, secure: boolean): void {
    this.#listener.upgrade(request, socket, head, secure);
  }

  /** A message on Mw. */
  fromCore(message: SipMessage, hop: Hop): void {
    if (this.traces.active) this.traces.core("in", message.toOctets());
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
    this.traces.close();
    // Nobody registers anew while registrations are ended.
    this.#listener.drain();
    await this.#registrar.close();
    this.#listener.close();
    this.#accessAgent.close();
    this.#coreAgent.close();
    await this.#endpoint.close();
  }

  #traceAccess(way: "in" | "out", octets: string, flow: Flow): void {
    this.traces.access(way, octets, this.#registrations.byFlow(flow)?.impu);
  }

  #flowClosed(flow: Flow): void {
    const registration = this.#registrations.byFlow(flow);
    this.#registrar.endings.flowClosed(flow);
    this.#accessAgent.hopClosed(flow);
    if (registration !== undefined) this.#sessions.flowLost(registration);
  }

  #revoked({ sessionId, impu, tenant }: Revocation): void {
    void this.#registrar.endings.endAll(
      "revoked",
      ({ claims }) =>
        (sessionId === undefined || claims.sessionId === sessionId) &&
        (impu === undefined || claims.impu === impu) &&
        (tenant === undefined || claims.tenant === tenant),
    );
  }

  #registered(registration: Registration, initial: boolean, chargingVector?: string): void {
    registration.registers += 1;
    // All the WAF learns of a refresh is until when the token lets it live: with the same token, nothing.
    // A core that grants more than it was asked for may hold the binding when the token is over (WWSF-06).
    const { claims, grant, grantedAt, facts, reported } = registration;
    const until = grantedAt + (grant?.seconds ?? 0) * 1000;
    const isBeyond = until > claims.expiresAt * 1000 + beyondToken;
    if (initial || reported !== claims || isBeyond) {
      registration.reported = claims;
      this.#report(
        facts,
        "registered",
        initial ? "registered" : "refreshed",
        true,
        isBeyond ? { expiresAt: until } : {},
      );
    }
    this.#changed(registration, initial ? "registered" : "refreshed");
    if (initial) {
      const icid = chargingVector === undefined ? {} : { icid: icidValue(chargingVector) };
      this.#options.noteRegistration({ ...useOf(registration), ...icid });
    }
    // The core knows the block alone, and tells its end (ADM-04).
    if (registration.entry.shared !== undefined) return;
    this.#regEvent.watch(registration);
  }

  #ended(registration: Registration, reason: EndReason, confirmed: boolean): void {
    this.#regEvent.unwatch(registration);
    this.#report(registration.facts, "deregistered", reason, confirmed);
    // A log-out may be the first that this process hears of a browser.
    if (registration.since === 0) return;
    this.#options.noteRegistration({ ...useOf(registration), end: { at: this.#options.wallClock(), reason } });
    this.#events.emit(() => ({
      type: "registration",
      change: "ended",
      registration: this.#view(registration),
      reason,
      confirmed,
    }));
  }

  #changed(registration: Registration, change: "registered" | "refreshed" | "flow-lost" | "flow-back"): void {
    this.#events.emit(() => ({ type: "registration", change, registration: this.#view(registration) }));
  }

  #view(registration: Registration, forOperator = false): RegistrationView {
    const { node } = this.#options;
    return registrationView(registration, {
      node,
      sessions: this.#sessions.count(registration),
      forOperator,
    });
  }

  /** Decision of the house: what is to be charged is written before the caller hears of the answer. */
  async #answered(session: Session): Promise<void> {
    const { view, registration } = session;
    this.#events.emit(() => ({ type: "session", change: "answered", session: view }));
    await this.#write({ type: "answered", session: view, impi: registration.entry.impi });
  }

  async #passed(registration: Registration, message: PassedMessage): Promise<void> {
    const fact = { ...this.#servedUser(registration), ...message };
    await this.#options.reportMessage(fact).catch(() => this.#log.alarm("usage.not-written", { fact: "message" }));
  }

  /** Of a record of one request. */
  #servedUser({ entry, claims }: Registration) {
    const { tenant, impu, impi } = entry;
    return { id: this.#options.random.token(22), tenant, clientId: claims.clientId, impu, impi };
  }

  async #write(fact: SessionFact): Promise<void> {
    try {
      await this.#options.reportSession(fact);
    } catch {
      this.#log.alarm("usage.not-written", { fact: fact.type });
    }
  }

  #report(
    { impu, sessionId }: { readonly impu: string; readonly sessionId: string },
    state: RegistrationFact["state"],
    reason: string,
    confirmed: boolean,
    more: Pick<RegistrationFact, "expiresAt"> = {},
  ): void {
    this.#log.info("registration", { state, reason, confirmed });
    // No lease of the WAF's stands behind a user with credentials of her own.
    if (sessionId === "") return;
    // Two tabs of one web session share its lease: that is free when the last binding is gone.
    const free = confirmed && (state === "registered" || !this.#registrar.endings.mayBind({ impu, sessionId }));
    this.#options.reportRegistration({ impu, sessionId, state, reason, confirmed: free, ...more });
  }
}

/** So much longer than the token an identity rests anyway, ms: half of the skew allowed between clocks (WAF-06). */
const beyondToken = 30_000;

function useOf({ key, entry, claims, since, grantedAt, registers }: Registration): RegistrationUse {
  const { tenant, impu, impi } = entry;
  const times = { beganAt: since, renewedAt: grantedAt, registers };
  return { id: `${key}-${since}`, tenant, clientId: claims.clientId, impu, impi, ...times };
}

const uriOf = (value: string): string => parseNameAddr(value).uri;
