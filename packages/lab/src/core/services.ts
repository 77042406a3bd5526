import { SipRequest } from "@portico/sip";
import type { Clock, Random, TransactionLayer } from "@portico/sip";
import type { Element } from "./element.ts";
import type { Registrar, Registration } from "./registrar.ts";

/** Whose call it is (RFC 5502 §4). */
type SessionCase = "orig" | "term";

/** A request that is away at the application server. */
export interface DivertedRequest {
  readonly served: Registration;
  readonly sessionCase: SessionCase;
}

/** What service triggering stands on. */
export interface ServiceOptions {
  readonly element: Element;
  readonly layer: TransactionLayer;
  readonly registrar: Registrar;
  readonly clock: Clock;
  readonly random: Random;
  /** SIP URI of the application server; without one nothing is triggered. */
  readonly applicationServer: string | undefined;
}

/** How long a request may stay at the application server, milliseconds. */
const longestStay = 180_000;

/** Initial filter criteria with one application server for every INVITE: TS 24.229 §5.4.3.2, §5.4.3.3, §5.4.1.7. */
export class ServiceTriggers {
  readonly #o: ServiceOptions;
  readonly #away = new Map<string, { request: DivertedRequest; stop: () => void }>();
  readonly #stopListening: () => void;

  constructor(options: ServiceOptions) {
    this.#o = options;
    this.#stopListening = options.registrar.onChange((registration) => this.#register(registration));
  }

  close(): void {
    this.#stopListening();
    for (const { stop } of this.#away.values()) stop();
    this.#away.clear();
  }

  /** Puts the application server, and the way back to us, on top of Route. @returns false when nothing is triggered */
  divert(request: SipRequest, diverted: DivertedRequest): boolean {
    const { applicationServer, clock, element, random } = this.#o;
    if (applicationServer === undefined || request.method !== "INVITE") return false;
    const { served, sessionCase } = diverted;
    // The original dialog identifier: by it the request is known again when it comes back
    const identifier = `odi.${random.token(12)}`;
    const stop = clock.setTimer(longestStay, () => this.#away.delete(identifier));
    this.#away.set(identifier, { request: diverted, stop });
    const regState = served.bindings.length > 0 ? "reg" : "unreg";
    request.prepend("Route", element.route(identifier)).prepend("Route", `<${applicationServer};lr>`);
    request.set("P-Served-User", `<${served.subscription.impu}>;sescase=${sessionCase};regstate=${regState}`);
    return true;
  }

  /** The request that comes back with this Route user part. */
  returned(user: string | undefined): DivertedRequest | undefined {
    const away = user === undefined ? undefined : this.#away.get(user);
    if (away === undefined || user === undefined) return undefined;
    away.stop();
    this.#away.delete(user);
    return away.request;
  }

  /** TS 24.229 §5.4.1.7: tells the application server of every registration, refresh and end. */
  #register(registration: Registration): void {
    const { applicationServer, clock, element, layer, random } = this.#o;
    if (applicationServer === undefined) return;
    const own = element.route().replace(";lr", "");
    const left = Math.max(0, ...registration.bindings.map(({ expiresAt }) => expiresAt - clock.now()));
    const request = SipRequest.create("REGISTER", applicationServer, [
      ["Max-Forwards", "70"],
      ["From", `${own};tag=${random.token(12)}`],
      ["To", `<${registration.subscription.impu}>`],
      ["Call-ID", random.token(20)],
      ["CSeq", "1 REGISTER"],
      ["Contact", own],
      ["Expires", String(Math.round(left / 1000))],
      ["P-Charging-Vector", `icid-value="lab-${random.token(16)}"`],
    ]);
    // Default handling "session continued": its answer changes nothing
    const ignored = { response: (): void => undefined, failed: (): void => undefined };
    layer.request(request, element.hopToUri(applicationServer), ignored);
  }
}
