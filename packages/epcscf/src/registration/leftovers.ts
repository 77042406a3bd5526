import type { Clock } from "@portico/sip";
import type { Log } from "../ports.ts";
import type { Binding } from "./binding.ts";
import type { EndReason } from "./registration.ts";

export interface LeftoversOptions {
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  readonly log: Log;
  /** Tries once to end it in the core. @returns true when the core has confirmed. */
  readonly unbind: (binding: Binding) => Promise<boolean>;
  /** None is left in the core. */
  readonly gone: (binding: Binding) => void;
  /** What {@link Leftovers.end} could not tell: nothing made under this lease is left under this key. */
  readonly over: (binding: Binding, reason: EndReason) => void;
}

/** What an owner takes over who comes back. */
export interface Claim {
  readonly binding: Binding;
  /** Why it was to end. */
  readonly reason: EndReason;
}

/** How the core has answered the one question that all leases under a key wait for. */
export interface Settlement {
  /** The lease that holds the key from now on, or whose end is told by other means. */
  readonly except?: string | undefined;
  /** Told instead of each one's own. */
  readonly reason?: EndReason;
}

interface Leftover extends Claim {
  tries: number;
  stopTimer: () => void;
  /** Resolves when the attempt under way is over. */
  attempt: Promise<void>;
  /** Its owner is back: no further attempt. */
  claimed: boolean;
  /** Tells the caller of `end`; absent once told. */
  told: ((confirmed: boolean) => void) | undefined;
}

/** De-registrations under way at once: a tenant of thousands may be suspended, a node with thousands restarted. */
const atOnce = 32;
/** Attempts before the caller hears that the binding is left, and the pauses after those and after later ones, ms. */
const attempts = 3;
const pause = 2000;
const longPause = 30_000;

/**
 * Bindings that the core may still hold though no registration here stands for them: those being ended, those the core did not
 * confirm, and those a crash has left.
 *
 *   expect()            end()
 *      |                  |
 *   waiting --time--> queued --room--> ending --confirmed------------> gone
 *      |                 ^                | not confirmed, time left
 *      |                 '---- pausing <--'        '-- time over ----> gone
 *      '------------------ claim() -----------------------------------> its owner's again
 *
 * A binding's owner who comes back under the same Contact claims it first, and waits for the attempt under way: a
 * de-registration that overtakes her REGISTER would end what she has just been granted. She may come with another lease: the
 * end of the former one is owed to the WAF until the core has granted the key to the new one, or holds nothing under it.
 */
export class Leftovers {
  readonly #options: LeftoversOptions;
  readonly #all = new Map<string, Leftover>();
  /** By key: what was claimed or replaced, and nobody has been told the end of. */
  readonly #owed = new Map<string, readonly Claim[]>();
  readonly #queue: Leftover[] = [];
  #running = 0;
  #closed = false;

  constructor(options: LeftoversOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  has(key: string): boolean {
    return this.#all.has(key);
  }

  /** True when the core may still hold one that was made under this lease. */
  some(sessionId: string): boolean {
    for (const { binding } of this.#all.values()) if (binding.sessionId === sessionId) return true;
    for (const owed of this.#owed.values())
      if (owed.some(({ binding }) => binding.sessionId === sessionId)) return true;
    return false;
  }

  /** The core has granted the key anew, or holds nothing under it: tells what is owed. */
  settle(key: string, { except, reason }: Settlement = {}): void {
    const owed = this.#owed.get(key);
    if (owed === undefined) return;
    this.#owed.delete(key);
    for (const claim of owed) {
      if (claim.binding.sessionId !== except) this.#options.over(claim.binding, reason ?? claim.reason);
    }
  }

  /**
   * Bindings from before a restart.
   * @param ms how long their owners have to come back.
   * @param beyond how much longer than written the core may hold them, ms.
   */
  expect(bindings: readonly Binding[], { ms, beyond }: { readonly ms: number; readonly beyond: number }): void {
    for (const binding of bindings) {
      const one = this.#add({ ...binding, grantedUntil: binding.grantedUntil + beyond }, "restarted");
      one.stopTimer = this.#options.clock.setTimer(ms, () => this.#enqueue(one));
    }
  }

  /** Ends a binding. @returns true when the core has confirmed; false when it has not for now, or the owner is back. */
  async end(binding: Binding, reason: EndReason): Promise<boolean> {
    for (let before = this.#all.get(binding.key); before !== undefined; before = this.#all.get(binding.key)) {
      this.#drop(before);
      await before.attempt;
    }
    return await new Promise<boolean>((told) => {
      const one = this.#add(binding, reason);
      one.told = told;
      this.#enqueue(one);
    });
  }

  /** Its owner is back. @returns what was to be ended, once no attempt is under way; undefined where there is nothing. */
  async claim(key: string): Promise<Claim | undefined> {
    const one = this.#all.get(key);
    if (one === undefined) return undefined;
    this.#drop(one);
    await one.attempt;
    return one;
  }

  /** Starts no further attempt; what is left is in the store. */
  close(): void {
    this.#closed = true;
    for (const one of this.#all.values()) this.#drop(one);
    this.#owed.clear();
  }

  #add(binding: Binding, reason: EndReason): Leftover {
    const { key, sessionId } = binding;
    const owed = this.#owed.get(key)?.filter((claim) => claim.binding.sessionId !== sessionId);
    if (owed !== undefined) this.#owed.set(key, owed);
    const one: Leftover = {
      binding,
      reason,
      tries: 0,
      stopTimer: () => undefined,
      attempt: Promise.resolve(),
      claimed: false,
      told: undefined,
    };
    this.#all.set(key, one);
    return one;
  }

  #drop(one: Leftover): void {
    const { key } = one.binding;
    one.claimed = true;
    one.stopTimer();
    if (this.#all.get(key) === one) this.#all.delete(key);
    this.#owed.set(key, [...(this.#owed.get(key) ?? []), { binding: one.binding, reason: one.reason }]);
    this.#tell(one, false);
  }

  #tell(one: Leftover, confirmed: boolean): void {
    const { told } = one;
    one.told = undefined;
    told?.(confirmed);
  }

  #enqueue(one: Leftover): void {
    this.#queue.push(one);
    this.#run();
  }

  #run(): void {
    while (this.#running < atOnce && !this.#closed) {
      const one = this.#queue.shift();
      if (one === undefined) return;
      if (!one.claimed) one.attempt = this.#attempt(one);
    }
  }

  async #attempt(one: Leftover): Promise<void> {
    one.tries += 1;
    this.#running += 1;
    const confirmed = await this.#options.unbind(one.binding).catch(() => false);
    this.#running -= 1;
    if (!one.claimed) this.#judge(one, confirmed);
    this.#run();
  }

  #judge(one: Leftover, confirmed: boolean): void {
    const { clock, wallClock, log, gone, over } = this.#options;
    if (confirmed || one.binding.grantedUntil <= wallClock()) {
      this.#all.delete(one.binding.key);
      gone(one.binding);
      if (one.told === undefined) over(one.binding, one.reason);
      else this.#tell(one, true);
      this.settle(one.binding.key);
      return;
    }
    if (one.tries === attempts) {
      log.alarm("register.binding-left", { reason: "the core did not confirm the de-registration" });
      this.#tell(one, false);
    }
    one.stopTimer = clock.setTimer(one.tries < attempts ? pause : longPause, () => this.#enqueue(one));
  }
}
