import { formatNameAddr, type ServerTransaction, type SipResponse } from "@portico/sip";
import { detached } from "../detached.ts";
import { EpcscfError, TokenError } from "../errors.ts";
import { strip } from "../policy/headers.ts";
import { hopsLeft } from "../policy/maxForwards.ts";
import type { AccessClaims, BlockEntry } from "../ports.ts";
import type { Seal } from "../seal.ts";
import { closeCodes, type Flow } from "../w2/flow.ts";
import type { Authorisation } from "./authorisation.ts";
import { askedBinding, grantedContacts, isNameAddr, type AskedBinding } from "./contact.ts";
import { relay } from "../relay.ts";
import { Registration, type EndReason } from "./registration.ts";
import { sweep, type SweepOptions } from "./sweep.ts";
import { asTrustedNode } from "./trustedNode.ts";
import { Unbinder, type UnbinderOptions } from "./unbinder.ts";

export interface RegistrarOptions extends UnbinderOptions, SweepOptions {
  readonly authorisation: Authorisation;
  readonly seal: Seal;
  /** Longest registration asked of the core, seconds. */
  readonly maxExpires: number;
  readonly registered: (registration: Registration, initial: boolean) => void;
  /** Its socket is gone, the grace time runs. */
  readonly flowLost: (registration: Registration) => void;
  readonly flowReplaced: (registration: Registration, flow: Flow) => void;
  /** It is going: nothing new is taken for it, its calls end now. */
  readonly ending: (registration: Registration, reason: EndReason) => void;
  /** It is gone here, and in the core if that confirmed. */
  readonly ended: (registration: Registration, reason: EndReason, confirmed: boolean) => void;
}

/** Seconds between keep-alives a browser is told when outbound is in force (RFC 5626 §4.4). */
const flowTimer = 120;

/** Registration with the core on behalf of browsers: REGISTER is proxied, as a trusted node (EPC-REG-*, EPC-DER-*). */
export class Registrar {
  readonly #options: RegistrarOptions;
  /** De-registrations on their way to the core; true once a NOTIFY has told that the core has ended the registration. */
  readonly #leaving = new Map<Registration, boolean>();
  readonly #unbinder: Unbinder;
  readonly #stopSweep: () => void;

  constructor(options: RegistrarOptions) {
    this.#options = options;
    this.#unbinder = new Unbinder(options);
    this.#stopSweep = sweep(
      options,
      (registration, reason, coreKnows) => void this.end(registration, reason, coreKnows),
    );
  }

  /** Handles a REGISTER of a browser. @throws TokenError, EpcscfError what it is to be refused with. */
  async register(tx: ServerTransaction, flow: Flow): Promise<void> {
    const { authorisation } = this.#options;
    const claims = await authorisation.claims(tx.request);
    if (claims === undefined) return tx.reply(401, { headers: [authorisation.challenge()] });
    const entry = await authorisation.entry(tx.request, claims, flow);
    await this.#forward(tx, flow, claims, entry);
  }

  /** A socket is gone: its registration waits for another one (EPC-DER-04). */
  flowClosed(flow: Flow): void {
    const registration = this.#options.registrations.byFlow(flow);
    if (registration === undefined) return;
    this.#options.registrations.move(registration, undefined);
    registration.lostAt = this.#options.clock.now();
    this.#options.flowLost(registration);
  }

  /** Ends every registration that matches, with its binding in the core (EPC-DER-05). */
  async endAll(reason: EndReason, matches: (registration: Registration) => boolean): Promise<void> {
    const all = [...this.#options.registrations.all()].filter(matches);
    await Promise.all(all.map((registration) => this.end(registration, reason)));
  }

  /**
   * Ends a registration: local state at once, then the binding in the core unless that knows already (spec 3.14).
   * @returns true when no binding is left in the core; false when one may be, or when another end is under way.
   */
  async end(registration: Registration, reason: EndReason, coreKnows = false): Promise<boolean> {
    if (registration.ended) return false;
    if (reason === "network" && this.#leaving.has(registration)) {
      // A core may send the NOTIFY of a de-registration before its 200, which still has to go down the flow.
      this.#leaving.set(registration, true);
      return true;
    }
    const { flow } = registration;
    this.#forget(registration);
    // EPC-DER-06: the calls end before the binding does.
    this.#options.ending(registration, reason);
    const confirmed = coreKnows || (await this.#unbinder.unbind(registration));
    this.#options.ended(registration, reason, confirmed);
    flow?.close(closeCodes.registrationEnded, reason);
    return confirmed;
  }

  close(): void {
    this.#stopSweep();
  }

  async #forward(tx: ServerTransaction, flow: Flow, claims: AccessClaims, entry: BlockEntry): Promise<void> {
    const { core, agent, registrations, charging, maxExpires, networkId } = this.#options;
    const held = registrations.byFlow(flow);
    const asked = askedBinding(tx.request, maxExpires, held?.asked);
    const key = this.#key(entry, asked, flow, held);
    if (held !== undefined && held.impu !== entry.impu) throw new EpcscfError("epcscf/other-identity");
    if (held === undefined && asked.uri === undefined) throw new EpcscfError("epcscf/contact");
    const registration =
      registrations.byKey(asked.uri === undefined && held !== undefined ? held.key : key) ??
      new Registration({
        key,
        entry,
        asked,
        claims,
        flow,
      });

    const hops = hopsLeft(tx.request);
    const up = tx.request.clone();
    strip(up, "up");
    for (const name of ["Route", "Record-Route", "Path", "Proxy-Require"]) up.remove(name);
    up.set("Max-Forwards", String(hops));
    const expires = this.#expires(asked.expires, claims, maxExpires);
    up.set("Expires", String(expires));
    const path = core.pathUri(flow.token, asked.outbound);
    asTrustedNode(
      up,
      { homeDomain: core.options.homeDomain, networkId },
      {
        impi: entry.impi,
        contact: `<${core.uri(registration.key)}>${asked.params};expires=${expires}`,
        path,
        chargingVector: charging.next(),
      },
    );
    if (expires === 0) this.#leaving.set(registration, false);
    const response = await relay(agent, up, core.entry());
    const endedByCore = this.#leaving.get(registration) === true;
    this.#leaving.delete(registration);
    if (endedByCore && (response?.status ?? 408) >= 300) await this.end(registration, "network", true);
    if (response === undefined) {
      this.#options.log.alarm("core.unreachable");
      throw new EpcscfError("epcscf/core-unreachable");
    }
    if (response.status < 300) {
      this.#accepted(tx, response, { registration, asked, claims, flow, path, expires });
    } else this.#refused(tx, response);
  }

  #accepted(
    tx: ServerTransaction,
    response: SipResponse,
    binding: {
      registration: Registration;
      asked: AskedBinding;
      claims: AccessClaims;
      flow: Flow;
      path: string;
      expires: number;
    },
  ): void {
    const { asked, claims, flow, path, expires } = binding;
    const { registrations, core, clock, wallClock, registered, authorisation } = this.#options;
    // Another REGISTER of the same binding may have been faster.
    const registration = registrations.byKey(binding.registration.key) ?? binding.registration;
    const down = response.clone().removeFirst("Via");
    strip(down, "down");
    down.remove("Path");
    if (expires === 0) {
      down.remove("Contact");
      this.#forget(registration);
      this.#options.ending(registration, "logout");
      this.#options.ended(registration, "logout", true);
      return tx.respond(down);
    }
    if (registration.ended || authorisation.isRevoked(claims)) {
      // Revoked while the core was thinking: what it has just granted goes again.
      registration.path = path;
      void this.#unbinder.unbind(registration);
      throw new TokenError("invalid_token", "the token is revoked");
    }
    const own = core.uri(registration.key);
    const contacts = grantedContacts(response);
    const granted = contacts.find(({ uri }) => userOf(uri) === userOf(own));
    const seconds = Number.parseInt(granted?.params.get("expires") ?? response.get("Expires") ?? "", 10);
    const life = Number.isNaN(seconds) ? expires : seconds;
    const initial = registration.grantedUntil === 0;
    if (initial) registration.since = wallClock();
    registration.asked = asked;
    registration.claims = claims;
    registration.serviceRoute = response.list("Service-Route").map((route) => detached(route));
    const associated = response
      .list("P-Associated-URI")
      .filter((value) => isNameAddr(value))
      .map((value) => detached(value));
    registration.associated = associated.length > 0 ? associated : [`<${registration.impu}>`];
    registration.grantedUntil = clock.now() + life * 1000;
    registration.path = path;
    registration.lostAt = undefined;
    // The socket may have closed while the core was thinking: the binding then waits for its owner, as after any loss.
    const other = registrations.byFlow(flow);
    if (other !== undefined && other !== registration) this.flowClosed(flow);
    registrations.put(registration);
    const before = registrations.move(registration, flow);
    if (before !== undefined && before !== flow) before.close(closeCodes.policy, "replaced by a newer connection");
    if (!flow.open) this.flowClosed(flow);
    else if (before !== flow) this.#options.flowReplaced(registration, flow);

    down.remove("Contact");
    const params = new Map(granted?.params ?? []);
    params.set("expires", String(life));
    down.add("Contact", formatNameAddr({ uri: registration.accessContact, params }));
    if (response.list("Require").includes("outbound")) down.set("Flow-Timer", String(flowTimer));
    tx.respond(down);
    registered(registration, initial);
  }

  #refused(tx: ServerTransaction, response: SipResponse): void {
    const { log } = this.#options;
    if (response.status === 401 || response.status === 407) {
      // EPC-REG-25: the Digest challenge must not reach the browser; only the operator can mend this.
      const error = new EpcscfError("epcscf/core-challenge");
      log.alarm("core.challenged-trusted-node", { status: response.status });
      return tx.reply(error.status, { reason: error.message, headers: [["Reason", `SIP;cause=${response.status}`]] });
    }
    const down = response.clone().removeFirst("Via");
    strip(down, "down");
    tx.respond(down);
  }

  #forget(registration: Registration): void {
    registration.ended = true;
    this.#options.registrations.remove(registration);
  }

  #key(entry: BlockEntry, asked: AskedBinding, flow: Flow, held: Registration | undefined): string {
    if (held !== undefined && held.impu === entry.impu && held.asked.instance === asked.instance) return held.key;
    return this.#options.seal.derive("contact", `${entry.impu}\n${asked.instance ?? flow.id}`);
  }

  /** EPC-REG-16: what was asked, but no longer than the token or the operator allows. */
  #expires(asked: number, claims: AccessClaims, most: number): number {
    if (asked === 0) return 0;
    const left = Math.floor(claims.expiresAt - this.#options.wallClock() / 1000);
    return Math.max(1, Math.min(asked, left, most));
  }
}

const userOf = (uri: string): string => uri.slice(uri.indexOf(":") + 1, uri.indexOf("@"));
