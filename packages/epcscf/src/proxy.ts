import { parseNameAddr, parseUri, type ServerTransaction, type SipRequest, type UserAgent } from "@portico/sip";
import type { Core } from "./core.ts";
import { EpcscfError } from "./errors.ts";
import type { ChargingVectors } from "./policy/charging.ts";
import { strip } from "./policy/headers.ts";
import { assertedIdentity } from "./policy/identity.ts";
import type { Registration } from "./registration/registration.ts";
import { relay } from "./relay.ts";
import type { Seal } from "./seal.ts";
import type { Flow } from "./w2/flow.ts";

export interface ProxyOptions {
  readonly core: Core;
  /** User agents toward the core and toward browsers; their transactions are used. */
  readonly coreAgent: UserAgent;
  readonly accessAgent: UserAgent;
  readonly seal: Seal;
  readonly charging: ChargingVectors;
  /** Host and port of this node on W2. */
  readonly accessSentBy: string;
}

/** Requests other than INVITE's pass through as a proxy passes them: dialog identity and unknown headers unchanged. */
export class Proxy {
  readonly #options: ProxyOptions;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** From the browser along its Service-Route (EPC-SES-03 to 06). Answers in every case. @throws EpcscfError. */
  async up(tx: ServerTransaction, registration: Registration, flow: Flow): Promise<void> {
    const { core, coreAgent, charging } = this.#options;
    const request = this.#next(tx.request);
    const asserted = assertedIdentity(request, registration.associated);
    strip(request, "up");
    const rest = request.list("Route").filter((value) => !this.#isOwn(value));
    // Outside a dialog the Service-Route is the only way, whatever the browser wrote (SEC-02).
    const routes = request.toTag === undefined ? registration.serviceRoute : rest;
    request.remove("Route").remove("Record-Route");
    if (routes.length > 0) request.add("Route", routes.join(", "));
    request.set("P-Asserted-Identity", asserted);
    request.set("P-Charging-Vector", charging.next());
    if (request.has("Contact")) request.set("Contact", `<${core.uri(registration.key)}>`);
    if (tx.request.method === "SUBSCRIBE") this.#recordRoute(request, flow);
    const response = await relay(coreAgent, request, core.nextHop(routes, request.uri));
    if (response === undefined) throw new EpcscfError("epcscf/core-unreachable");
    const down = response.clone().removeFirst("Via");
    strip(down, "down");
    tx.respond(down);
  }

  /** From the core to the browser. Answers in every case. @throws EpcscfError. */
  async down(tx: ServerTransaction, registration: Registration): Promise<void> {
    const { accessAgent } = this.#options;
    const { flow } = registration;
    if (flow === undefined) throw new EpcscfError("epcscf/flow-gone");
    const request = this.#next(tx.request);
    strip(request, "down");
    request.remove("Route").setUri(registration.accessContact);
    if (request.body.includes(registration.key)) mapContacts(request, registration, this.#options.core);
    const response = await relay(accessAgent, request, Promise.resolve(flow));
    if (response === undefined) throw new EpcscfError("epcscf/flow-gone");
    const up = response.clone().removeFirst("Via");
    strip(up, "up");
    tx.respond(up);
  }

  #next(request: SipRequest): SipRequest {
    const hops = Number.parseInt(request.get("Max-Forwards") ?? "70", 10);
    if (hops <= 0) throw new EpcscfError("epcscf/hops");
    return request.clone().set("Max-Forwards", String(hops - 1));
  }

  /** Two entries, since the two sides differ in transport (RFC 7118 §8.2, EPC-SES-05). */
  #recordRoute(request: SipRequest, flow: Flow): void {
    const { core, seal, accessSentBy } = this.#options;
    const token = seal.seal("path", flow.id);
    request.prepend("Record-Route", `<sip:${token}@${accessSentBy};transport=ws;lr>`);
    request.prepend("Record-Route", `<${core.pathUri(token, false)}>`);
  }

  #isOwn(route: string): boolean {
    const { uri } = parseNameAddr(route);
    const { host, port } = parseUri(uri);
    return (
      this.#options.core.isOwn(uri) || `${host}${port === undefined ? "" : `:${port}`}` === this.#options.accessSentBy
    );
  }
}

/** In reginfo bodies the portal's Contact becomes the browser's own again (EPC-REG-17). */
function mapContacts(request: SipRequest, registration: Registration, core: Core): void {
  const type = request.get("Content-Type") ?? "";
  if (!type.startsWith("application/reginfo+xml")) return;
  const own = registration.accessContact.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const body = request.body
    .replaceAll(core.uri(registration.key), own)
    .replaceAll(`sip:${registration.key}@${core.sentBy}`, own);
  request.setBody(type, body);
}
