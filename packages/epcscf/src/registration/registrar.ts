import { HeaderForm, type ServerTransaction, type SipRequest, type SipResponse } from "@portico/sip";
import { detached } from "../detached.ts";
import { EpcscfError, TokenError } from "../errors.ts";
import { dropping, strip } from "../policy/headers.ts";
import { hopsLeft } from "../policy/maxForwards.ts";
import type { AccessClaims, BlockEntry, SharedSet } from "../ports.ts";
import { relay } from "../relay.ts";
import type { Seal } from "../seal.ts";
import { closeCodes, type Flow } from "../w2/flow.ts";
import type { Authorisation } from "./authorisation.ts";
import { bindingOf, type Binding } from "./binding.ts";
import { answerFor } from "./blockRegistration.ts";
import { BlockRegistrations } from "./blockRegistrations.ts";
import { Admission, type AdmissionOptions } from "./admission.ts";
import { askedBinding, type AskedBinding } from "./contact.ts";
import { answerHeaders, coreAnswer } from "./coreAnswers.ts";
import { readGrant, type Grant } from "./grant.ts";
import { Endings, type EndingsOptions } from "./endings.ts";
import type { Claim } from "./leftovers.ts";
import { Places, type PlacesOptions } from "./places.ts";
import { Rebinder } from "./rebinder.ts";
import type { Memory } from "./watch.ts";
import { Restorer, type Granted } from "./restorer.ts";
import { Registration, setName } from "./registration.ts";
import { OwnCredentials, type OwnCredentialsOptions, type OwnIdentity } from "./ownCredentials.ts";
import { inUse, TokensInUse } from "./tokensInUse.ts";
import { UserGrant, type UserGrantActions } from "./userGrant.ts";
import { asEdge, type EdgeBinding, edgeHeaders, type TrustedNode, vouchedBy } from "./trustedNode.ts";

export interface RegistrarOptions extends EndingsOptions, OwnCredentialsOptions, AdmissionOptions, PlacesOptions {
  readonly authorisation: Authorisation;
  readonly seal: Seal;
  /** @param chargingVector of the browser's REGISTER; absent: none went to the core */
  readonly registered: (registration: Registration, initial: boolean, chargingVector?: string) => void;
  readonly flowReplaced: (registration: Registration, flow: Flow) => void;
  /** Asks the core whether it still knows a registration. */
  readonly ask: (registration: Registration) => Promise<Memory>;
}

/** A REGISTER that is on its way to the core. */
interface Pending {
  readonly registration: Registration;
  readonly asked: AskedBinding;
  readonly claims: AccessClaims;
  readonly flow: Flow;
  readonly path: string;
  readonly chargingVector?: string;
  /** Seconds asked of the core. */
  readonly expires: number;
  /** What the core may hold once it has got it. */
  readonly binding: Binding;
}

type Asking = Pick<Pending, "registration" | "asked" | "claims" | "flow">;

/** What of a browser's REGISTER does not go to the core, and what of the core's answers not to the browser. */
const notUp = dropping("up", ["Route", "Record-Route", "Path", "Proxy-Require", ...edgeHeaders]);
const notDown = dropping("down", ["Path", "Contact"]);
/** In a 200 the node has words of its own for it. */
const notDownGranted = dropping("down", ["Path", "Contact", "Service-Route", "P-Associated-URI", "Flow-Timer"]);

/** How long a REGISTER may be on its way to the core, ms: timer F of RFC 3261 §17.1.2.2. */
const longestWay = 32_000;
/** Seconds between keep-alives a browser is told when outbound is in force (RFC 5626 §4.4). */
const flowTimer = "120";

/** Registration with the core on behalf of browsers: REGISTER is proxied, as a trusted node (EPC-REG-*). */
export class Registrar {
  readonly endings: Endings;
  readonly blocks: BlockRegistrations;
  readonly #options: RegistrarOptions;
  readonly #node: TrustedNode;
  readonly #own: OwnCredentials;
  readonly #admission: Admission;
  readonly #places: Places;
  readonly #tokens = new TokensInUse();
  readonly #rebinder: Rebinder;
  readonly #restorer: Restorer;
  readonly #actions: UserGrantActions = {
    ask: (registration) => this.#options.ask(registration),
    restore: (registration, sure) => this.#restore(registration, sure),
  };

  constructor(options: RegistrarOptions) {
    this.#options = options;
    this.#node = { homeDomain: options.core.options.homeDomain, networkId: options.networkId };
    this.#own = new OwnCredentials(options);
    this.#admission = new Admission(options);
    this.#places = new Places(options);
    this.endings = new Endings({
      ...options,
      ended: (registration, reason, confirmed) => {
        this.blocks.left(registration);
        options.ended(registration, reason, confirmed);
      },
    });
    this.blocks = new BlockRegistrations({ ...options, endings: this.endings });
    this.#rebinder = new Rebinder({ ...options, endings: this.endings });
    this.#restorer = new Restorer({
      ...options,
      granted: (but) => this.#allGranted(but),
    });
  }

  /** Ends all registrations. */
  close(): Promise<void> {
    this.#restorer.close();
    return this.endings.close(() => this.blocks.close());
  }

  /**
   * The core has forbidden a user something that her registration allows.
   * @returns true when it knows her no more; she and all whom it has lost are given back to it
   */
  async isForgotten(registration: Registration): Promise<boolean> {
    const granted = this.#held(registration) ?? this.blocks.grantedFor(registration);
    if ((await granted?.ask()) !== "lost") return false;
    this.#restorer.look();
    return true;
  }

  /**
   * Nobody answers any more where a user's requests go: she is told to register anew (TS 24.229 §5.2.6.3.2A). Others who have the same
   * S-CSCF are not.
   */
  scscfLost(registration: Registration): void {
    this.blocks.scscfLost(registration);
    this.#restorer.silent(registration);
  }

  /** Handles a REGISTER of a browser. @throws TokenError, EpcscfError what it is to be refused with. */
  async register(tx: ServerTransaction, flow: Flow): Promise<void> {
    const { authorisation, registrations } = this.#options;
    const claims = this.#known(tx.request, flow) ?? (await authorisation.claims(tx.request));
    if (claims === undefined) {
      const held = registrations.byFlow(flow);
      const own = await this.#own.identity(tx.request, flow, (impi) => held?.entry.impi === impi);
      if (own === undefined) return tx.reply(401, { headers: [authorisation.challenge()] });
      // Challenge and response cost the core the same: both wait.
      if (held === undefined) await this.#admission.turn();
      return await this.#forwardOwn(tx, flow, own);
    }
    let entry: BlockEntry;
    try {
      entry = await authorisation.entry(tx.request, claims, flow);
    } catch (error) {
      const held = registrations.byFlow(flow);
      const withdrawn = error instanceof EpcscfError && error.code === "epcscf/not-in-block";
      if (withdrawn && held?.impu === claims.impu) void this.endings.end(held, "not-in-block");
      throw error;
    }
    // A refresh holds what it has; who has nothing yet takes turns.
    if (registrations.byFlow(flow) === undefined && entry.shared === undefined) await this.#admission.turn();
    await this.#forward(tx, flow, claims, entry);
  }

  /** The claims of a refresh that shows the token of the REGISTER before, as it mostly does: it was verified then. */
  #known(request: SipRequest, flow: Flow): AccessClaims | undefined {
    const { registrations, wallClock, authorisation } = this.#options;
    const held = registrations.byFlow(flow);
    if (held === undefined || !authorisation.shows(request, held.claims)) return undefined;
    const { claims } = held;
    // What no longer counts is refused by whoever knows why.
    return claims.expiresAt * 1000 > wallClock() && !authorisation.isRevoked(claims) ? claims : undefined;
  }

  async #forward(tx: ServerTransaction, flow: Flow, claims: AccessClaims, entry: BlockEntry): Promise<void> {
    const { registrations, maxExpires } = this.#options;
    const held = registrations.byFlow(flow);
    const asked = askedBinding(tx.request, maxExpires, held?.asked);
    if (held !== undefined && !sameUser(held.claims, claims)) throw new EpcscfError("epcscf/other-identity");
    if (held === undefined && asked.uri === undefined) throw new EpcscfError("epcscf/contact");
    const key = this.#key(claims, asked, flow, held);
    this.#checkOthers(claims, asked);
    const settled = this.#rebinder.settled(key);
    // A refresh has its place, and its token is known to be in use.
    const isRefresh = held?.key === key && held.claims === claims && settled === undefined;
    const answered = isRefresh ? undefined : this.#tokens.show(claims.tokenId, key, flow);
    let giveBack: (() => void) | undefined;
    try {
      if (!isRefresh) {
        if (asked.expires > 0) giveBack = await this.#places.take(entry.tenant, key);
        await this.#rebinder.settled(key);
      }
      const registration = registrations.byKey(key) ?? new Registration({ key, entry, asked, claims, flow });
      const user = { registration, asked, claims, flow };
      this.#checkSet(registration, entry);
      if (entry.shared === undefined) await this.#vouch(tx, entry, user);
      else await this.#share(tx, entry.shared, user);
    } finally {
      giveBack?.();
      answered?.();
    }
  }

  /** A user of a wildcarded block: the core has the block, and the node's word for her is its own (ADM-04). */
  async #share(tx: ServerTransaction, set: SharedSet, { registration, asked, claims, flow }: Asking): Promise<void> {
    const { core, maxExpires } = this.#options;
    const { key, entry } = registration;
    const { tenant, impu, tel } = entry;
    const expires = this.#expires(asked.expires, claims, maxExpires);
    const pending = this.#pending({ registration, asked, claims, flow, path: "", expires });
    if (expires === 0) return this.#left(tx, answerFor(tx), pending);
    await this.blocks.of(set, tenant).use((grant, left) => {
      const contact = `<${core.uri(key)}>${asked.params};expires=${Math.min(expires, left)}`;
      const identities = tel === undefined ? [impu] : [impu, `tel:${tel}`];
      this.#granted(tx, answerFor(tx, { contact, identities, outbound: asked.outbound, grant }), pending);
    });
  }

  /** The node's own word to the core for a user with a token. */
  async #vouch(tx: ServerTransaction, entry: BlockEntry, { registration, asked, claims, flow }: Asking): Promise<void> {
    const { core, charging, maxExpires } = this.#options;
    const { key } = registration;
    const up = this.#upward(tx.request);
    const claimed = this.endings.isLeft(key) ? await this.endings.claim(key) : undefined;
    // After that: an attempt at a silent core has taken its time.
    const expires = this.#expires(asked.expires, claims, maxExpires);
    const path = core.pathUri(flow.token, asked.outbound);
    const chargingVector = charging.next();
    const pending = this.#pending({ registration, asked, claims, flow, path, expires, chargingVector });
    const { ledger } = this.endings;
    if (expires > 0) ledger.hold(key);
    // Written before the core hears of it: whenever this process dies, the next one finds what to end.
    if (expires > 0 && !this.#isWritten(pending)) await ledger.save(pending.binding);
    if (registration.ended !== undefined) {
      if (expires > 0) ledger.release(key);
      // It ended while that was written: where its end has been confirmed already, nobody else takes the row away.
      if (!this.endings.isLeft(key)) ledger.remove(key);
      throw new EpcscfError("epcscf/registration-over");
    }

    const wwsf = core.options.namesWwsf === true ? claims.clientId : undefined;
    asEdge(up, this.#node, edgeBinding(pending, chargingVector), vouchedBy(this.#node, entry.impi, wwsf));
    if (expires === 0) this.endings.leaving(registration);
    const response = (await this.#ask(up, key))?.removeFirst("Via");
    if (expires > 0) ledger.release(key);
    const endedByCore = expires === 0 && this.endings.left(registration);
    if (endedByCore && (response?.status ?? 408) >= 300) await this.endings.end(registration, "network", true);
    if (response === undefined || response.status >= 300) this.#refused(response, pending, claimed);
    else if (expires === 0) this.#left(tx, response, pending);
    else this.#granted(tx, response, pending);
  }

  /** A user with credentials of her own: until the core has answered 200, nothing here believes her. */
  async #forwardOwn(tx: ServerTransaction, flow: Flow, { claims, entry, authorization }: OwnIdentity): Promise<void> {
    const { core, registrations, charging, maxExpires, authorisation } = this.#options;
    const held = registrations.byFlow(flow);
    const asked = askedBinding(tx.request, maxExpires, held?.asked);
    if (held !== undefined && !sameUser(held.claims, claims)) throw new EpcscfError("epcscf/other-identity");
    if (held === undefined && asked.uri === undefined) throw new EpcscfError("epcscf/contact");
    const key = this.#key(claims, asked, flow, held);
    // Nobody has said yet that it is she: she may find no place, but takes none from others while the core is asked.
    if (asked.expires > 0) await this.#places.check(entry.tenant, key);
    const registration = registrations.byKey(key) ?? new Registration({ key, entry, asked, claims, flow });
    const expires = this.#expires(asked.expires, claims, maxExpires);
    const path = core.pathUri(flow.token, asked.outbound);
    const chargingVector = charging.next();
    const pending = this.#pending({ registration, asked, claims, flow, path, expires, chargingVector });
    const up = this.#upward(tx.request);
    asEdge(up, this.#node, edgeBinding(pending, chargingVector), authorization);
    // Only on her own flow: nobody else's word makes a live registration one that leaves.
    const leaving = expires === 0 && held === registration;
    if (leaving) this.endings.leaving(registration);
    const response = (await this.#ask(up, key))?.removeFirst("Via");
    const endedByCore = leaving && this.endings.left(registration);
    if (endedByCore && (response?.status ?? 408) >= 300) await this.endings.end(registration, "network", true);
    if (response?.status === 401) {
      // The challenge is hers to answer; a token would do as well (EPC-REG-02).
      const down = this.#forBrowser(response);
      this.#own.challenge(down, entry.impi, flow);
      return tx.respond(down.add(...authorisation.challenge()));
    }
    if (response === undefined || response.status >= 300) {
      throw new EpcscfError(coreAnswer(response).error, answerHeaders(response));
    }
    return expires === 0 ? this.#left(tx, response, pending) : this.#granted(tx, response, pending);
  }

  /** A browser's REGISTER without what is of its own trust domain, or this node's to say. @throws EpcscfError `epcscf/hops`. */
  #upward(request: SipRequest): SipRequest {
    const hops = hopsLeft(request);
    const up = request.clone();
    strip(up, "up", notUp);
    return up.set("Max-Forwards", String(hops));
  }

  /** @throws EpcscfError what the browser is answered. */
  #refused(response: SipResponse | undefined, pending: Pending, claimed: Claim | undefined): never {
    const { registrations, log } = this.#options;
    const { registration, binding, expires } = pending;
    const { error, alarm, ends = false, unsure = false } = coreAnswer(response);
    if (alarm !== undefined) log.alarm(alarm, { status: response?.status ?? 408 });
    const live = registrations.byKey(registration.key);
    if (live !== undefined && ends) void this.endings.end(live, "network");
    // A live one stays as it was: it ends with the time granted before, or with its token.
    else if (live !== undefined) this.endings.ledger.touch(this.endings.binding(live));
    else if (claimed !== undefined) void this.endings.unbind(claimed.binding, claimed.reason);
    else if (expires > 0 && unsure) void this.endings.unbind(binding, registration.ended ?? "core-unreachable");
    else if (expires > 0) this.endings.ledger.remove(binding.key);
    throw new EpcscfError(error, answerHeaders(response));
  }

  /** The browser has left. */
  #left(tx: ServerTransaction, response: SipResponse, { registration, flow }: Pending): void {
    const left = this.#options.registrations.byKey(registration.key) ?? registration;
    // Where something else has ended it meanwhile, that has told everybody.
    if (left.ended === undefined) this.endings.loggedOut(left, flow);
    tx.respond(this.#forBrowser(response));
  }

  #granted(tx: ServerTransaction, response: SipResponse, pending: Pending): void {
    const { asked, claims, flow, expires } = pending;
    const { registrations, core, clock, wallClock, registered, authorisation, log } = this.#options;
    // Another REGISTER of the same binding may have been faster.
    const registration = registrations.byKey(pending.registration.key) ?? pending.registration;
    const { vouched } = registration;
    const revoked = authorisation.isRevoked(claims);
    if (registration.ended !== undefined || revoked) {
      const isLive = registrations.byKey(registration.key) !== undefined;
      if (isLive && registration.claims.sessionId !== claims.sessionId) this.#bindAgain(registration);
      // It ended while the core was thinking: what that has just granted goes again.
      else if (vouched) void this.endings.unbind(pending.binding, registration.ended ?? "revoked");
      if (revoked) throw new TokenError("invalid_token", "the token is revoked");
      throw new EpcscfError("epcscf/registration-over");
    }
    let grant: Grant;
    try {
      const ours = { uri: core.uri(registration.key), impu: registration.impu };
      grant = readGrant(response, ours, expires, registration.grant);
    } catch (error) {
      log.alarm("core.contradiction");
      if (registration.grantedUntil > 0) void this.endings.end(registration, "network");
      else if (vouched) void this.endings.unbind(pending.binding, "network");
      throw error;
    }
    const initial = registration.grantedUntil === 0;
    // The lease of before has no binding any more: this one takes it over.
    const takesOver = !initial && registration.claims.sessionId !== claims.sessionId;
    const before = takesOver ? this.endings.binding(registration) : undefined;
    registration.asked = asked;
    registration.claims = claims;
    registration.granted(grant, clock.now(), wallClock());
    registration.lostAt = undefined;
    // Two may have been on their way at once.
    this.#endFormer(claims);
    this.#take(registration, pending);
    if (vouched) this.endings.ledger.touch(this.endings.binding(registration));

    if (flow.open) {
      tx.respond(this.#forBrowser(response, notDownGranted).append(grantForm, grantLines(registration, grant)));
    }
    registered(registration, initial, pending.chargingVector);
    // The socket may have closed while the core was thinking: the binding waits for its owner, as after any loss.
    if (!flow.open) this.endings.flowClosed(flow);
    if (before !== undefined) this.#options.gone(before, "taken-over");
    this.endings.granted(registration.key, claims);
  }

  /** What the core has granted a user by herself; undefined for one of a wildcarded block. */
  #held(registration: Registration): Granted | undefined {
    const { entry, grant } = registration;
    return entry.shared !== undefined || grant === undefined ? undefined : new UserGrant(registration, this.#actions);
  }

  *#allGranted(but: Registration | undefined): Generator<Granted, void> {
    for (const registration of this.#options.registrations.all()) {
      const held = registration === but ? undefined : this.#held(registration);
      if (held !== undefined) yield held;
    }
    yield* this.blocks.granted;
  }

  async #restore(registration: Registration, sure: boolean): Promise<boolean> {
    const { vouched, asked, claims } = registration;
    if (vouched) {
      const expires = this.#expires(asked.expires, claims, this.#options.maxExpires);
      return await this.#rebinder.rebind(registration, expires);
    }
    // Who has credentials of her own is alone to show them.
    if (sure) this.endings.endedByCore(registration, "network");
    return sure;
  }

  /** Asks the core. @returns its answer, with the Via of the question */
  #ask(up: SipRequest, key: string): Promise<SipResponse | undefined> {
    const { agent, core } = this.#options;
    return relay(agent, up, core.entry(key));
  }

  /** A tenant's block may have become a wildcarded one, or stopped being one: its users begin anew. @throws EpcscfError. */
  #checkSet(registration: Registration, { shared }: BlockEntry): void {
    const before = registration.entry.shared;
    if (before === shared) return;
    if (before !== undefined && shared !== undefined && setName(before) === setName(shared)) return;
    void this.endings.end(registration, "operator");
    throw new EpcscfError("epcscf/registration-over");
  }

  /** The core's answer without what is the core's own; Contacts of others are none of this browser's business. */
  #forBrowser(response: SipResponse, without = notDown): SipResponse {
    const down = response.clone();
    strip(down, "down", without);
    return down;
  }

  /** The registration is on this flow from now on. */
  #take(registration: Registration, { flow, path }: Pending): void {
    const { registrations, flowReplaced } = this.#options;
    const other = registrations.byFlow(flow);
    if (other === registration) {
      // All that a refresh may change is what the Path says of outbound.
      if (path !== registration.path) registration.path = detached(path);
      return;
    }
    if (other !== undefined) this.endings.flowClosed(flow);
    // Hers may have closed while the core was thinking, and she have come back already.
    const overtaken = !flow.open && registration.flow !== undefined && registration.flow !== flow;
    registrations.put(registration);
    if (overtaken) return this.#bindAgain(registration);
    if (path !== registration.path) registration.path = detached(path);
    const before = registrations.move(registration, flow);
    if (before !== undefined && before !== flow) before.close(closeCodes.replaced, "replaced");
    if (flow.open && before !== flow) flowReplaced(registration, flow);
  }

  /** A REGISTER older than its last has been answered after it: the core may have the Path of a socket that is gone. */
  #bindAgain(registration: Registration): void {
    if (registration.vouched) void this.#held(registration)?.restore(true);
  }

  #pending(parts: Omit<Pending, "binding">): Pending {
    const { core, wallClock } = this.#options;
    const { registration, claims, path, expires } = parts;
    const { key, entry } = registration;
    // `*` stands for the Contact of before.
    const asked = parts.asked.uri === undefined ? registration.asked : parts.asked;
    const grantedUntil = wallClock() + expires * 1000 + longestWay;
    const contactUri = core.uri(key);
    return { ...parts, binding: bindingOf({ key, entry, claims, asked, path, grantedUntil }, contactUri, 0) };
  }

  /** True when all that a restarted node must know is written already. */
  #isWritten({ registration, asked, claims, path }: Pending): boolean {
    const { path: before, asked: known, claims: old, grantedUntil } = registration;
    return grantedUntil > 0 && path === before && asked.params === known.params && claims.sessionId === old.sessionId;
  }

  /** The other registrations of the identity: of the same user, and each with a token of its own. @throws TokenError. */
  #checkOthers(claims: AccessClaims, asked: AskedBinding): void {
    this.#endFormer(claims);
    for (const { claims: known, flow, asked: before } of this.#options.registrations.ofImpu(claims.impu)) {
      if (known.tokenId === claims.tokenId && flow !== undefined && isOther(before, asked)) throw inUse();
    }
  }

  /** The WAF gives an identity to one user at a time: a token for another one says that the former has lost it. */
  #endFormer(claims: AccessClaims): void {
    for (const other of this.#options.registrations.ofImpu(claims.impu)) {
      if (!sameUser(other.claims, claims)) void this.endings.end(other, "revoked");
    }
  }

  /** The Contact is the same again for the same user, identity and instance, on whatever flow; of nobody else. */
  #key(claims: AccessClaims, asked: AskedBinding, flow: Flow, held: Registration | undefined): string {
    if (held !== undefined && !isOther(held.asked, asked)) return held.key;
    return this.#options.seal.derive("contact", `${claims.impu}\n${claims.subject}\n${asked.instance ?? flow.id}`);
  }

  /** EPC-REG-16: what was asked, but no longer than the token or the operator allows. */
  #expires(asked: number, claims: AccessClaims, most: number): number {
    if (asked === 0) return 0;
    const left = Math.floor(claims.expiresAt - this.#options.wallClock() / 1000);
    return Math.max(1, Math.min(asked, left, most));
  }
}

function edgeBinding({ binding, asked, path, expires }: Pending, chargingVector: string): EdgeBinding {
  return {
    contact: `${binding.contact};expires=${expires}`,
    path,
    supported: asked.supported,
    expires,
    chargingVector,
  };
}

const grantForm = new HeaderForm(["P-Associated-URI", "Service-Route", "Contact", "Flow-Timer"]);

/** What a grant says to the browser. */
function grantLines({ accessContact }: Registration, grant: Grant): (string | undefined)[] {
  const { params, serviceRoute, associated, outbound } = grant;
  return [
    listOf(associated),
    serviceRoute.length > 0 ? listOf(serviceRoute) : undefined,
    `<${accessContact}>${params}`,
    outbound ? flowTimer : undefined,
  ];
}

/** Most lists have one element. */
const listOf = (values: readonly string[]): string | undefined => (values.length === 1 ? values[0] : values.join(", "));

const sameUser = (one: AccessClaims, other: AccessClaims): boolean =>
  one.impu === other.impu && one.subject === other.subject && one.tenant === other.tenant;

/** True for a binding of another tab or device. `*` names none: it means the one of its flow. */
const isOther = (one: AskedBinding, other: AskedBinding): boolean =>
  one.instance !== other.instance && one.uri !== undefined && other.uri !== undefined;
