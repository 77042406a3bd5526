import { SipRequest, parseNameAddr, parseUri, unquote } from "@portico/sip";
import type { Clock, ServerTransaction, SipMessage, SipResponse, TransactionLayer } from "@portico/sip";
import { systemClock, systemRandom } from "@portico/transport";
import type { SocketAddress } from "@portico/transport";
import { CallRegister, originatingBinding } from "./calls.ts";
import { Element, LabHop, proxyLayer } from "./element.ts";
import type { ElementOptions } from "./element.ts";
import type { Hss } from "./hss.ts";
import { inspectRequest, inspectResponse } from "./hygiene.ts";
import { identityKey, numberOf } from "./identity.ts";
import type { Interceptors } from "./interception.ts";
import { RegEventNotifier } from "./regEvent.ts";
import { RegistrationProcedure, chargingFunctions, withTermIoi } from "./register.ts";
import type { ExpiryBounds } from "./register.ts";
import { Registrar } from "./registrar.ts";
import type { Binding, BindingChange, ContactEvent, Registration } from "./registrar.ts";
import { ResponseContext } from "./responseContext.ts";
import type { Target } from "./responseContext.ts";
import { ServiceTriggers } from "./services.ts";
import type { DivertedRequest } from "./services.ts";
import { cameFrom, countHop, nextHop, takeOwnRoutes } from "./routing.ts";

/** What the S-CSCF needs beside its sockets. */
export interface ScscfOptions extends Omit<ElementOptions, "name" | "receive"> {
  readonly homeDomain: string;
  readonly hss: Hss;
  readonly expiry: ExpiryBounds;
  readonly interceptors: Interceptors;
  readonly applicationServer: string | undefined;
  icscf(): Element;
  /** That one and those that stand in for it. */
  icscfs(): readonly Element[];
  /** The breakout to telephones. */
  breakout(): Element;
  isTrusted(address: string): boolean;
  isOwn(request: SipRequest): boolean;
  /** Whether one of the lab's own elements listens there. */
  isOwnAddress(address: SocketAddress): boolean;
  violation(text: string, message: SipRequest | SipResponse): void;
}

const dialogMethods: ReadonlySet<string> = new Set(["INVITE", "SUBSCRIBE", "REFER"]);

/** Registrar and session control of the home network: TS 24.229 §5.4. */
export class Scscf {
  readonly element: Element;
  readonly registrar: Registrar;
  readonly #o: ScscfOptions;
  readonly #layer: TransactionLayer;
  readonly #registration: RegistrationProcedure;
  readonly #regEvent: RegEventNotifier;
  readonly #calls: CallRegister;
  readonly #services: ServiceTriggers;
  #keepCalls = false;

  private constructor(options: ScscfOptions, element: Element, layer: TransactionLayer) {
    const clock: Clock = systemClock;
    this.#o = options;
    this.element = element;
    this.#layer = layer;
    this.registrar = new Registrar(
      clock,
      (length) => systemRandom.token(length),
      (identity) => options.hss.serving(identity),
    );
    this.#registration = new RegistrationProcedure({
      homeDomain: options.homeDomain,
      hss: options.hss,
      registrar: this.registrar,
      clock,
      random: systemRandom,
      expiry: options.expiry,
      serviceRoute: (user) => element.route(user),
      violation: (text, request) => options.violation(text, request),
    });
    this.#calls = new CallRegister(element, layer);
    this.#regEvent = new RegEventNotifier({ element, layer, registrar: this.registrar, clock });
    const { registrar } = this;
    const { applicationServer } = options;
    this.#services = new ServiceTriggers({ element, layer, registrar, clock, random: systemRandom, applicationServer });
    // TS 24.229 §5.4.1.4: the calls of a contact end with it; those of an RTR see {@link deregister}
    this.registrar.onChange((registration, changes) => {
      if (!this.#keepCalls) this.#calls.release(registration, endedOf(registration, changes));
      const { impi, impu } = registration.subscription;
      const expired = changes.some(({ event }) => event === "expired");
      if (expired && registration.bindings.length === 0) options.hss.assign(impi, impu, "TIMEOUT_DEREGISTRATION");
    });
  }

  /** @throws TransportError when the port is taken */
  static async open(options: ScscfOptions): Promise<Scscf> {
    const layer = proxyLayer(
      (tx) => scscf.#request(tx),
      (ack) => scscf.#ack(ack),
    );
    const element = await Element.open({ ...options, name: "S-CSCF", receive: (m, hop) => scscf.#receive(m, hop) });
    const scscf = new Scscf(options, element, layer);
    return scscf;
  }

  /**
   * The HSS or the operator ends a registration (TS 24.229 §5.4.1.5).
   * @param releaseCalls whether the S-CSCF ends its calls first; if not, that is left to the P-CSCF
   */
  deregister(identity: string, event: ContactEvent, releaseCalls: boolean): boolean {
    this.#keepCalls = !releaseCalls;
    try {
      return this.registrar.end(identity, event);
    } finally {
      this.#keepCalls = false;
    }
  }

  close(): Promise<void> {
    this.#regEvent.close();
    this.#services.close();
    this.registrar.close();
    this.#layer.close();
    return this.element.close();
  }

  #receive(message: SipMessage, hop: LabHop): void {
    // CANCEL is answered below us, so its headers are looked at here
    if (message instanceof SipRequest && message.method === "CANCEL" && !this.#o.isOwn(message)) this.#find(message);
    this.#layer.receive(message, hop);
  }

  /** Notes breaches of the rules. @returns the first */
  #find(request: SipRequest): string | undefined {
    const findings = inspectRequest(request);
    for (const finding of findings) this.#o.violation(finding, request);
    return findings[0];
  }

  #request(tx: ServerTransaction): void {
    const request = tx.request.clone();
    const remote = tx.hop instanceof LabHop ? tx.hop.remote.address : "";
    if (!this.#o.isTrusted(remote)) {
      tx.reply(403, { reason: "Forbidden - Untrusted Node" });
      return;
    }
    if (!countHop(request)) {
      tx.reply(483);
      return;
    }
    if (!this.#o.isOwn(request) && this.#refusesHygiene(tx)) return;
    if (this.#o.interceptors.takes(tx, "S-CSCF")) return;
    if (request.method === "REGISTER") {
      if (this.#cameFromIcscf(request)) this.#registration.handle(tx);
      else tx.reply(403, { reason: "Forbidden - Not By Way Of The I-CSCF" });
      return;
    }
    const [role] = takeOwnRoutes(this.element, request);
    const diverted = this.#services.returned(role);
    if (request.toTag !== undefined) this.#inDialog(tx, request);
    else if (diverted !== undefined) this.#resume(tx, request, diverted);
    else if (role?.startsWith("orig.") === true) this.#originate(tx, request, role);
    else if (role === "term" && this.#cameFromIcscf(request)) this.#terminate(tx, request);
    // CORE-11: the Service-Route is the only way in
    else tx.reply(403, { reason: "Forbidden - Not Along The Service-Route" });
  }

  #cameFromIcscf(request: SipRequest): boolean {
    return this.#o.icscfs().some((icscf) => cameFrom(request, icscf));
  }

  #refusesHygiene(tx: ServerTransaction): boolean {
    const finding = this.#find(tx.request);
    if (finding === undefined) return false;
    tx.reply(400, { reason: `Bad Request - ${finding}` });
    return true;
  }

  #inDialog(tx: ServerTransaction, request: SipRequest): void {
    this.#calls.follow(request);
    if (this.#regEvent.refresh(tx)) return;
    if (!request.has("Route") && this.element.owns(parseUri(request.uri))) {
      tx.reply(481);
      return;
    }
    this.#toTarget(tx, request);
  }

  #toTarget(tx: ServerTransaction, request: SipRequest, served?: Registration): void {
    this.#forward(tx, request, [[this.#target(request)]], served);
  }

  #originate(tx: ServerTransaction, request: SipRequest, role: string): void {
    const served = this.registrar.findByServiceUser(role);
    const values = request.list("P-Asserted-Identity").map((value) => parseNameAddr(value).uri);
    const asserted = values.map((uri) => identityKey(uri));
    const own = new Set(served?.identities.map((identity) => identityKey(identity)));
    const byWildcard = values.some((uri) => this.#isByWildcard(uri, served));
    if (served === undefined || !(byWildcard || asserted.some((identity) => own.has(identity)))) {
      tx.reply(403, { reason: "Forbidden - Served User Not Registered" });
      return;
    }
    if (request.method === "SUBSCRIBE" && isRegEvent(request)) {
      this.#regEvent.subscribe(tx);
      return;
    }
    // TS 24.229 §5.4.3.2: the S-CSCF adds the other form of the identity
    const missing = served.identities.find((identity) => !asserted.includes(identityKey(identity)));
    if (asserted.length === 1 && missing !== undefined && !byWildcard)
      request.add("P-Asserted-Identity", `<${missing}>`);
    request.set("P-Charging-Function-Addresses", chargingFunctions);
    this.#recordRoute(request);
    if (this.#services.divert(request, { served, sessionCase: "orig" })) this.#toTarget(tx, request, served);
    else this.#routeOriginating(tx, request, served);
  }

  /** Whether a wildcard of the set, and nothing distinct, stands for the identity. */
  #isByWildcard(uri: string, served: Registration | undefined): boolean {
    const { hss } = this.#o;
    return hss.find(uri) === undefined && hss.serving(uri)?.impu === served?.subscription.impu && served !== undefined;
  }

  #routeOriginating(tx: ServerTransaction, request: SipRequest, served: Registration): void {
    const next = this.#elementFor(request.uri);
    if (next === undefined) tx.reply(404);
    else {
      // A loose route, so that one call's passages of the I-CSCF differ (RFC 3261 §8.2.2.2: no merged request)
      if (next === this.#o.icscf()) request.prepend("Route", next.route("locate"));
      this.#forward(tx, request, [[this.#targetAt(request, next)]], served);
    }
  }

  /** Numbers of subscribers and names of our domains stay in the IMS; other numbers break out (TS 24.229 §5.4.3.2). */
  #elementFor(called: string): Element | undefined {
    const { homeDomain, hss } = this.#o;
    const uri = parseUri(called);
    const domain = uri.host.toLowerCase();
    if (hss.serving(called) !== undefined) return this.#o.icscf();
    if (numberOf(uri) !== undefined) return this.#o.breakout();
    return domain === homeDomain || hss.servesDomain(domain) ? this.#o.icscf() : undefined;
  }

  #terminate(tx: ServerTransaction, request: SipRequest): void {
    const gruu = parseUri(request.uri).params.has("gr");
    const registration = gruu ? this.#registrationOfGruu(request.uri) : this.registrar.find(request.uri);
    if (request.method === "SUBSCRIBE" && isRegEvent(request)) {
      this.#regEvent.subscribe(tx);
      return;
    }
    if (registration === undefined) {
      tx.reply(480);
      return;
    }
    this.#recordRoute(request);
    if (this.#services.divert(request, { served: registration, sessionCase: "term" })) this.#toTarget(tx, request);
    else this.#routeTerminating(tx, request, registration);
  }

  #routeTerminating(tx: ServerTransaction, request: SipRequest, registration: Registration): void {
    const gruu = parseUri(request.uri).params.has("gr");
    const bindings = registration.bindings.filter((b) => !gruu || hasGruu(b, request.uri));
    if (bindings.length === 0) {
      tx.reply(480);
      return;
    }
    request.set("P-Called-Party-ID", `<${request.uri}>`).set("P-Charging-Function-Addresses", chargingFunctions);
    if (request.method === "INVITE") request.set("P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel");
    this.#forward(
      tx,
      request,
      groupsOf(bindings, (binding, others) => this.#toContact(request, binding, others)),
      registration,
    );
  }

  /** A request that comes back from the application server goes on where it was diverted. */
  #resume(tx: ServerTransaction, request: SipRequest, { served, sessionCase }: DivertedRequest): void {
    request.remove("P-Served-User");
    this.#recordRoute(request);
    if (sessionCase === "orig") this.#routeOriginating(tx, request, served);
    else this.#routeTerminating(tx, request, served);
  }

  /** Whether a registered contact has this GRUU. */
  isTemporaryGruu(uri: string): boolean {
    return parseUri(uri).params.has("gr") && this.#registrationOfGruu(uri) !== undefined;
  }

  #registrationOfGruu(uri: string): Registration | undefined {
    return this.registrar.registrations.find(({ bindings }) => bindings.some((b) => hasGruu(b, uri)));
  }

  /** CORE-10: the contact in the Request-URI, the stored Path as Route. */
  #toContact(request: SipRequest, binding: Binding, others: readonly Binding[]): Target {
    const copy = request.clone().setUri(binding.uri);
    for (const path of binding.path) copy.add("Route", path);
    const alternatives = others.map((other) => this.#toContact(request, other, []));
    return { request: copy, hop: nextHop(this.element, copy), alternatives, binding };
  }

  #recordRoute(request: SipRequest): void {
    if (dialogMethods.has(request.method)) request.prepend("Record-Route", this.element.route());
  }

  #target(request: SipRequest): Target {
    return { request, hop: nextHop(this.element, request), alternatives: [] };
  }

  #targetAt(request: SipRequest, element: Element): Target {
    return { request, hop: this.element.hopTo(element.endpoint, "TCP"), alternatives: [] };
  }

  #forward(
    tx: ServerTransaction,
    request: SipRequest,
    groups: readonly (readonly Target[])[],
    served?: Registration,
  ): void {
    const vector = request.get("P-Charging-Vector");
    const outside = groups.flat().some(({ hop }) => !this.#o.isOwnAddress(hop.remote));
    ResponseContext.forward(this.#layer, tx, groups, {
      edit: (response, { binding }) => {
        if (outside) this.#inspect(request, response);
        if (served !== undefined && response.cseq.method === "INVITE" && response.status === 200) {
          this.#calls.note(served, binding ?? originatingBinding(served, tx.request), tx.request, response);
        }
        if (vector !== undefined) response.set("P-Charging-Vector", withTermIoi(vector, this.#o.homeDomain));
      },
    });
  }

  #inspect(request: SipRequest, response: SipResponse): void {
    for (const finding of inspectResponse(response)) this.#o.violation(finding, response);
    const answered = request.method === "INVITE" && request.toTag === undefined && response.status === 200;
    if (answered && !response.has("P-Asserted-Identity")) {
      this.#o.violation("EPC-SES-07: answer without P-Asserted-Identity", response);
    }
  }

  #ack(ack: SipRequest): void {
    if (!this.#o.isOwn(ack)) this.#find(ack);
    const request = ack.clone();
    takeOwnRoutes(this.element, request);
    if (countHop(request)) this.#layer.sendAck(request, nextHop(this.element, request));
  }
}

function endedOf(registration: Registration, changes: readonly BindingChange[]): Binding[] {
  const live = new Set(registration.bindings.map(({ id }) => id));
  return changes.map(({ binding }) => binding).filter(({ id }) => !live.has(id));
}

function isRegEvent(request: SipRequest): boolean {
  return /^reg\s*(?:;|$)/i.test(request.get("Event") ?? "");
}

function hasGruu(binding: Binding, uri: string): boolean {
  if (binding.tempGruu !== undefined && identityKey(binding.tempGruu) === identityKey(uri)) return true;
  const gr = parseUri(uri).params.get("gr");
  return gr !== undefined && binding.instance !== undefined && unquote(binding.instance) === `<${gr}>`;
}

/**
 * The order of forking: descending q, the contacts of one q at once; of the flows of one user agent the latest first and the
 * others only when it is dead (RFC 5626 §5.3).
 */
function groupsOf(
  bindings: readonly Binding[],
  toTarget: (binding: Binding, others: readonly Binding[]) => Target,
): Target[][] {
  const byQ = Map.groupBy(bindings, ({ q }) => q);
  const order = [...byQ.keys()].toSorted((a, b) => b - a);
  return order.map((q) => {
    const agents = Map.groupBy(byQ.get(q) ?? [], (b) => (b.outbound ? b.instance : undefined) ?? b.id);
    return [...agents.values()].map((flows) => {
      const [first, ...alternatives] = flows.toReversed();
      if (first === undefined) throw new TypeError("a group of no flows");
      return toTarget(first, alternatives);
    });
  });
}
