import {
  parseNameAddr,
  parseReginfo,
  sameUri,
  SipRequest,
  type Clock,
  type HeaderList,
  type Random,
  type ReginfoRegistration,
  type SubscribeOptions,
  type Subscription,
  type SubscriptionEnd,
  type Target,
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
export const contactPrefix = "reg-";
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

export interface WatchOptions<Of extends Watched> {
  readonly core: Core;
  readonly agent: UserAgent;
  readonly clock: Clock;
  readonly charging: ChargingVectors;
  readonly random: Random;
  readonly log: Log;
  /** The core has ended the registration by itself, or let its time run out. */
  readonly ended: (registration: Of, reason: "network" | "expired") => void;
}

/** An S-CSCF that has lost its memory knows neither the subscription nor the user (RFC 6665 §4.1.2.2, TS 24.229 §5.4.2.1.1). */
const forgetting: ReadonlySet<number> = new Set([403, 404, 481]);

/**
 * The watch over one registration: a subscription, or the pause before the next one. There is one for each user, so it is itself who
 * hears of its subscription, and it holds nothing that others hold as well.
 */
export class Watch<Of extends Watched> implements SubscribeOptions {
  readonly #options: WatchOptions<Of>;
  readonly #registration: Of;
  #subscription: Subscription | undefined;
  /** Where the first SUBSCRIBE has gone, until a NOTIFY comes. */
  #sent: { readonly way: Way; readonly target: Target } | undefined;
  #stopPause: (() => void) | undefined;
  #refusals = 0;
  #asking: Promise<Memory> | undefined;
  /** Who has been asked for it. */
  #scscf = "";
  /** The core has said that it knows the registration no more; until the next grant. */
  #lost = false;

  constructor(options: WatchOptions<Of>, registration: Of) {
    this.#options = options;
    this.#registration = registration;
  }

  /** Subscribes at the S-CSCF that has granted the registration, unless that is done already. */
  begin(): void {
    const { grant, key } = this.#registration;
    const { scscf = "" } = grant ?? {};
    if (this.#subscription !== undefined && this.#scscf === scscf) return;
    // The S-CSCF of before has nothing more to say of it.
    this.close();
    this.#scscf = scscf;
    this.#lost = false;
    void this.#subscribe(this.#options.core.entry(key));
  }

  /** Nobody listens any more. */
  close(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
    this.#stopPause?.();
    this.#stopPause = undefined;
  }

  /** Asks the core, by the subscription that it has granted, whether it still knows the registration. */
  async ask(): Promise<Memory> {
    if (this.#lost) return "lost";
    if (this.#subscription === undefined) return "unwatched";
    this.#asking ??= this.#ask(this.#subscription).finally(() => (this.#asking = undefined));
    return await this.#asking;
  }

  headers(): HeaderList {
    const { core, charging } = this.#options;
    return [
      ["P-Asserted-Identity", `<${core.uri()}>`],
      ["P-Charging-Vector", charging.next()],
    ];
  }

  notified(notify: SipRequest): void {
    if (this.#sent !== undefined) {
      this.#sent.way.answered(this.#sent.target);
      this.#sent = undefined;
      this.#follow();
    }
    this.#refusals = 0;
    this.#read(notify);
  }

  ended(end: SubscriptionEnd): void {
    const hadDialog = this.#subscription?.dialog !== undefined;
    this.#subscription = undefined;
    if (this.#registration.ended) return;
    // What has been granted before is gone: a further SUBSCRIBE has to wait until the registration is there again.
    if (hadDialog && forgetting.has(end.response?.status ?? 0)) this.#lost = true;
    else if (this.#sent !== undefined && isFailure(end)) {
      const { way, target } = this.#sent;
      way.failed(target, end.response?.has("Via") === true ? retryAfter(end.response) : undefined);
      void this.#subscribe(way);
    } else this.#again(end);
  }

  async #ask(subscription: Subscription): Promise<Memory> {
    const scscf = this.#scscf;
    const response = await subscription.refresh();
    // Another S-CSCF may have been granted it meanwhile.
    if (response === undefined || this.#scscf !== scscf) return "unwatched";
    if (response.status < 300) return "known";
    if (!forgetting.has(response.status)) return "silent";
    subscription.close();
    this.#subscription = undefined;
    this.#lost = true;
    return "lost";
  }

  async #subscribe(way: Way): Promise<void> {
    const target = await way.next();
    if (this.#registration.ended || this.#subscription !== undefined) return;
    if (target === undefined) return this.#again({ reason: "unreachable", retryAfter: 0 });
    this.#sent = { way, target };
    this.#subscription = this.#options.agent.subscribe(this.#request(), way.hopTo(target), this);
    return undefined;
  }

  /** Without a subscription the node learns of a network-initiated end only at the next REGISTER. */
  #again(end: SubscriptionEnd): void {
    const { clock, log, random } = this.#options;
    log.warn("reg-event.ended", { reason: end.reason, status: end.response?.status ?? 0 });
    if (end.retryAfter === undefined) return;
    const pause = Math.min(longestPause, firstPause * 2 ** this.#refusals);
    this.#refusals += 1;
    const factor = 1 + chance(random);
    this.#stopPause = clock.setTimer(Math.max(end.retryAfter, pause) * factor * 1000, () => this.begin());
  }

  #request(): SipRequest {
    const { core, random } = this.#options;
    const { impu, key, grant } = this.#registration;
    return SipRequest.create("SUBSCRIBE", impu, [
      ["Max-Forwards", "70"],
      ["From", `<${core.uri()}>;tag=${random.token(10)}`],
      ["To", `<${impu}>`],
      ["Call-ID", random.token(24)],
      ["CSeq", "1 SUBSCRIBE"],
      ["Contact", `<${core.uri(contactPrefix + key)}>`],
      ...this.headers(),
      ["Event", "reg"],
      ["Expires", String(Math.max(usual, grant?.seconds ?? 0) + beyond)],
      ["Accept", "application/reginfo+xml"],
    ]);
  }

  /** RFC 3261 §12.2.1.1: the route set, else the remote target, says where the next SUBSCRIBE goes. */
  #follow(): void {
    const subscription = this.#subscription;
    if (subscription?.dialog === undefined) return;
    const { routeSet, remoteTarget } = subscription.dialog.state;
    this.#options.core
      .nextHop(routeSet, remoteTarget)
      .first()
      .then(
        (hop) => (subscription.hop = hop),
        () => this.#options.log.warn("core.route-unusable"),
      );
  }

  /** Each NOTIFY stands for itself: cores differ in versions and in what they repeat. */
  #read(notify: SipRequest): void {
    const registration = this.#registration;
    const registrations = parseReginfo(notify.body)?.registrations ?? [];
    const own = registrations.find(({ aor }) => isSame(aor, registration.impu));
    withdraw(registration, registrations);
    if (own === undefined) return;
    const contact = own.contacts.find(({ uri }) => uri.includes(registration.key));
    // A core may end the registration without naming a contact; it may also name ours among others that live on.
    if (own.state !== "terminated" && contact?.state !== "terminated") return;
    const late = registration.grantedUntil - this.#options.clock.now() < 2000;
    this.#options.ended(registration, late && contact?.event === "expired" ? "expired" : "network");
  }
}

/** TS 24.229 §5.2.4: what the core tells ended is not this user's to be any more; what it tells active is again. */
function withdraw(registration: Watched, told: readonly ReginfoRegistration[]): void {
  const { grant, withdrawn } = registration;
  if (grant === undefined || told.length === 0) return;
  registration.withdrawn = grant.associated.filter((value) => {
    const { uri } = parseNameAddr(value);
    const state = told.findLast(({ aor }) => isSame(aor, uri))?.state;
    return state === undefined ? withdrawn.includes(value) : state === "terminated";
  });
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
