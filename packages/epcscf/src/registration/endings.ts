import { within } from "../within.ts";
import { closeCodes, type Flow } from "../w2/flow.ts";
import { bindingOf, type Binding } from "./binding.ts";
import { Leftovers, type Claim } from "./leftovers.ts";
import { Ledger, type LedgerOptions } from "./ledger.ts";
import type { EndReason, Registration } from "./registration.ts";
import { callsRunOn, sweep, type SweepOptions } from "./sweep.ts";
import { Unbinder, type UnbinderOptions } from "./unbinder.ts";

export interface EndingsOptions extends UnbinderOptions, SweepOptions, LedgerOptions {
  /** Longest registration asked of the core, seconds. */
  readonly maxExpires: number;
  /** Its socket is gone, the grace time runs. */
  readonly flowLost: (registration: Registration) => void;
  /** It is going: nothing new is taken for it, its calls end now. */
  readonly ending: (registration: Registration, reason: EndReason) => void;
  /** It is gone here, and in the core if that confirmed. */
  readonly ended: (registration: Registration, reason: EndReason, confirmed: boolean) => void;
  /** What the core did not confirm when a registration ended, or a crash has left, is gone there as well. */
  readonly gone: (binding: Binding, reason: EndReason) => void;
}

/** How long after a restart browsers may come back before their bindings are ended, seconds; never above the grace time. */
const restartGrace = 5;
/** A socket outlives its registration this long at the most, ms: the core's last words may still come (EPC-DER-02). */
const lastWords = 1000;
/** How long a NOTIFY may be on its way, ms: timer F of RFC 3261 §17.1.2.2. */
const longestNotify = 32_000;
/** How long the end of all registrations may take when the node closes, ms; the next start ends what is left. */
const closingMs = 4000;
/** Between looks for what nodes that are gone have left, ms. */
const inheritEvery = 10_000;

/** Every way in which a registration ends (EPC-DER-*), and what is left in the core after it. */
export class Endings {
  readonly ledger: Ledger;
  readonly #options: EndingsOptions;
  /** De-registrations of browsers on their way; true once a NOTIFY has told that the core has ended the registration. */
  readonly #leaving = new Map<Registration, boolean>();
  readonly #leftovers: Leftovers;
  readonly #stopSweep: () => void;
  #stopInheriting: () => void = () => undefined;
  #closed = false;

  constructor(options: EndingsOptions) {
    this.#options = options;
    this.ledger = new Ledger(options);
    const unbinder = new Unbinder(options);
    this.#leftovers = new Leftovers({
      ...options,
      unbind: (binding) => unbinder.unbind(binding),
      gone: ({ key }) => this.ledger.remove(key),
      over: options.gone,
    });
    this.#stopSweep = sweep(
      options,
      (registration, reason, coreKnows) => void this.end(registration, reason, coreKnows),
    );
    this.#inheritLater();
  }

  /** Bindings in the core that are being ended, or wait for it. */
  get leftovers(): number {
    return this.#leftovers.size;
  }

  /** True while a binding of this key is being ended. */
  isLeft(key: string): boolean {
    return this.#leftovers.has(key);
  }

  /** True while the core may hold a binding made under this lease of the WAF's. */
  mayBind({ impu, sessionId }: { readonly impu: string; readonly sessionId: string }): boolean {
    const live = this.#options.registrations.ofImpu(impu);
    return live.some(({ claims }) => claims.sessionId === sessionId) || this.#leftovers.some(sessionId);
  }

  /** Takes over what this node has left in the core before it was restarted. */
  async restore(): Promise<void> {
    const { store, node, graceSeconds, maxExpires, log } = this.#options;
    const stored = await store.all(node);
    if (stored.length > 0) log.info("registrations.left", { count: stored.length });
    // The last refresh may not have been written, nor even answered: the core may hold it that much longer.
    this.#leftovers.expect(stored, { ms: Math.min(restartGrace, graceSeconds) * 1000, beyond: maxExpires * 1000 });
  }

  /** A socket is gone: its registration waits for another one (EPC-DER-04). */
  flowClosed(flow: Flow): void {
    const { registrations, clock, flowLost } = this.#options;
    const registration = registrations.byFlow(flow);
    if (registration === undefined) return;
    registrations.move(registration, undefined);
    registration.lostAt = clock.now();
    flowLost(registration);
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
    if (registration.ended !== undefined) return false;
    if (reason === "network" && this.#leaving.has(registration)) {
      // A core may send the NOTIFY of a de-registration before its 200, which still has to go down the flow.
      this.#leaving.set(registration, true);
      return true;
    }
    const { flow } = registration;
    this.#forget(registration, reason);
    // EPC-DER-06: the calls end before the binding does.
    this.#options.ending(registration, reason);
    if (coreKnows) this.#unbound(registration);
    const unbound = this.#unbind(registration, reason, coreKnows);
    if (flow !== undefined) void this.#closeFlow(flow, reason, unbound);
    const confirmed = await unbound;
    this.#options.ended(registration, reason, confirmed);
    return confirmed;
  }

  /** The core has ended it (EPC-DER-02). What it granted ends with the token, which calls may outlive. */
  endedByCore(registration: Registration, reason: "network" | "expired"): void {
    if (callsRunOn(this.#options, registration)) return;
    void this.end(registration, reason, reason === "expired" || !this.#grantedSince(registration));
  }

  /** The browser is about to tell the core that it leaves. */
  leaving(registration: Registration): void {
    this.#leaving.set(registration, false);
  }

  /** True from then until the core has answered. */
  isLeaving(registration: Registration): boolean {
    return this.#leaving.has(registration);
  }

  /** The core has answered that. @returns true when it has told before, by a NOTIFY, that the registration is over. */
  left(registration: Registration): boolean {
    const toldBefore = this.#leaving.get(registration) === true;
    this.#leaving.delete(registration);
    return toldBefore;
  }

  /** The browser has left, and the core has confirmed (EPC-DER-01). @param flow the one it said so on; it stays open. */
  loggedOut(registration: Registration, flow: Flow): void {
    const { flow: other } = registration;
    this.#forget(registration, "logout");
    this.#options.ending(registration, "logout");
    this.#unbound(registration);
    this.#options.ended(registration, "logout", true);
    if (other !== undefined && other !== flow) other.close(closeCodes.registrationEnded, "logout");
  }

  /** The core may hold a binding that no registration stands for, since its answer did not come or came too late. */
  async unbind(binding: Binding, reason: EndReason): Promise<void> {
    // Another REGISTER under the same key may have had the row taken away.
    void this.ledger.save(binding);
    if (await this.#leftovers.end(binding, reason)) this.#options.gone(binding, reason);
  }

  /**
   * The owner of a binding is back under the same Contact. To be awaited before her REGISTER goes to the core.
   * @returns what she has taken over; to be given to {@link unbind} when the core does not grant it anew.
   */
  async claim(key: string): Promise<Claim | undefined> {
    return this.#leftovers.has(key) ? await this.#leftovers.claim(key) : undefined;
  }

  /** The core has granted the key to this lease: the bindings of others under it are no more. */
  granted(key: string, { sessionId }: { readonly sessionId: string }): void {
    this.#leftovers.settle(key, { except: sessionId, reason: "taken-over" });
  }

  binding(registration: Registration): Binding {
    const { core, clock, wallClock } = this.#options;
    return bindingOf(registration, core.uri(registration.key), wallClock() - clock.now());
  }

  /**
   * Ends all registrations, as far as the core confirms in time; what is left stays in the store.
   * @param last what is to end once they are over
   */
  async close(last: () => Promise<void>): Promise<void> {
    const all = this.endAll("portal-closing", () => true).then(last);
    await within(this.#options.clock, closingMs, all);
    this.#closed = true;
    this.#leftovers.close();
    this.#stopSweep();
    this.#stopInheriting();
    await this.ledger.flush();
  }

  /** True when a NOTIFY that comes now may be older than the last refresh: one that was lost is sent again (RFC 6665 §4.2.2). */
  #grantedSince({ registers, grantedFrom }: Registration): boolean {
    return registers > 1 && this.#options.clock.now() - grantedFrom < longestNotify;
  }

  #inheritLater(): void {
    if (this.#closed) return;
    this.#stopInheriting = this.#options.clock.setTimer(inheritEvery, () => void this.#inherit());
  }

  /**
   * A wildcarded block has a binding from each of its nodes: as long as that of one that is gone stands, a call that nobody takes waits for
   * it. Should that node come back in this moment, its watch tells it that its binding is gone, and its users come again.
   */
  async #inherit(): Promise<void> {
    const { store, node, log } = this.#options;
    try {
      const inherited = await store.inherit(node);
      if (inherited.length > 0) log.warn("registrations.inherited", { count: inherited.length });
      for (const binding of inherited) void this.#leftovers.end(binding, "restarted");
    } catch {
      log.warn("registrations.not-inherited");
    }
    this.#inheritLater();
  }

  /** @returns true when the core holds no binding of its own for it any more */
  async #unbind(registration: Registration, reason: EndReason, coreKnows: boolean): Promise<boolean> {
    if (coreKnows) return true;
    if (registration.vouched) return await this.#leftovers.end(this.binding(registration), reason);
    // Who has credentials of her own is alone to say that she leaves: her binding ends with its time. A user of a wildcarded block has
    // none.
    return registration.claims.own !== true;
  }

  /** The core holds nothing under its key. */
  #unbound({ key, claims }: Registration): void {
    this.ledger.remove(key);
    this.#leftovers.settle(key, { except: claims.sessionId });
  }

  #forget(registration: Registration, reason: EndReason): void {
    registration.ended = reason;
    this.#options.registrations.remove(registration);
  }

  /** The browser is told within a second, whatever the core does. */
  async #closeFlow(flow: Flow, reason: EndReason, unbound: Promise<boolean>): Promise<void> {
    await within(this.#options.clock, lastWords, unbound);
    // It may have registered anew meanwhile.
    if (this.#options.registrations.byFlow(flow) !== undefined) return;
    // RFC 6455 §7.4.1: who hears 1001 comes back, and not with all others at once.
    flow.close(reason === "portal-closing" ? closeCodes.goingAway : closeCodes.registrationEnded, reason);
  }
}
