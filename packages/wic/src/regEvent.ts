import { parseReginfo, SipRequest } from "@portico/sip";
import type { Reginfo, ReginfoContact, Subscription, SubscriptionEnd, UserAgent } from "@portico/sip";
import type { LocalAddress } from "./address.ts";
import { Backoff } from "./backoff.ts";
import type { Binding } from "./binding.ts";
import type { Flow } from "./flow.ts";
import type { ImsSession } from "./imsSession.ts";
import type { Platform } from "./platform.ts";
import { isSame } from "./sameIdentity.ts";

/** What the network did to our contact (RFC 3680 §4.1). */
export interface RegistrationLoss {
  /** `rejected`: stop. `deactivated`, `expired`: register anew. `probation`: register anew after a time. */
  readonly event: "rejected" | "deactivated" | "probation" | "expired";
  /** Seconds, for `probation`. */
  readonly retryAfter?: number;
}

/** TS 24.229 §5.1.1.3. */
const wantedSeconds = 600_000;

export interface RegEventOptions {
  readonly agent: UserAgent;
  readonly flow: Flow;
  readonly address: LocalAddress;
  readonly session: ImsSession;
  readonly binding: Binding;
  /** Route values of an out-of-dialog request. */
  readonly routes: readonly string[];
  readonly platform: Platform;
  onLoss(loss: RegistrationLoss): void;
  /** The network tells of one identity whether it is registered (TS 24.229 §5.1.2.1). */
  onIdentity(uri: string, registered: boolean): void;
}

/** Times that a subscription is tried again; without it the client learns of an end at its next REGISTER. */
const mostTries = 5;

/** The subscription to the reg event of one flow; a new flow makes a new one. */
export class RegEventSubscription {
  readonly #o: RegEventOptions;
  readonly #backoff: Backoff;
  #subscription: Subscription | undefined;
  #tries = 0;
  #cancelPause: (() => void) | undefined;

  constructor(o: RegEventOptions) {
    this.#o = o;
    this.#backoff = new Backoff(o.platform.random);
  }

  /**
   * Subscribes. That the network refuses it, or ends it, costs nothing but its news, so there is no error; where another try makes
   * sense, there are a few.
   */
  start(): void {
    const { session, binding, address, routes, agent, flow } = this.#o;
    const aor = binding.associated.find((uri) => uri.startsWith("sip")) ?? session.impu;
    const request = SipRequest.create("SUBSCRIBE", aor, [
      ...routes.map((route): [string, string] => ["Route", route]),
      ["Max-Forwards", "70"],
      ["From", `<${session.impu}>;tag=${address.tag()}`],
      ["To", `<${aor}>`],
      ["Call-ID", address.callId()],
      ["CSeq", "1 SUBSCRIBE"],
      ["P-Preferred-Identity", `<${session.impu}>`],
      ["Contact", address.dialogContact(session, binding.publicGruu)],
      ["Event", "reg"],
      ["Expires", String(wantedSeconds)],
      ["Accept", "application/reginfo+xml"],
    ]);
    this.#subscription = agent.subscribe(request, flow, {
      notified: (notify) => this.#notified(notify),
      ended: (end) => this.#again(end),
    });
  }

  /** Ends it here; the network drops it with the registration. Idempotent. */
  close(): void {
    this.#subscription?.close();
    this.#cancelPause?.();
  }

  /** TS 24.229 §5.1.2.2: a Retry-After is waited for, as RFC 6665 §4.1.3 says which ends are worth another try. */
  #again({ retryAfter }: SubscriptionEnd): void {
    this.#tries += 1;
    if (retryAfter === undefined || this.#tries > mostTries) return;
    const wait = this.#backoff.next(retryAfter * 1000);
    this.#cancelPause = this.#o.platform.clock.setTimer(wait, () => this.start());
  }

  #notified(notify: SipRequest): void {
    if (!(notify.get("Content-Type") ?? "").toLowerCase().startsWith("application/reginfo+xml")) return;
    this.#tries = 0;
    this.#backoff.reset();
    const info = parseReginfo(notify.body);
    const loss = this.#lossIn(info);
    if (loss !== undefined) return this.#o.onLoss(loss);
    for (const { aor, state } of info?.registrations ?? []) this.#o.onIdentity(aor, state !== "terminated");
  }

  #lossIn(info: Reginfo | undefined): RegistrationLoss | undefined {
    const { address, session } = this.#o;
    const own = info?.registrations.find((each) => isSame(each.aor, session.impu));
    if (own === undefined) return undefined;
    const contact = own.contacts.find((each) => isSame(each.uri, address.contactUri(session)));
    if (contact?.state === "terminated") return lossOf(contact);
    // Some cores tell an administrative end by the registration's state alone, without any contact.
    if (own.state === "terminated" && own.contacts.length === 0) return { event: "rejected" };
    return undefined;
  }
}

function lossOf(contact: ReginfoContact): RegistrationLoss | undefined {
  switch (contact.event) {
    case "rejected":
    case "deactivated":
    case "expired":
      return { event: contact.event };
    case "probation":
      return { event: "probation", ...(contact.retryAfter !== undefined && { retryAfter: contact.retryAfter }) };
    // Our own de-registration.
    case "unregistered":
      return undefined;
    default:
      return { event: "deactivated" };
  }
}
