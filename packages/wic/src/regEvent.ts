import { parseReginfo, sameUri, SipRequest } from "@portico/sip";
import type { Reginfo, ReginfoContact, Subscription, UserAgent } from "@portico/sip";
import type { LocalAddress } from "./address.ts";
import type { Binding } from "./binding.ts";
import type { Flow } from "./flow.ts";
import type { ImsSession } from "./imsSession.ts";

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
  onLoss(loss: RegistrationLoss): void;
}

/** The subscription to the reg event of one flow; a new flow makes a new one. */
export class RegEventSubscription {
  readonly #o: RegEventOptions;
  #subscription: Subscription | undefined;

  constructor(o: RegEventOptions) {
    this.#o = o;
  }

  /** Subscribes. That the network refuses it, or ends it, costs nothing but its news, so there is no error. */
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
    this.#subscription = agent.subscribe(request, flow, { notified: (notify) => this.#notified(notify) });
  }

  /** Ends it here; the network drops it with the registration. Idempotent. */
  close(): void {
    this.#subscription?.close();
  }

  #notified(notify: SipRequest): void {
    if (!(notify.get("Content-Type") ?? "").toLowerCase().startsWith("application/reginfo+xml")) return;
    const loss = this.#lossIn(parseReginfo(notify.body));
    if (loss !== undefined) this.#o.onLoss(loss);
  }

  #lossIn(info: Reginfo | undefined): RegistrationLoss | undefined {
    const { address, session } = this.#o;
    const own = info?.registrations.find((each) => same(each.aor, session.impu));
    if (own === undefined) return undefined;
    const contact = own.contacts.find((each) => same(each.uri, address.contactUri(session)));
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

function same(one: string, other: string): boolean {
  try {
    return sameUri(one, other);
  } catch {
    return one === other;
  }
}
