import { createHash } from "node:crypto";
import { createResponse, type Clock, type ServerTransaction, type SipResponse, type UserAgent } from "@portico/sip";
import { detached } from "../detached.ts";
import { EpcscfError } from "../errors.ts";
import type { Log, SharedSet } from "../ports.ts";
import { relay } from "../relay.ts";
import type { Seal } from "../seal.ts";
import { mmtel } from "../session/identities.ts";
import type { Binding } from "./binding.ts";
import { answerHeaders, coreAnswer } from "./coreAnswers.ts";
import type { Endings } from "./endings.ts";
import { readGrant, type Grant } from "./grant.ts";
import { ownRegister, type OwnRegisterOptions } from "./ownRegister.ts";
import { RegEvent } from "./regEvent.ts";
import type { Watched } from "./watch.ts";
import type { Granted } from "./restorer.ts";
import { setName, type EndReason } from "./registration.ts";

export interface BlockRegistrationOptions extends OwnRegisterOptions {
  readonly agent: UserAgent;
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly log: Log;
  readonly seal: Seal;
  readonly endings: Endings;
  /** Longest registration asked of the core, seconds. */
  readonly maxExpires: number;
}

/** Who stands on a block's registration. */
export interface BlockUsers {
  /** True while somebody is registered by it. */
  any(): boolean;
  /** The core leads elsewhere from now on. */
  rerouted(route: Pick<Grant, "serviceRoute" | "scscf">): void;
  /** It is over: so are theirs. */
  end(reason: EndReason): void;
}

/** One stay of the block in the core, from its first 200 (OK) to its end. */
interface Stay extends Watched {
  grant: Grant;
  grantedUntil: number;
  ended: EndReason | undefined;
}

type State =
  | { readonly name: "idle" }
  /** @param done rejects with what the user is answered. */
  | { readonly name: "registering"; readonly done: Promise<void> }
  | { readonly name: "registered" | "refreshing"; readonly stay: Stay };

/** A stay this much before its end is refreshed, where it is longer than twice that; else in the middle (TS 24.229 §5.1.1.4.1), ms. */
const margin = 600_000;
/** Between attempts at a core that gives no answer, ms. */
const pause = 30_000;
const idle: State = { name: "idle" };

/**
 * The one registration of a wildcarded block in the core (ADM-04): the node registers the set's distinct identity, and answers itself
 * for the users for whom the wildcard stands.
 *
 *            first user                   200 (OK)
 *     idle ------------> registering ---------------> registered <---- 200 (OK), or no answer and time left
 *      ^                      |                        |   |   '------------------------.
 *      |                      | refused, no answer     |   '-- its time draws near --> refreshing
 *      |<---------------------'                        |                                |
 *      |<------------- last user has gone -------------'                                |
 *      '<-- the core ends it, or its time is over: each user is told --- refused -------'
 *
 * Each node has a binding of its own in the set, by an instance of its own (RFC 5626): the S-CSCF forks, and the node whom the called
 * user is not at says so. Thus no node leads, and none takes the users of another with it.
 */
export class BlockRegistration {
  /** User part of the portal's Contact for the block. */
  readonly key: string;
  /** What stands in its Path for a flow. */
  readonly flowId: string;
  readonly #options: BlockRegistrationOptions;
  readonly #set: SharedSet;
  readonly #tenant: string;
  readonly #users: BlockUsers;
  readonly #regEvent: RegEvent<Stay>;
  readonly #path: string;
  readonly #callId: string;
  #cseq = 0;
  #state: State = idle;
  /** REGISTERs of users that wait for it, or are being answered. */
  #waiting = 0;
  #stopTimer: () => void = () => undefined;
  /** Its last end in the core. */
  #leaving: Promise<void> = Promise.resolve();

  constructor(
    options: BlockRegistrationOptions,
    { tenant, set }: { tenant: string; set: SharedSet },
    users: BlockUsers,
  ) {
    const { core, seal, random } = options;
    this.#options = options;
    this.#set = set;
    this.#tenant = tenant;
    this.#users = users;
    this.key = seal.derive("contact", `block\n${setName(set)}`);
    this.flowId = `block-${this.key}`;
    this.#path = core.pathUri(detached(seal.seal("path", this.flowId)), true);
    this.#callId = `${random.token(24)}@${core.sentBy}`;
    this.#regEvent = new RegEvent({ ...options, ended: (stay, reason) => this.#ended(stay, reason) });
  }

  /**
   * Registers a user by it, once the core has the block.
   * @param work gets what the core has granted, and how many seconds of it are left
   * @throws EpcscfError what the core's refusal of the block means for her
   */
  async use(work: (grant: Grant, seconds: number) => void): Promise<void> {
    this.#waiting += 1;
    try {
      const { grant, grantedUntil } = await this.#standing();
      work(grant, Math.max(1, Math.floor((grantedUntil - this.#options.clock.now()) / 1000)));
    } finally {
      this.#waiting -= 1;
      this.settle();
    }
  }

  /** Somebody may have left: whom nobody needs, the core need not keep. */
  settle(): void {
    // A REGISTER on its way is waited for: an end that overtakes it would be undone by it.
    if (this.#state.name !== "registered" || this.#waiting > 0 || this.#users.any()) return;
    this.#leave("logout");
  }

  /**
   * The S-CSCF is lost: who is sent to another one by registering anew (TS 23.380 §4) is the block. @returns at once; its users'
   * requests follow when the core has answered
   */
  renew(): void {
    if (this.#state.name !== "registered") return;
    this.#stopTimer();
    void this.#refresh(this.#state.stay);
  }

  /** As the core has it; undefined while it has nothing of it. */
  get granted(): Granted | undefined {
    const state = this.#state;
    if (state.name !== "registered") return undefined;
    const { stay } = state;
    return {
      get scscf() {
        return stay.grant.scscf;
      },
      at: stay.grantedUntil - stay.grant.seconds * 1000,
      ask: () => this.#regEvent.ask(stay),
      restore: async () => {
        if (this.#state.name !== "registered" || this.#state.stay !== stay) return true;
        this.#stopTimer();
        return await this.#refresh(stay);
      },
    };
  }

  /** Resolves when the core holds nothing more of it, or cannot be told. */
  async close(): Promise<void> {
    if (this.#state.name === "registering") await this.#state.done.catch(() => undefined);
    this.#leave("portal-closing");
    await this.#leaving;
  }

  async #standing(): Promise<Stay> {
    if (this.#state === idle) this.#state = { name: "registering", done: this.#register() };
    if (this.#state.name === "registering") await this.#state.done;
    const state = this.#state;
    // Its end came in the same moment: she is told to come again.
    if (state.name === "idle" || state.name === "registering") throw new EpcscfError("epcscf/registration-over");
    return state.stay;
  }

  async #register(): Promise<void> {
    const { endings, log } = this.#options;
    try {
      const claimed = await endings.claim(this.key);
      const binding = this.#binding();
      endings.ledger.hold(this.key);
      // As of every binding: before the core hears of it (ARCHITECTURE).
      await endings.ledger.save(binding);
      const response = await this.#send(binding);
      endings.ledger.release(this.key);
      const { error, alarm, unsure = false } = refusal(response) ?? {};
      if (error !== undefined) {
        if (alarm !== undefined) log.alarm(alarm, { status: response?.status ?? 408 });
        if (claimed !== undefined) void endings.unbind(claimed.binding, claimed.reason);
        else if (unsure) void endings.unbind(binding, "core-unreachable");
        else endings.ledger.remove(this.key);
        throw new EpcscfError(error, answerHeaders(response));
      }
      const grant = this.#read(response, binding);
      if (grant === undefined) throw new EpcscfError("epcscf/core-contradiction");
      this.#granted(grant, undefined);
    } catch (error) {
      this.#state = idle;
      throw error;
    }
  }

  /** @returns false when nobody has answered */
  async #refresh(stay: Stay): Promise<boolean> {
    const { endings, log, clock } = this.#options;
    this.#state = { name: "refreshing", stay };
    const binding = this.#binding();
    const response = await this.#send(binding);
    if (stay.ended !== undefined) {
      // What this has bound anew goes again, unless somebody has come meanwhile who needs it.
      if (this.#state === idle && (response?.status ?? 408) < 300) void endings.unbind(binding, stay.ended);
      return true;
    }
    const { error, alarm, ends = false } = refusal(response) ?? {};
    if (error === undefined) {
      const grant = this.#read(response, binding);
      if (grant === undefined) this.#over(stay, "network");
      else this.#granted(grant, stay);
      return true;
    }
    if (alarm !== undefined) log.alarm(alarm, { status: response?.status ?? 408 });
    if (ends) {
      this.#over(stay, "network");
      void endings.unbind(binding, "network");
      return true;
    }
    this.#state = { name: "registered", stay };
    this.#stopTimer = clock.setTimer(Math.min(pause, Math.max(0, stay.grantedUntil - clock.now())), () =>
      this.#due(stay),
    );
    this.settle();
    return response !== undefined;
  }

  #granted(grant: Grant, before: Stay | undefined): void {
    const { clock, endings } = this.#options;
    const grantedUntil = clock.now() + grant.seconds * 1000;
    const stay: Stay = before ?? {
      key: this.key,
      impu: this.#set.impu,
      grant,
      grantedUntil,
      ended: undefined,
      withdrawn: [],
    };
    const moved = stay.grant.serviceRoute.join() !== grant.serviceRoute.join();
    stay.grant = grant;
    stay.grantedUntil = grantedUntil;
    this.#state = { name: "registered", stay };
    endings.ledger.touch(this.#binding(grantedUntil));
    const ms = grant.seconds * 1000;
    this.#stopTimer = clock.setTimer(ms > 2 * margin ? ms - margin : ms / 2, () => this.#due(stay));
    this.#regEvent.watch(stay);
    if (moved) this.#users.rerouted(grant);
    this.settle();
  }

  /** The time for a refresh, or of the stay's end, has come. */
  #due(stay: Stay): void {
    if (stay.grantedUntil > this.#options.clock.now()) void this.#refresh(stay);
    else {
      this.#over(stay, "core-unreachable");
      this.#options.endings.ledger.remove(this.key);
    }
  }

  /** The core has ended it, as its NOTIFY says. */
  #ended(stay: Stay, reason: EndReason): void {
    if (stay.ended !== undefined) return;
    this.#over(stay, reason);
    this.#options.endings.ledger.remove(this.key);
  }

  /** Nothing stands on it any more; its users hear of it. */
  #over(stay: Stay, reason: EndReason): void {
    this.#forget(stay, reason);
    this.#users.end(reason);
  }

  #leave(reason: EndReason): void {
    const state = this.#state;
    if (state.name !== "registered" && state.name !== "refreshing") return;
    const binding = this.#binding(state.stay.grantedUntil);
    this.#forget(state.stay, reason);
    this.#leaving = this.#options.endings.unbind(binding, reason);
  }

  #forget(stay: Stay, reason: EndReason): void {
    stay.ended = reason;
    this.#state = idle;
    this.#stopTimer();
    this.#regEvent.unwatch(stay);
  }

  /** What a 200 (OK) grants; undefined for one that contradicts itself: what it may have bound goes again. */
  #read(response: SipResponse | undefined, binding: Binding): Grant | undefined {
    const { core, maxExpires, log, endings } = this.#options;
    try {
      return response && readGrant(response, { uri: core.uri(this.key), impu: this.#set.impu }, maxExpires);
    } catch {
      log.alarm("core.contradiction");
      void endings.unbind(binding, "network");
      return undefined;
    }
  }

  async #send(binding: Binding): Promise<SipResponse | undefined> {
    const { agent, core, maxExpires } = this.#options;
    const order = { callId: this.#callId, cseq: (this.#cseq += 1) };
    return await relay(agent, ownRegister(this.#options, binding, maxExpires, order), core.entry(this.key));
  }

  /** @param grantedUntil clock time, ms; absent: what is about to be asked for, and how long that may take at most */
  #binding(grantedUntil?: number): Binding {
    const { core, clock, wallClock, maxExpires } = this.#options;
    const until = grantedUntil ?? clock.now() + maxExpires * 1000 + longestWay;
    return {
      key: this.key,
      impu: this.#set.impu,
      impi: this.#set.impi,
      tenant: this.#tenant,
      // No lease of the WAF's stands behind it.
      sessionId: "",
      contact: `<${core.uri(this.key)}>;+sip.instance="<urn:uuid:${uuid(this.key)}>";reg-id=1;${mmtel}`,
      path: this.#path,
      grantedUntil: Math.ceil(until - clock.now() + wallClock()),
    };
  }
}

/** How long a REGISTER may be on its way to the core, ms: timer F of RFC 3261 §17.1.2.2. */
const longestWay = 32_000;

/** What a refusal, or silence, means; undefined for a 200 (OK). */
function refusal(response: SipResponse | undefined): ReturnType<typeof coreAnswer> | undefined {
  return response !== undefined && response.status < 300 ? undefined : coreAnswer(response);
}

/** RFC 9562 §5.8: the same for the same name. */
function uuid(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** What a user is granted by her block. */
interface UserGrant {
  /** Contact value. */
  readonly contact: string;
  /** The default one first. */
  readonly identities: readonly string[];
  /** RFC 5626 is in force for her flow. */
  readonly outbound: boolean;
  /** The block's. */
  readonly grant: Grant;
}

/** The answer that an S-CSCF would give that knew the user by herself. @param granted absent: she has left */
export function answerFor(tx: ServerTransaction, granted?: UserGrant): SipResponse {
  const headers: [string, string][] = [];
  if (granted !== undefined) {
    const { contact, identities, outbound, grant } = granted;
    headers.push(["Contact", contact], ["P-Associated-URI", identities.map((uri) => `<${uri}>`).join(", ")]);
    for (const route of grant.serviceRoute) headers.push(["Service-Route", route]);
    if (grant.chargingFunctions !== undefined) headers.push(["P-Charging-Function-Addresses", grant.chargingFunctions]);
    if (outbound) headers.push(["Require", "outbound"]);
  }
  return createResponse(tx.request, 200, { toTag: tx.localTag, headers });
}
