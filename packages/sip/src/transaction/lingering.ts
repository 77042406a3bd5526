import type { Clock } from "../ports.ts";

/** A transaction that is over but for what may still come late. */
export interface Finished {
  /** Its time is over. It may have ended before. */
  expire(): void;
}

/** So many of the front are let go together. */
const mostSpent = 1024;

/**
 * Transactions over an unreliable way that have had their final response, and wait for copies of it or of the request (timers K
 * and J). All wait equally long, so that one timer does for all: under load they are tens of thousands.
 */
export class Lingering {
  readonly #clock: Clock;
  readonly #ms: number;
  #queue: { readonly due: number; readonly one: Finished }[] = [];
  /** Of those in front nobody waits any more. */
  #first = 0;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  add(one: Finished): void {
    this.#queue.push({ due: this.#clock.now() + this.#ms, one });
    this.#stopTimer ??= this.#clock.setTimer(this.#ms, () => this.#expire());
  }

  /** Forgets all. */
  clear(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#queue = [];
    this.#first = 0;
  }

  #expire(): void {
    const now = this.#clock.now();
    let next = this.#queue[this.#first];
    for (; next !== undefined && next.due <= now; next = this.#queue[this.#first]) {
      this.#first += 1;
      next.one.expire();
    }
    if (next === undefined) return this.clear();
    if (this.#first >= mostSpent) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    this.#stopTimer = this.#clock.setTimer(next.due - now, () => this.#expire());
  }
}
