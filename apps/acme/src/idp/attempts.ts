/** Keys kept at most; the oldest go first. */
const capacity = 10_000;

/** Counts attempts in a sliding window, by key. */
export class Attempts {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #now: () => number;
  readonly #attempts = new Map<string, number[]>();

  /** @param limit attempts let through within @param windowMs; @param now monotonic milliseconds. */
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

  count(key: string): void {
    const recent = [...this.#recent(key), this.#now()].slice(-this.#limit);
    this.#attempts.delete(key);
    this.#attempts.set(key, recent);
    const [first] = this.#attempts.keys();
    if (this.#attempts.size > capacity && first !== undefined) this.#attempts.delete(first);
  }

  forget(key: string): void {
    this.#attempts.delete(key);
  }

  #recent(key: string): number[] {
    return (this.#attempts.get(key) ?? []).filter((at) => at > this.#now() - this.#windowMs);
  }
}
