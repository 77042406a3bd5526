import {
  createResponse,
  parseNameAddr,
  parseUri,
  type ServerTransaction,
  type SipMessage,
  type SipRequest,
} from "@portico/sip";
import type { Core } from "./core.ts";
import { EpcscfError, TokenError } from "./errors.ts";
import { allow } from "./policy/allow.ts";
import { alternativeService, isEmergency } from "./policy/emergency.ts";
import type { Log } from "./ports.ts";
import type { Proxy } from "./proxy.ts";
import type { Refuser } from "./refusal.ts";
import type { Authorisation } from "./registration/authorisation.ts";
import type { RegEvent } from "./registration/regEvent.ts";
import type { Registrar } from "./registration/registrar.ts";
import type { Registration, Registrations } from "./registration/registration.ts";
import type { Seal } from "./seal.ts";
import type { Sessions } from "./session/sessions.ts";
import { Flow } from "./w2/flow.ts";

export interface RequestsOptions {
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly emergencyNumbers: readonly string[];
  /** Host and port of this node on W2. */
  readonly accessSentBy: string;
  readonly authorisation: Authorisation;
  readonly registrations: Registrations;
  readonly registrar: Registrar;
  readonly regEvent: RegEvent<Registration>;
  readonly seal: Seal;
  readonly proxy: Proxy;
  readonly sessions: Sessions;
  readonly refuser: Refuser;
  readonly core: Core;
  /** Sends a request of the core to several places of this node. */
  readonly fork: (tx: ServerTransaction, branches: readonly SipRequest[]) => void;
}

/** Methods proxied between browser and core. */
const proxied: ReadonlySet<string> = new Set(["SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "OPTIONS", "REFER"]);

/** Decides for each request outside this node's own dialogs who handles it, and answers what nobody does. */
export class Requests {
  readonly #options: RequestsOptions;

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  /** A request on W2. */
  fromAccess(tx: ServerTransaction): void {
    const { request, hop } = tx;
    if (!(hop instanceof Flow)) throw new TypeError("a request on W2 comes by a flow");
    const registers = request.method === "REGISTER";
    void this.#settle(tx, registers ? this.#options.registrar.register(tx, hop) : this.#access(tx, hop));
  }

  /** A request on Mw. */
  fromCore(tx: ServerTransaction): void {
    void this.#settle(tx, this.#core(tx));
  }

  /** A message beyond the rate limit of its flow. */
  excess(message: SipMessage, flow: Flow): void {
    this.#options.log.warn("w2.rate", { flow: flow.id });
    if ("status" in message || message.method === "ACK") return;
    const { status, message: reason } = new EpcscfError("epcscf/rate");
    const toTag = flow.id;
    flow.send(createResponse(message, status, { reason, toTag, headers: [["Retry-After", "5"]] }).toOctets());
  }

  /** Checks the token of a browser's request, where it carries one. @throws TokenError, EpcscfError. */
  async authorise(request: SipRequest, registration: Registration): Promise<void> {
    const { authorisation, wallClock } = this.#options;
    const claims = await authorisation.claims(request);
    if (claims !== undefined && claims.impu !== registration.impu) throw new EpcscfError("epcscf/other-identity");
    // EPC-DER-03: nothing new once the token is over, even before the registration has been ended for it.
    if (registration.claims.expiresAt * 1000 <= wallClock()) {
      throw new TokenError("invalid_token", "the token has expired");
    }
  }

  async #access(tx: ServerTransaction, flow: Flow): Promise<void> {
    const { emergencyNumbers, accessSentBy, registrations, sessions, proxy } = this.#options;
    const { request } = tx;
    // EPC-SES-01: before everything else, whoever asks.
    if (isEmergency(request.uri, emergencyNumbers)) {
      return tx.reply(380, alternativeService(`sip:${accessSentBy}`));
    }
    let cancelled = false;
    tx.onCancel = () => (cancelled = true);
    const registration = registrations.byFlow(flow);
    if (registration === undefined) throw new EpcscfError("epcscf/unregistered");
    await this.authorise(request, registration);
    if (cancelled) return tx.reply(487);
    // It may have ended while the token was verified.
    if (registration.ended !== undefined) throw new EpcscfError("epcscf/unregistered");
    if (request.method === "INVITE") return sessions.outgoing(tx, registration);
    if (proxied.has(request.method)) return proxy.up(tx, registration, flow);
    throw new EpcscfError("epcscf/method");
  }

  async #core(tx: ServerTransaction): Promise<void> {
    const { regEvent, registrations, registrar, sessions, proxy, fork } = this.#options;
    const { request } = tx;
    // RFC 6665 §4.1.3: the core may forget a subscription whose registration is over.
    if (regEvent.owns(request)) return tx.reply(481);
    const [route] = request.list("Route");
    const { user = "" } = parseUri(request.uri);
    if (request.method === "OPTIONS" && route === undefined && user === "") {
      return tx.reply(200, { headers: [["Allow", allow]] });
    }
    const flowId = this.#flowOf(route);
    const devices = registrar.blocks.called(user, flowId, request);
    if (devices !== undefined) return fork(tx, this.#branches(request, devices));
    const registration = registrations.byKey(user);
    if (registration?.flow === undefined) throw new EpcscfError("epcscf/flow-gone");
    // RFC 5626 §5.3.1: a Path names one flow. Inside a dialog the route set stays, and follows its user to her next flow.
    if (request.toTag === undefined && registration.flow.id !== flowId) throw new EpcscfError("epcscf/flow-gone");
    if (request.method === "INVITE") return sessions.incoming(tx, registration);
    if (proxied.has(request.method)) return proxy.down(tx, registration);
    throw new EpcscfError("epcscf/method");
  }

  /** Copies along the Paths that the devices would have in the core, had it bound them (ADM-04). */
  #branches(request: SipRequest, devices: readonly Registration[]): SipRequest[] {
    const { core } = this.#options;
    return devices.flatMap(({ key, flow, asked }) => {
      if (flow === undefined) return [];
      const branch = request.clone().removeFirst("Route").setUri(core.uri(key));
      return [branch.prepend("Route", `<${core.pathUri(flow.token, asked.outbound)}>`)];
    });
  }

  /** The id of the flow: only what this node has put into a Path or Record-Route leads to one (RFC 5626 §5.3.1). */
  #flowOf(route: string | undefined): string {
    const token = route === undefined ? undefined : parseUri(parseNameAddr(route).uri).user;
    const id = token === undefined ? undefined : this.#options.seal.open("path", token);
    if (id === undefined) throw new EpcscfError("epcscf/flow-token");
    return id;
  }

  /** No request stays without an answer. */
  async #settle(tx: ServerTransaction, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#options.refuser.refuse(tx, error);
    }
  }
}
