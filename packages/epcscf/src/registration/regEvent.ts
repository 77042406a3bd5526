import {
  parseNameAddr,
  parseReginfo,
  sameUri,
  SipRequest,
  type Clock,
  type Random,
  type ReginfoRegistration,
  type Subscription,
  type SubscriptionEnd,
  type UserAgent,
} from "@portico/sip";
import { chance } from "../chance.ts";
import type { Core } from "../core.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import type { Log } from "../ports.ts";
import { retryAfter } from "../relay.ts";
import type { Way } from "../way.ts";
import type { Grant } from "./grant.ts";

/** Start of the user part of this node's Contact in its own subscriptions. */
const prefix = "reg-";
/** Seconds asked for at least: one subscription outlives many refreshes of its registration, which ends it. */
const usual = 86_400;
/** Seconds asked for beyond the registration (EPC-REG-20). */
const beyond = 600;
/** Seconds until a subscription that was refused is tried again: doubled each time, with chance. */
const firstPause = 5;
const longestPause = 600;

/** A registration in the core, as far as its watch needs to know it. */
export interface Watched {
  /** User part of its Contact. */
  readonly key: string;
  readonly impu: string;
  readonly grant: Grant | undefined;
  /** Clock time, ms. */
  readonly grantedUntil: number;
  /** Undefined while it lives. */
  readonly ended: string | undefined;
  /** P-Associated-URI values of the grant that the core has ended since. */
  withdrawn: readonly string[];
}

/** What the core says when it is asked for a registration; `unwatched`: there is nothing to ask by. */
export type Memory = "known" | "lost" | "silent" | "unwatched";

export interface RegEventOptions<Of extends Watched> {
  readonly core: Core;
  readonly agent: UserAgent;
  readonly clock: Clock;
  readonly charging: ChargingVectors;
  readonly random: Random;
  readonly log: Log;
  /** The core has ended the registration by itself, or let its time run out. */
  readonly ended: (registration: Of, reason: "network" | "expired") => void;
}

/** The watch over one registration: a subscription, or the pause before the next one. */
interface Watch {
  subscription: Subscription | undefined;
  stopPause: (() => void) | undefined;
  refusals: number;
  /** Further SUBSCRIBEs go where the dialog leads. */
  routed: boolean;
  asking: Promise<Memory> | undefined;
  /** Who has been asked for it. */
  scscf: string;
  /** The core has said that it knows the registration no more; until the next grant. */
  lost: boolean;
}

/** An S-CSCF that has lost its memory knows neither the subscription nor the user (RFC 6665 §4.1.2.2, TS 24.229 §5.4.2.1.1). */
const forgetting: ReadonlySet<number> = new Set([403, 404, 481]);

/**
 * The eP-CSCF's own subscriptions to the reg event of the identities it serves (TS 24.229 §5.2.3, RFC 3680): one for each
 * registration, from its first 200 (OK) to its end, prolonged only before it would end.
 */
export class RegEvent<Of extends Watched> {
  readonly #options: RegEventOptions<Of>;
  readonly #watches = new WeakMap<Of, Watch>();

  constructor(options: RegEventOptions<Of>) {
    this.#options = options;
  }

  /** Watches a registration unless that is done already. @param seconds the granted registration time. */
  watch(registration: Of, seconds: number): void {
    const known = this.#watches.get(registration);
    const { scscf = "" } = registration.grant ?? {};
    if (known?.subscription !== undefined && known.scscf === scscf) return;
    // The S-CSCF of before has nothing more to say of it.
    known?.subscription?.close();
    known?.stopPause?.();
    const watch = known ?? {
      subscription: undefined,
      stopPause: undefined,
      refusals: 0,
      routed: false,
      asking: undefined,
      scscf,
      lost: false,
    };
    watch.stopPause = undefined;
    watch.subscription = undefined;
    watch.scscf = scscf;
    watch.lost = false;
    this.#watches.set(registration, watch);
    void this.#subscribe(registration, watch, seconds, this.#options.core.entry(registration.key));
  }

  /** The registration is over: what the core still says of it has no listener. */
  unwatch(registration: Of): void {
    const watch = this.#watches.get(registration);
    watch?.subscription?.close();
    watch?.stopPause?.();
    this.#watches.delete(registration);
  }

  /** Asks the core, by the subscription that it has granted, whether it still knows the registration. */
  async ask(registration: Of): Promise<Memory> {
    const watch = this.#watches.get(registration);
    if (watch?.lost === true) return "lost";
    if (watch?.subscription === undefined) return "unwatched";
    watch.asking ??= this.#ask(watch, watch.subscription).finally(() => (watch.asking = undefined));
    return await watch.asking;
  }

  /** True for a NOTIFY to one of this node's subscriptions; where nobody waits for it any more. */
  owns(request: SipRequest): boolean {
    return request.method === "NOTIFY" && request.uri.startsWith(`sip:${prefix}`);
  }

  async #ask(watch: Watch, subscription: Subscription): Promise<Memory> {
    const { scscf } = watch;
    const response = await subscription.refresh();
    // Another S-CSCF may have been granted it meanwhile.
    if (response === undefined || watch.scscf !== scscf) return "unwatched";
    if (response.status < 300) return "known";
    if (!forgetting.has(response.status)) return "silent";
    subscription.close();
    watch.subscription = undefined;
    watch.lost = true;
    return "lost";
  }

  async #subscribe(registration: Of, watch: Watch, seconds: number, way: Way): Promise<void> {
    const { agent, charging, core } = this.#options;
    const target = await way.next();
    if (registration.ended || watch.subscription !== undefined) return;
    if (target === undefined)
      return this.#again(registration, watch, seconds, { reason: "unreachable", retryAfter: 0 });
    watch.routed = false;
    const subscription: Subscription = agent.subscribe(this.#request(registration, seconds), way.hopTo(target), {
      headers: () => [
        ["P-Asserted-Identity", `<${core.uri()}>`],
        ["P-Charging-Vector", charging.next()],
      ],
      notified: (notify) => {
        way.answered(target);
        watch.refusals = 0;
        this.#follow(watch, subscription);
        this.#read(registration, notify);
      },
      ended: (end) => {
        watch.subscription = undefined;
        if (registration.ended) return;
        // What has been granted before is gone: a further SUBSCRIBE has to wait until the registration is there again.
        if (subscription.dialog !== undefined && forgetting.has(end.response?.status ?? 0)) watch.lost = true;
        else if (isFailure(end)) {
          way.failed(target, end.response?.has("Via") === true ? retryAfter(end.response) : undefined);
          void this.#subscribe(registration, watch, seconds, way);
        } else this.#again(registration, watch, seconds, end);
      },
    });
    watch.subscription = subscription;
    return undefined;
  }

  /** Without a subscription the node learns of a network-initiated end only at the next REGISTER. */
  #again(registration: Of, watch: Watch, seconds: number, end: SubscriptionEnd): void {
    const { clock, log, random } = this.#options;
    log.warn("reg-event.ended", { reason: end.reason, status: end.response?.status ?? 0 });
    if (end.retryAfter === undefined) return;
    const pause = Math.min(longestPause, firstPause * 2 ** watch.refusals);
    watch.refusals += 1;
    const factor = 1 + chance(random);
    watch.stopPause = clock.setTimer(Math.max(end.retryAfter, pause) * factor * 1000, () => {
      watch.stopPause = undefined;
      this.watch(registration, seconds);
    });
  }

  #request({ impu, key }: Watched, seconds: number): SipRequest {
    const { core, random, charging } = this.#options;
    return SipRequest.create("SUBSCRIBE", impu, [
      ["Max-Forwards", "70"],
      ["From", `<${core.uri()}>;tag=${random.token(10)}`],
      ["To", `<${impu}>`],
      ["Call-ID", `${random.token(24)}@${core.sentBy}`],
      ["CSeq", "1 SUBSCRIBE"],
      ["Contact", `<${core.uri(prefix + key)}>`],
      ["P-Asserted-Identity", `<${core.uri()}>`],
      ["P-Charging-Vector", charging.next()],
      ["Event", "reg"],
      ["Expires", String(Math.max(usual, seconds) + beyond)],
      ["Accept", "application/reginfo+xml"],
    ]);
  }

  /** RFC 3261 §12.2.1.1: the route set, else the remote target, says where the next SUBSCRIBE goes. */
  #follow(watch: Watch, subscription: Subscription): void {
    const { dialog } = subscription;
    if (watch.routed || dialog === undefined) return;
    watch.routed = true;
    const { routeSet, remoteTarget } = dialog.state;
    this.#options.core
      .nextHop(routeSet, remoteTarget)
      .first()
      .then(
        (hop) => (subscription.hop = hop),
        () => this.#options.log.warn("core.route-unusable"),
      );
  }

  /** TS 24.229 §5.2.4: what the core tells ended is not this user's to be any more; what it tells active is again. */
  #withdraw(registration: Watched, told: readonly ReginfoRegistration[]): void {
    const { grant, withdrawn } = registration;
    if (grant === undefined || told.length === 0) return;
    registration.withdrawn = grant.associated.filter((value) => {
      const { uri } = parseNameAddr(value);
      const state = told.findLast(({ aor }) => isSame(aor, uri))?.state;
      return state === undefined ? withdrawn.includes(value) : state === "terminated";
    });
  }

  /** Each NOTIFY stands for itself: cores differ in versions and in what they repeat. */
  #read(registration: Of, notify: SipRequest): void {
    const registrations = parseReginfo(notify.body)?.registrations ?? [];
    const own = registrations.find(({ aor }) => isSame(aor, registration.impu));
    this.#withdraw(registration, registrations);
    if (own === undefined) return;
    const contact = own.contacts.find(({ uri }) => uri.includes(registration.key));
    // A core may end the registration without naming a contact; it may also name ours among others that live on.
    if (own.state !== "terminated" && contact?.state !== "terminated") return;
    const late = registration.grantedUntil - this.#options.clock.now() < 2000;
    this.#options.ended(registration, late && contact?.event === "expired" ? "expired" : "network");
  }
}

function isSame(one: string, other: string): boolean {
  try {
    return sameUri(one, other);
  } catch {
    return false;
  }
}

/** RFC 3263 §4.3: a 503, or (without a Via, made here) no answer at all to the first SUBSCRIBE. */
function isFailure({ reason, response }: SubscriptionEnd): boolean {
  return reason === "refused" && (response?.status === 503 || (response?.status === 408 && !response.has("Via")));
}
