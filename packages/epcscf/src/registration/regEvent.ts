import {
  Dialog,
  parseReginfo,
  SipRequest,
  type HeaderList,
  type Random,
  type ServerTransaction,
  type UserAgent,
} from "@portico/sip";
import type { Core } from "../core.ts";
import type { ChargingVectors } from "../policy/charging.ts";
import type { Log } from "../ports.ts";
import { relay } from "../relay.ts";
import type { Registration, Registrations } from "./registration.ts";

/** Start of the user part of this node's Contact in its own subscriptions. */
const prefix = "reg-";
/** Seconds a subscription is asked for beyond the registration it watches (EPC-REG-20). */
const beyond = 600;

export interface RegEventOptions {
  readonly core: Core;
  readonly agent: UserAgent;
  readonly registrations: Registrations;
  readonly charging: ChargingVectors;
  readonly random: Random;
  readonly log: Log;
  /** The core has ended the registration by itself. */
  readonly ended: (registration: Registration) => void;
}

/** The eP-CSCF's own subscriptions to the reg event of the identities it serves (TS 24.229 §5.2.3, RFC 3680). */
export class RegEvent {
  readonly #options: RegEventOptions;
  readonly #dialogs = new WeakMap<Registration, Dialog>();

  constructor(options: RegEventOptions) {
    this.#options = options;
  }

  /** Subscribes for a registration, or prolongs that. @param seconds the granted registration time. */
  async subscribe(registration: Registration, seconds: number): Promise<void> {
    const { core, agent, charging, log } = this.#options;
    const known = this.#dialogs.get(registration);
    const headers: [string, string][] = [
      ["P-Asserted-Identity", `<${core.uri()}>`],
      ["P-Charging-Vector", charging.next()],
      ["Event", "reg"],
      ["Expires", String(seconds + beyond)],
      ["Accept", "application/reginfo+xml"],
    ];
    const request = known?.createRequest("SUBSCRIBE", headers) ?? this.#initial(registration, headers);
    const next = known === undefined ? core.entry() : core.nextHop(known.state.routeSet, known.remoteTarget);
    const response = await relay(agent, request, next);
    if (response !== undefined && response.status < 300) {
      if (known === undefined) this.#dialogs.set(registration, Dialog.uac(request, response));
      return;
    }
    // Without it the node learns of a network-initiated end only at the next REGISTER, which tries again.
    this.#dialogs.delete(registration);
    log.warn("reg-event.refused", { status: response?.status ?? 408 });
  }

  #initial(registration: Registration, headers: HeaderList): SipRequest {
    const { core, random } = this.#options;
    const { impu } = registration;
    return SipRequest.create("SUBSCRIBE", impu, [
      ["Max-Forwards", "70"],
      ["From", `<${core.uri()}>;tag=${random.token(10)}`],
      ["To", `<${impu}>`],
      ["Call-ID", `${random.token(24)}@${core.sentBy}`],
      ["CSeq", "1 SUBSCRIBE"],
      ["Contact", `<${core.uri(prefix + registration.key)}>`],
      ...headers,
    ]);
  }

  /** True for a NOTIFY to one of this node's subscriptions. */
  owns(request: SipRequest): boolean {
    return request.method === "NOTIFY" && request.uri.startsWith(`sip:${prefix}`);
  }

  /** Takes a NOTIFY. Each one stands for itself: cores differ in versions and in what they repeat. */
  notify(tx: ServerTransaction): void {
    const { request } = tx;
    const key = request.uri.slice(`sip:${prefix}`.length, request.uri.indexOf("@"));
    const registration = this.#options.registrations.byKey(key);
    if (registration === undefined) return tx.reply(481);
    tx.reply(200);
    const reginfo = parseReginfo(request.body);
    if (reginfo === undefined) return;
    const own = reginfo.registrations.find(({ aor }) => aor === registration.impu);
    if (own === undefined) return;
    const contact = own.contacts.find(({ uri }) => uri.includes(registration.key));
    // A core may end the registration without naming a contact; it may also name ours among others that live on.
    if (own.state === "terminated" || contact?.state === "terminated") this.#options.ended(registration);
  }
}
