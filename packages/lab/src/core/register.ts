import { formatNameAddr, parseNameAddr, parseUri, quote, sameUri, unquote } from "@portico/sip";
import type { Clock, NameAddr, Random, ServerTransaction, SipRequest } from "@portico/sip";
import { DigestChallenger } from "./digest.ts";
import type { DigestParameters } from "./digest.ts";
import type { Hss, Subscription } from "./hss.ts";
import { digestOf, hasOption } from "./hygiene.ts";
import type { Binding, BindingChange, Registrar, Registration } from "./registrar.ts";

/** Seconds that the S-CSCF grants. */
export interface ExpiryBounds {
  readonly min: number;
  readonly max: number;
}

/** What the registration procedure stands on. */
export interface RegistrationOptions {
  readonly homeDomain: string;
  readonly hss: Hss;
  readonly registrar: Registrar;
  readonly clock: Clock;
  readonly random: Random;
  readonly expiry: ExpiryBounds;
  /** The Service-Route entry for a user part. */
  serviceRoute(user: string): string;
  /** Notes a breach of the rules that a real core would not see. */
  violation(text: string, request: SipRequest): void;
}

type Refusal = { status: number; reason?: string; headers?: [string, string][] };

/** The S-CSCF's side of REGISTER: TS 24.229 §5.4.1.2, with the trusted node authentication of TS 33.203 annex U. */
export class RegistrationProcedure {
  readonly #o: RegistrationOptions;
  readonly #digest: DigestChallenger;

  constructor(options: RegistrationOptions) {
    this.#o = options;
    this.#digest = new DigestChallenger(options.homeDomain, options.random);
  }

  /** Answers a REGISTER that came by way of the I-CSCF. */
  handle(tx: ServerTransaction): void {
    const { request } = tx;
    const credentials = digestOf(request);
    const trusted = credentials?.get("integrity-protected") === "auth-done";
    // CORE-02: for auth-done neither MAR nor challenge
    const challenge = trusted ? undefined : this.#challenge(credentials, request);
    const refusal = challenge ?? this.#assign(tx, credentials);
    if (refusal !== undefined) tx.reply(refusal.status, refusal);
  }

  #challenge(credentials: DigestParameters | undefined, request: SipRequest): Refusal | undefined {
    if (credentials !== undefined && isAka(credentials)) return this.#challengeAka(credentials, request);
    const password = this.#o.hss.password(credentials?.get("username"), request.to.uri);
    if (password === undefined) return { status: 403, reason: "Forbidden - No Digest Credentials" };
    const response = credentials?.get("response") ?? "";
    const verdict =
      credentials === undefined || response === ""
        ? "none"
        : this.#digest.verify(credentials, request.method, password);
    if (verdict === "right") return undefined;
    if (verdict === "wrong") return { status: 403, reason: "Authentication Failed" };
    return { status: 401, headers: [["WWW-Authenticate", this.#digest.challenge(verdict === "stale")]] };
  }

  #challengeAka(credentials: DigestParameters, request: SipRequest): Refusal | undefined {
    const auts = credentials.get("auts");
    const nonce = credentials.get("nonce") ?? "";
    if (auts === undefined && credentials.get("response") !== "") {
      const verdict = this.#digest.verify(credentials, request.method);
      if (verdict === "right") return undefined;
      if (verdict === "wrong") return { status: 403, reason: "Authentication Failed" };
    }
    const resync = auts === undefined ? undefined : { nonce, auts };
    const vector = this.#o.hss.vector(credentials.get("username"), request.to.uri, resync);
    if (vector === undefined) return { status: 403, reason: "Forbidden - No AKA Credentials" };
    return { status: 401, headers: [["WWW-Authenticate", this.#digest.challengeAka(vector)]] };
  }

  #assign(tx: ServerTransaction, credentials: DigestParameters | undefined): Refusal | undefined {
    const impu = tx.request.to.uri;
    const known = this.#o.registrar.find(impu);
    const assignment = isEnd(tx.request)
      ? "USER_DEREGISTRATION"
      : known === undefined
        ? "REGISTRATION"
        : "RE_REGISTRATION";
    const answer = this.#o.hss.assign(credentials?.get("username"), impu, assignment);
    if (!answer.ok) return { status: 403, reason: `Forbidden - ${answer.reason}` };
    // TS 29.228 §6.1.2.1: the S-CSCF has the profile of a registered user, and says so.
    const profile = known?.subscription ?? answer.subscription;
    return checkEntity(credentials, profile) ?? this.#bind(tx, profile, known);
  }

  #bind(tx: ServerTransaction, subscription: Subscription, known: Registration | undefined): Refusal | undefined {
    const { request } = tx;
    const contacts = request.list("Contact").map((value) => parseNameAddr(value));
    const changes: Changes = { bound: [], removed: [], outbound: false };
    for (const contact of contacts) {
      const refusal =
        contact.uri === "*"
          ? unbindAll(request, known, changes)
          : this.#change(request, contact, subscription, known, changes);
      if (refusal !== undefined) return refusal;
    }
    if (changes.bound.some(({ binding }) => !binding.outbound)) replaceOthers(known, changes);
    const registration =
      contacts.length === 0 ? known : this.#o.registrar.update(subscription, changes.bound, changes.removed);
    this.#accept(tx, registration, changes);
    return undefined;
  }

  #change(
    request: SipRequest,
    contact: NameAddr,
    subscription: Subscription,
    known: Registration | undefined,
    changes: Changes,
  ): Refusal | undefined {
    const { params } = contact;
    const instance = params.get("+sip.instance");
    const regId = params.get("reg-id");
    const outbound = instance !== undefined && regId !== undefined && hasOption(request, "Supported", "outbound");
    const path = request.list("Path");
    // RFC 5626 §6: the first hop must be an edge proxy that keeps flows
    if (outbound && !hasOb(path.at(-1))) return { status: 439 };
    const old = known?.bindings.find((b) =>
      outbound ? b.outbound && b.instance === instance && b.regId === regId : sameUri(b.uri, contact.uri),
    );
    // RFC 3261 §10.3 step 7
    if (old !== undefined && old.callId === request.callId && request.cseq.number <= old.cseq) {
      return { status: 500, reason: "Request Out Of Order" };
    }
    const asked = secondsOf(params.get("expires") ?? request.get("Expires"), this.#o.expiry.max);
    if (asked === 0) {
      if (old !== undefined) changes.removed.push({ binding: old, event: "unregistered" });
      return undefined;
    }
    const { min, max } = this.#o.expiry;
    if (asked < min) return { status: 423, headers: [["Min-Expires", String(min)]] };
    this.#checkUnique(request, contact.uri, subscription);
    const granted = Math.min(asked, max);
    const binding = this.#binding(request, contact, subscription, old, outbound, granted);
    changes.outbound ||= outbound;
    changes.bound.push({ binding, event: old === undefined ? "registered" : "refreshed" });
    return undefined;
  }

  #binding(
    request: SipRequest,
    contact: NameAddr,
    subscription: Subscription,
    old: Binding | undefined,
    outbound: boolean,
    granted: number,
  ): Binding {
    const params = new Map(contact.params);
    params.delete("expires");
    const instance = params.get("+sip.instance");
    const gruu = instance !== undefined && hasOption(request, "Supported", "gruu");
    return {
      id: old?.id ?? this.#o.random.token(8),
      uri: contact.uri,
      params,
      instance,
      regId: params.get("reg-id"),
      q: Number(params.get("q") ?? "1"),
      path: request.list("Path"),
      callId: request.callId,
      cseq: request.cseq.number,
      expiresAt: this.#o.clock.now() + granted * 1000,
      pubGruu: gruu ? `${subscription.impu};gr=${unquote(instance).replaceAll(/[<>]/g, "")}` : undefined,
      tempGruu: gruu ? `sip:tgru.${this.#o.random.token(12)}@${this.#o.homeDomain};gr` : undefined,
      outbound,
    };
  }

  /** Some registrars keep one global table of contact URIs: two users with one contact would take each other's calls. */
  #checkUnique(request: SipRequest, uri: string, subscription: Subscription): void {
    const taken = this.#o.registrar.registrations.some(
      (other) => other.subscription.impu !== subscription.impu && other.bindings.some((b) => sameUri(b.uri, uri)),
    );
    if (taken) this.#o.violation("EPC-REG-17: one Contact for two users", request);
  }

  #accept(tx: ServerTransaction, registration: Registration | undefined, changes: Changes): void {
    const { request } = tx;
    const now = this.#o.clock.now();
    const headers: [string, string][] = [];
    for (const binding of registration?.bindings ?? []) headers.push(["Contact", contactOf(binding, now)]);
    const vector = request.get("P-Charging-Vector");
    if (vector !== undefined) headers.push(["P-Charging-Vector", withTermIoi(vector, this.#o.homeDomain)]);
    if (registration !== undefined && registration.bindings.length > 0) {
      for (const path of request.all("Path")) headers.push(["Path", path]);
      headers.push(["Service-Route", this.#o.serviceRoute(registration.serviceUser)]);
      headers.push(["P-Associated-URI", registration.identities.map((uri) => `<${uri}>`).join(", ")]);
      headers.push(["P-Charging-Function-Addresses", chargingFunctions]);
      headers.push(["Feature-Caps", '*;+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"']);
    }
    if (changes.outbound) headers.push(["Require", "outbound"]);
    tx.reply(200, { headers });
  }
}

interface Changes {
  readonly bound: BindingChange[];
  readonly removed: BindingChange[];
  outbound: boolean;
}

/** Where charging data goes inside the home network. */
export const chargingFunctions = "ccf=10.30.0.5";

/** The vector with the terminating network's identifier (RFC 7315 §5.6). */
export function withTermIoi(vector: string, homeDomain: string): string {
  return vector.includes("term-ioi") ? vector : `${vector};term-ioi="Type 1${homeDomain}"`;
}

/** CORE-04: TS 29.228 §6.5.2.5; the identity's way into REGISTER is draft-holmberg-sipcore-auth-id's. */
function checkEntity(credentials: DigestParameters | undefined, subscription: Subscription): Refusal | undefined {
  const entity = credentials?.get("authorization-entity");
  if (entity === undefined || subscription.allowedWafWwsf === undefined) return undefined;
  if (subscription.allowedWafWwsf.includes(entity)) return undefined;
  return { status: 403, reason: "Forbidden - WAF Or WWSF Not Allowed" };
}

/** TS 24.229 §5.4.1.1, 2A: IMS AKA without IPsec, of users whose edge has them on a TLS connection. */
function isAka(credentials: DigestParameters): boolean {
  return (
    credentials.get("integrity-protected") === "tls-connected" &&
    credentials.get("algorithm")?.toLowerCase() === "akav2-sha-256"
  );
}

function unbindAll(request: SipRequest, known: Registration | undefined, changes: Changes): Refusal | undefined {
  // RFC 3261 §10.2.2: "*" only alone and only to remove
  if (request.get("Expires") !== "0" || request.list("Contact").length !== 1) return { status: 400 };
  for (const binding of known?.bindings ?? []) changes.removed.push({ binding, event: "unregistered" });
  return undefined;
}

/** CORE-08: a contact without reg-id stands alone under its private identity. */
function replaceOthers(known: Registration | undefined, changes: Changes): void {
  const kept = new Set([...changes.bound, ...changes.removed].map(({ binding }) => binding.id));
  for (const binding of known?.bindings ?? []) {
    if (!kept.has(binding.id)) changes.removed.push({ binding, event: "rejected" });
  }
}

function isEnd(request: SipRequest): boolean {
  const contacts = request.list("Contact").map((value) => parseNameAddr(value));
  return (
    contacts.length > 0 && contacts.every(({ params }) => (params.get("expires") ?? request.get("Expires")) === "0")
  );
}

function hasOb(path: string | undefined): boolean {
  return path !== undefined && parseUri(parseNameAddr(path).uri).params.has("ob");
}

function secondsOf(value: string | undefined, fallback: number): number {
  const seconds = Number.parseInt(value ?? "", 10);
  return Number.isNaN(seconds) || seconds < 0 ? fallback : seconds;
}

function contactOf(binding: Binding, now: number): string {
  const params = new Map(binding.params);
  params.set("expires", String(Math.max(0, Math.ceil((binding.expiresAt - now) / 1000))));
  if (binding.pubGruu !== undefined) params.set("pub-gruu", quote(binding.pubGruu));
  if (binding.tempGruu !== undefined) params.set("temp-gruu", quote(binding.tempGruu));
  return formatNameAddr({ uri: binding.uri, params });
}
