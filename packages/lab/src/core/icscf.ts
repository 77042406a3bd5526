import { unquote } from "@portico/sip";
import type { Hop, ServerTransaction, SipRequest, TransactionLayer } from "@portico/sip";
import { AccessFlows } from "./access.ts";
import { Element, LabHop, proxyLayer } from "./element.ts";
import type { ElementOptions } from "./element.ts";
import type { Hss } from "./hss.ts";
import { digestOf, inspectRequest } from "./hygiene.ts";
import type { Interceptors } from "./interception.ts";
import { ResponseContext } from "./responseContext.ts";
import { countHop, nextHop, takeOwnRoutes, topRoute } from "./routing.ts";

/** What the I-CSCF needs beside its sockets. */
export interface IcscfOptions extends Omit<ElementOptions, "name" | "receive"> {
  readonly homeDomain: string;
  readonly hss: Hss;
  readonly interceptors: Interceptors;
  /** The next element: where registrations and terminating requests go. */
  scscf(): Element;
  /** Whether a source address belongs to the home network's security domain (TS 33.210). */
  isTrusted(address: string): boolean;
  /** Whether the request came from one of the lab's own elements. */
  isOwn(request: SipRequest): boolean;
  /** Whether the URI is one that the S-CSCF made for a registered contact (RFC 5627 §3.2). */
  isTemporaryGruu(uri: string): boolean;
  violation(text: string, request: SipRequest): void;
}

/**
 * The entry point of the home network: asks the HSS who may register (UAR) and where a called identity is served (LIR).
 * Toward softphones it also plays the P-CSCF, see {@link AccessFlows}.
 */
export class Icscf {
  readonly element: Element;
  readonly #layer: TransactionLayer;
  readonly #o: IcscfOptions;
  readonly #access: AccessFlows;

  private constructor(options: IcscfOptions, element: Element, layer: TransactionLayer) {
    this.#o = options;
    this.element = element;
    this.#layer = layer;
    this.#access = new AccessFlows({ element, layer, homeDomain: options.homeDomain, scscf: () => options.scscf() });
  }

  /** @throws TransportError when the port is taken */
  static async open(options: IcscfOptions): Promise<Icscf> {
    const layer = proxyLayer(
      (tx) => icscf.#request(tx),
      (ack, hop) => icscf.#ack(ack, hop),
    );
    const element = await Element.open({ ...options, name: "I-CSCF", receive: (m, hop) => layer.receive(m, hop) });
    const icscf = new Icscf(options, element, layer);
    return icscf;
  }

  close(): Promise<void> {
    this.#layer.close();
    return this.element.close();
  }

  #request(tx: ServerTransaction): void {
    const request = tx.request.clone();
    const remote = tx.hop instanceof LabHop ? tx.hop.remote : { address: "", port: 0 };
    if (!countHop(request)) {
      tx.reply(483);
      return;
    }
    const routed = takeOwnRoutes(this.element, request);
    if (this.#o.interceptors.takes(tx, "I-CSCF")) return;
    if (this.#access.takes(tx, request, routed)) return;
    if (!this.#o.isTrusted(remote.address)) {
      // TS 33.203 U.2: only a node of the security domain may vouch for a user
      tx.reply(403, { reason: "Forbidden - Untrusted Node" });
      return;
    }
    if (isOfStranger(request)) {
      tx.reply(403, { reason: "Forbidden - Register First" });
      return;
    }
    if (!this.#o.isOwn(request)) {
      const findings = inspectRequest(request);
      for (const finding of findings) this.#o.violation(finding, request);
      if (findings[0] !== undefined) {
        tx.reply(400, { reason: `Bad Request - ${findings[0]}` });
        return;
      }
    }
    if (request.method === "REGISTER") this.#register(tx, request);
    else if (topRoute(request) !== undefined) this.#forward(tx, request);
    else this.#locate(tx, request);
  }

  #register(tx: ServerTransaction, request: SipRequest): void {
    const visited = unquote(request.list("P-Visited-Network-ID")[0] ?? "");
    const answer = this.#o.hss.authorize(digestOf(request)?.get("username"), request.to.uri, visited);
    if (!answer.ok) {
      tx.reply(403, { reason: `Forbidden - ${answer.reason}` });
      return;
    }
    this.#toScscf(tx, request);
  }

  #locate(tx: ServerTransaction, request: SipRequest): void {
    if (!this.#o.isTemporaryGruu(request.uri) && !this.#o.hss.locate(request.uri)) {
      tx.reply(604);
      return;
    }
    request.prepend("Route", this.#o.scscf().route("term"));
    this.#toScscf(tx, request);
  }

  #toScscf(tx: ServerTransaction, request: SipRequest): void {
    const hop = this.element.hopTo(this.#o.scscf().endpoint, "TCP");
    ResponseContext.forward(this.#layer, tx, [[{ request, hop, alternatives: [] }]]);
  }

  #forward(tx: ServerTransaction, request: SipRequest): void {
    const target = { request, hop: nextHop(this.element, request), alternatives: [] };
    ResponseContext.forward(this.#layer, tx, [[target]]);
  }

  #ack(ack: SipRequest, hop: Hop): void {
    const request = ack.clone();
    const routed = takeOwnRoutes(this.element, request);
    if (!countHop(request)) return;
    this.#layer.sendAck(request, this.#access.flowToward(routed, hop) ?? nextHop(this.element, request));
  }
}

/** A softphone without a registration may share the trusted nodes' address: nothing that a node adds stands in its request. */
function isOfStranger(request: SipRequest): boolean {
  return request.method !== "REGISTER" && !request.has("P-Asserted-Identity") && !request.has("P-Charging-Vector");
}
