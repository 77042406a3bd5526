import type { Clock } from "../ports.ts";
import type { Finished, Lingering } from "./storage.ts";

/** So many of the front are let go together. */
const mostSpent = 1024;

/** All wait equally long, so that one timer does for all: under load they are tens of thousands. */
export class LingeringQueue implements Lingering {
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

  add(one: Finished): undefined {
    this.#queue.push({ due: this.#clock.now() + this.#ms, one });
    this.#stopTimer ??= this.#clock.setTimer(this.#ms, () => this.#expire());
  }

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
