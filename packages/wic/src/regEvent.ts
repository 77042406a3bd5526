import { Dialog, parseReginfo, sameUri, SipRequest } from "@portico/sip";
import type { Clock, Reginfo, ReginfoContact, ServerTransaction, UserAgent } from "@portico/sip";
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
  readonly clock: Clock;
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
  readonly #callId: string;
  readonly #tag: string;
  #dialog: Dialog | undefined;
  #remoteCseq = -1;
  #cancelRefresh: (() => void) | undefined;
  #closed = false;

  constructor(o: RegEventOptions) {
    this.#o = o;
    this.#callId = o.address.callId();
    this.#tag = o.address.tag();
  }

  /** Subscribes. That the network refuses it costs nothing but its news, so there is no error. */
  async start(): Promise<void> {
    const { session, binding, address, routes } = this.#o;
    const aor = binding.associated.find((uri) => uri.startsWith("sip")) ?? session.impu;
    const request = SipRequest.create("SUBSCRIBE", aor, [
      ...routes.map((route): [string, string] => ["Route", route]),
      ["Max-Forwards", "70"],
      ["From", `<${session.impu}>;tag=${this.#tag}`],
      ["To", `<${aor}>`],
      ["Call-ID", this.#callId],
      ["CSeq", "1 SUBSCRIBE"],
      ["P-Preferred-Identity", `<${session.impu}>`],
      ["Contact", address.dialogContact(session, binding.publicGruu)],
      ...eventHeaders,
    ]);
    const response = await this.#o.agent.send(request, this.#o.flow);
    if (this.#closed || response.status < 200 || response.status > 299) return;
    this.#dialog = Dialog.uac(request, response);
    this.#refreshAfter(Number(response.get("Expires") ?? wantedSeconds));
  }

  /** True when the NOTIFY belongs to this subscription; it may come before the 200 (RFC 6665 §4.1.2.4). */
  owns(request: SipRequest): boolean {
    return !this.#closed && request.callId === this.#callId && request.toTag === this.#tag;
  }

  /** Answers and processes a NOTIFY of this subscription. */
  notify(tx: ServerTransaction): void {
    const { request } = tx;
    if (request.cseq.number <= this.#remoteCseq) return tx.reply(500);
    this.#remoteCseq = request.cseq.number;
    tx.reply(200);
    if (!(request.get("Content-Type") ?? "").toLowerCase().startsWith("application/reginfo+xml")) return;
    const loss = this.#lossIn(parseReginfo(request.body));
    if (loss !== undefined) this.#o.onLoss(loss);
  }

  /** Ends it here; the network drops it with the registration. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#cancelRefresh?.();
  }

  #refreshAfter(expires: number): void {
    if (!(expires > 0)) return;
    const wait = (expires > 1200 ? expires - 600 : expires / 2) * 1000;
    this.#cancelRefresh = this.#o.clock.setTimer(wait, () => void this.#refresh());
  }

  async #refresh(): Promise<void> {
    const dialog = this.#dialog;
    if (dialog === undefined || this.#closed) return;
    const response = await this.#o.agent.send(dialog.createRequest("SUBSCRIBE", eventHeaders), this.#o.flow);
    if (this.#closed) return;
    if (response.status >= 200 && response.status < 300) this.#refreshAfter(Number(response.get("Expires") ?? 3600));
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

const eventHeaders: readonly [string, string][] = [
  ["Event", "reg"],
  ["Expires", String(wantedSeconds)],
  ["Accept", "application/reginfo+xml"],
];

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
