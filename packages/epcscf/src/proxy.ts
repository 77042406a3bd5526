import { octets, parseNameAddr, parseUri } from "@portico/sip";
import type { ServerTransaction, SipRequest, SipResponse, UserAgent } from "@portico/sip";
import type { Core } from "./core.ts";
import { EpcscfError } from "./errors.ts";
import { type ChargingVectors, icidValue } from "./policy/charging.ts";
import { strip, wantsPrivacy } from "./policy/headers.ts";
import { assertedIdentity, checkFrom } from "./policy/identity.ts";
import { dial } from "./policy/dialPlan.ts";
import { hopsLeft } from "./policy/maxForwards.ts";
import { checkDestination, checkMoment, checkService } from "./policy/restrictions.ts";
import type { MessageFact, SubscriptionFact, TenantPolicy } from "./ports.ts";
import { ProxiedDialogs, type Way } from "./proxiedDialogs.ts";
import type { Registration } from "./registration/registration.ts";
import { relay } from "./relay.ts";
import { readSeconds } from "./seconds.ts";
import { anonymous } from "./session/identities.ts";
import type { Flow } from "./w2/flow.ts";

export interface ProxyOptions {
  readonly core: Core;
  /** User agents toward the core and toward browsers; their transactions are used. */
  readonly coreAgent: UserAgent;
  readonly accessAgent: UserAgent;
  readonly charging: ChargingVectors;
  /** Nobody answers where a registration's requests go. */
  readonly scscfLost: (registration: Registration) => void;
  /** Whether the core that has forbidden something knows the user no more. */
  readonly isForgotten: (registration: Registration) => Promise<boolean>;
  /** Host and port of this node on W2. */
  readonly accessSentBy: string;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly policyOf: (tenant: string) => TenantPolicy;
  /** Told of each MESSAGE before its answer goes back, which waits for the promise; that never fails. */
  readonly passed: (registration: Registration, message: PassedMessage) => Promise<void>;
  /** Told of each SUBSCRIBE. */
  readonly subscribed: (registration: Registration, subscription: PassedSubscription) => void;
}

/** What becomes of a MESSAGE. */
export type PassedMessage = Pick<MessageFact, "direction" | "remote" | "icid" | "at" | "status">;

type PassedSubscription = PassedMessage & Pick<SubscriptionFact, "event" | "expires">;

/** An event package (RFC 6665 §8.4), as far as a record keeps it: what is no token names none. */
const eventPackage = /^\s*([\w.!%*+`'~-]{1,64})/;

/** Methods that open a dialog through this node. */
const opening: ReadonlySet<string> = new Set(["SUBSCRIBE", "REFER"]);

/** Requests other than INVITE's pass through as a proxy passes them: dialog identity and unknown headers unchanged. */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #dialogs = new ProxiedDialogs();

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** From the browser along its Service-Route (EPC-SES-03 to 06). Answers in every case. @throws EpcscfError. */
  async up(tx: ServerTransaction, registration: Registration, flow: Flow): Promise<void> {
    const { core, coreAgent, charging } = this.#options;
    const request = forwarded(tx.request);
    if (request.toTag === undefined) checkFrom(request, registration);
    const asserted = assertedIdentity(request, registration.associated);
    strip(request, "up");
    const way = this.#way(request, registration);
    request.remove("Route").remove("Record-Route").setUri(way.target);
    if (way.routes.length > 0) request.add("Route", way.routes.join(", "));
    request.set("P-Asserted-Identity", asserted);
    request.set("P-Charging-Vector", charging.next());
    if (request.has("Contact")) request.set("Contact", `<${core.uri(registration.key)}>`);
    const opens = opening.has(request.method) && request.toTag === undefined;
    // The side nearest the core stands on top.
    if (opens) this.#recordRoute(request, flow, "up");
    const next = request.toTag === undefined ? core.nextHop(way.routes) : core.nextHop(way.routes, way.target);
    const at = this.#options.wallClock();
    const response = await relay(coreAgent, request, next);
    const lost = request.toTag === undefined && way.routes.length > 0;
    const silence = new EpcscfError(lost ? "epcscf/scscf-lost" : "epcscf/core-unreachable");
    await this.#record(registration, request, response, () => ({
      direction: "outgoing",
      remote: request.toTag === undefined ? way.target : request.to.uri,
      icid: icidValue(request.get("P-Charging-Vector") ?? ""),
      at,
      status: (response ?? silence).status,
    }));
    if (response === undefined) {
      if (lost) this.#options.scscfLost(registration);
      throw silence;
    }
    // TS 24.229 §5.4.3.2: what an S-CSCF says that does not have the user as registered.
    if (lost && response.status === 403 && (await this.#options.isForgotten(registration)))
      throw new EpcscfError("epcscf/scscf-lost");
    if (opens && response.status < 300) {
      this.#dialogs.note(
        registration,
        response,
        response.toTag,
        this.#beyond(response.list("Record-Route").toReversed()),
      );
    }
    const down = response.clone().removeFirst("Via");
    strip(down, "down");
    tx.respond(down);
  }

  /** From the core to the browser. Answers in every case. @throws EpcscfError. */
  async down(tx: ServerTransaction, registration: Registration): Promise<void> {
    const { accessAgent, core } = this.#options;
    const { flow } = registration;
    if (flow === undefined) throw new EpcscfError("epcscf/flow-gone");
    const request = forwarded(tx.request);
    const { callId, fromTag = "", toTag } = request;
    if (request.method === "MESSAGE") {
      const { scope, restrictions } = registration.claims;
      checkService("message", scope, restrictions);
      checkMoment("mt", this.#options.wallClock(), restrictions);
    }
    if (opening.has(request.method) && toTag === undefined) {
      this.#dialogs.note(registration, request, fromTag, this.#beyond(request.list("Record-Route")));
      this.#recordRoute(request, flow, "down");
    }
    const ends = request.method === "NOTIFY" && /^terminated\b/i.test(request.get("Subscription-State") ?? "");
    if (ends) this.#dialogs.forget(registration, callId, fromTag);
    strip(request, "down");
    request.remove("Route").setUri(registration.accessContact);
    mapContacts(request, registration, core);
    const at = this.#options.wallClock();
    const response = await relay(accessAgent, request, flow);
    const gone = new EpcscfError("epcscf/flow-gone");
    await this.#record(registration, request, response, () => ({
      direction: "incoming",
      remote: wantsPrivacy(tx.request) ? anonymous : tx.request.from.uri,
      icid: icidValue(tx.request.get("P-Charging-Vector") ?? ""),
      at,
      status: (response ?? gone).status,
    }));
    if (response === undefined) throw gone;
    const up = response.clone().removeFirst("Via");
    strip(up, "up");
    if (up.has("Contact")) up.set("Contact", `<${core.uri(registration.key)}>`);
    tx.respond(up);
  }

  /** CHG-02: what of a request that was passed on is to be told. */
  async #record(
    registration: Registration,
    request: SipRequest,
    response: SipResponse | undefined,
    told: () => PassedMessage,
  ): Promise<void> {
    if (request.method === "MESSAGE") await this.#options.passed(registration, told());
    if (request.method !== "SUBSCRIBE") return;
    const [, event = ""] = eventPackage.exec(request.get("Event") ?? "") ?? [];
    // RFC 6665 §4.2.1.1: what was granted, if that was shorter.
    const expires = readSeconds(response?.get("Expires") ?? request.get("Expires"));
    this.#options.subscribed(registration, { ...told(), event, expires });
  }

  /** Where a browser's request goes (EPC-SES-03, SEC-02). @throws EpcscfError `epcscf/dialog`. */
  #way(request: SipRequest, registration: Registration): Way {
    const { callId, toTag } = request;
    if (toTag === undefined) {
      return { routes: registration.serviceRoute, target: this.#judged(request, registration) };
    }
    const way = this.#dialogs.find(registration, callId, toTag);
    if (way === undefined) throw new EpcscfError("epcscf/dialog");
    return way;
  }

  /**
   * What is sent outside a dialog obeys the dial plan and the restrictions of the token, as a call does; so does whom a
   * REFER wants called. @returns the Request-URI to send. @throws EpcscfError.
   */
  #judged(request: SipRequest, registration: Registration): string {
    const { method, uri } = request;
    if (method !== "MESSAGE" && method !== "REFER") return uri;
    const { policyOf, wallClock } = this.#options;
    const { scope, restrictions } = registration.claims;
    const { dialPlan } = policyOf(registration.entry.tenant);
    const allowed = (dialled: string): string => {
      const { target } = dial(dialled, dialPlan);
      checkDestination(target, dialPlan, restrictions);
      return target;
    };
    checkService(method === "MESSAGE" ? "message" : "voice", scope, restrictions);
    checkMoment("mo", wallClock(), restrictions);
    if (method === "MESSAGE") return allowed(uri);
    request.set("Refer-To", `<${allowed(parseNameAddr(request.get("Refer-To") ?? "").uri)}>`);
    return uri;
  }

  /** Two entries, since the two sides differ in transport (RFC 7118 §8.2, EPC-SES-05); the next side's stands on top. */
  #recordRoute(request: SipRequest, flow: Flow, way: "up" | "down"): void {
    const { core, accessSentBy } = this.#options;
    const { token } = flow;
    const access = `<sip:${token}@${accessSentBy};transport=ws;lr>`;
    const mw = `<${core.pathUri(token, false)}>`;
    for (const entry of way === "up" ? [access, mw] : [mw, access]) request.prepend("Record-Route", entry);
  }

  #beyond(recorded: readonly string[]): string[] {
    return recorded.filter((route) => !this.#isOwn(route));
  }

  #isOwn(route: string): boolean {
    const { uri } = parseNameAddr(route);
    const { host, port } = parseUri(uri);
    return (
      this.#options.core.isOwn(uri) || `${host}${port === undefined ? "" : `:${port}`}` === this.#options.accessSentBy
    );
  }
}

/** A copy for the next hop. @throws EpcscfError `epcscf/hops`. */
function forwarded(request: SipRequest): SipRequest {
  return request.clone().set("Max-Forwards", String(hopsLeft(request)));
}

/** In reginfo bodies the portal's Contact becomes the browser's own again (EPC-REG-17). */
function mapContacts(request: SipRequest, registration: Registration, core: Core): void {
  const type = request.get("Content-Type") ?? "";
  if (!type.toLowerCase().startsWith("application/reginfo+xml") || !request.body.includes(registration.key)) return;
  const own = registration.accessContact.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const body = request.body
    .replaceAll(core.uri(registration.key), octets.fromText(own))
    .replaceAll(`sip:${registration.key}@${core.sentBy}`, octets.fromText(own));
  request.setBodyOctets(type, body);
}
