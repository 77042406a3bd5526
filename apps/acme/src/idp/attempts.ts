/** Failed attempts kept at most; the oldest go first. */
const capacity = 10_000;

/** Counts failed sign-ins in a sliding window, by whatever key the caller chooses (user name, address). */
export class Attempts {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #failures = new Map<string, number[]>();

  /** @param limit failures tolerated within @param windowMs; @param now monotonic milliseconds. */
  constructor(limit: number, windowMs: number, now: () => number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#now = now;
  }

  /** Seconds to wait before the next attempt is looked at; 0: go ahead. */
  wait(key: string): number {
    const recent = this.#recent(key);
    const oldest = recent[recent.length - this.#limit];
    return oldest === undefined ? 0 : Math.ceil((oldest + this.#windowMs - this.#now()) / 1000);
  }

  fail(key: string): void {
    const recent = [...this.#recent(key), this.#now()].slice(-this.#limit);
    this.#failures.delete(key);
    this.#failures.set(key, recent);
    const [first] = this.#failures.keys();
    if (this.#failures.size > capacity && first !== undefined) this.#failures.delete(first);
  }

  succeed(key: string): void {
    this.#failures.delete(key);
  }

  #recent(key: string): number[] {
    return (this.#failures.get(key) ?? []).filter((at) => at > this.#now() - this.#windowMs);
  }
}
