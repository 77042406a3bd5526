import { parseNameAddr } from "@portico/sip";
import type { Hop, ServerTransaction, SipRequest, SipResponse, TransactionLayer } from "@portico/sip";
import { systemRandom } from "@portico/transport";
import { LabHop } from "./element.ts";
import type { Element } from "./element.ts";
import { digestOf } from "./hygiene.ts";
import { ResponseContext } from "./responseContext.ts";
import { nextHop } from "./routing.ts";

/** What the softphones' access stands on. */
export interface AccessOptions {
  readonly element: Element;
  readonly layer: TransactionLayer;
  readonly homeDomain: string;
  scscf(): Element;
}

interface Flow {
  readonly token: string;
  readonly key: string;
  readonly hop: LabHop;
  identity: string;
  serviceRoutes: readonly string[];
}

const dialogMethods: ReadonlySet<string> = new Set(["INVITE", "SUBSCRIBE", "REFER"]);
const mostFlows = 1000;

/**
 * A minimal P-CSCF for softphones that register with Digest straight at the I-CSCF: it keeps their flows (so that a NAT
 * between is no obstacle), asserts their identity and routes what they send along their Service-Route.
 */
export class AccessFlows {
  readonly #o: AccessOptions;
  readonly #byKey = new Map<string, Flow>();
  readonly #byToken = new Map<string, Flow>();

  constructor(options: AccessOptions) {
    this.#o = options;
  }

  /**
   * Forwards what belongs to a softphone.
   * @param request the transaction's request, ready to be changed
   * @param routed user parts of our own Route entries, already taken off
   * @returns false when the request is none of a softphone's
   */
  takes(tx: ServerTransaction, request: SipRequest, routed: readonly (string | undefined)[]): boolean {
    const token = routed.find((user) => user?.startsWith("acc."));
    if (token !== undefined) this.#inFlow(tx, request, token);
    else if (request.method === "REGISTER") return this.#register(tx, request);
    else {
      const flow = this.#byKey.get(keyOf(tx.hop));
      if (flow === undefined) return false;
      this.#originate(tx, request, flow);
    }
    return true;
  }

  /** The flow an in-dialog request goes down, if it does not come up that flow. */
  flowToward(routed: readonly (string | undefined)[], from: Hop): LabHop | undefined {
    const token = routed.find((user) => user?.startsWith("acc."));
    const flow = token === undefined ? undefined : this.#byToken.get(token);
    return flow === undefined || flow.key === keyOf(from) ? undefined : flow.hop;
  }

  #inFlow(tx: ServerTransaction, request: SipRequest, token: string): void {
    const flow = this.#byToken.get(token);
    if (flow === undefined) {
      // RFC 5626 §5.3.1
      tx.reply(430);
      return;
    }
    if (request.toTag === undefined && dialogMethods.has(request.method)) {
      request.prepend("Record-Route", this.#o.element.route(flow.token));
    }
    const down = flow.key !== keyOf(tx.hop);
    if (down) request.remove("P-Charging-Vector").remove("P-Charging-Function-Addresses");
    this.#forward(tx, request, down ? flow.hop : nextHop(this.#o.element, request));
  }

  #register(tx: ServerTransaction, request: SipRequest): boolean {
    const direct = !request.has("Path") && digestOf(request)?.has("integrity-protected") !== true;
    const bearer = request.get("Authorization")?.toLowerCase().startsWith("bearer") === true;
    if (!direct || bearer || !(tx.hop instanceof LabHop)) return false;
    const { homeDomain, element } = this.#o;
    const flow = this.#byKey.get(keyOf(tx.hop)) ?? newFlow(tx.hop);
    const path = element.route(flow.token).replace(";lr>", ";lr;ob>");
    request.prepend("Path", path).add("Require", "path").add("Supported", "path");
    request.set("P-Visited-Network-ID", `"${homeDomain}"`);
    request.set("P-Charging-Vector", chargingVector(homeDomain));
    // Through our own front door, so that softphones meet the same UAR as everybody; the Route tells the two passages apart
    request.prepend("Route", element.route("register"));
    const hop = element.hopTo(element.endpoint, "TCP");
    ResponseContext.forward(this.#o.layer, tx, [[{ request, hop, alternatives: [] }]], {
      edit: (response) => this.#registered(response, flow),
    });
    return true;
  }

  #registered(response: SipResponse, flow: Flow): void {
    if (response.status !== 200) return;
    response.remove("P-Charging-Vector").remove("P-Charging-Function-Addresses");
    const [identity] = response.list("P-Associated-URI");
    if (identity === undefined) {
      this.#forget(flow);
      return;
    }
    flow.identity = parseNameAddr(identity).uri;
    flow.serviceRoutes = response.list("Service-Route");
    const oldest = this.#byKey.size >= mostFlows ? this.#byKey.values().next().value : undefined;
    if (oldest !== undefined) this.#forget(oldest);
    this.#byKey.set(flow.key, flow);
    this.#byToken.set(flow.token, flow);
  }

  #forget(flow: Flow): void {
    this.#byKey.delete(flow.key);
    this.#byToken.delete(flow.token);
  }

  #originate(tx: ServerTransaction, request: SipRequest, flow: Flow): void {
    const { homeDomain, element } = this.#o;
    request.remove("P-Preferred-Identity").set("P-Asserted-Identity", `<${flow.identity}>`);
    request.set("P-Charging-Vector", chargingVector(homeDomain));
    if (request.toTag === undefined) {
      if (!request.has("Route")) for (const route of flow.serviceRoutes) request.add("Route", route);
      if (dialogMethods.has(request.method)) request.prepend("Record-Route", element.route(flow.token));
    }
    this.#forward(tx, request, nextHop(element, request));
  }

  #forward(tx: ServerTransaction, request: SipRequest, hop: LabHop): void {
    ResponseContext.forward(this.#o.layer, tx, [[{ request, hop, alternatives: [] }]]);
  }
}

function newFlow(hop: LabHop): Flow {
  return { token: `acc.${systemRandom.token(12)}`, key: keyOf(hop), hop, identity: "", serviceRoutes: [] };
}

function keyOf(hop: Hop): string {
  return hop instanceof LabHop ? `${hop.protocol} ${hop.remote.address} ${hop.remote.port}` : "";
}

function chargingVector(homeDomain: string): string {
  return `icid-value="lab-${systemRandom.token(16)}";orig-ioi="Type 1${homeDomain}"`;
}
