import type { Now } from "../ports.ts";

interface Bucket {
  tokens: number;
  at: number;
}

/** Keys remembered; past that the one unused longest is forgotten, which gives it a full bucket again. */
const maxKeys = 10_000;

/** One token bucket a key: `burst` requests at once, `perSecond` in the long run. */
export class TokenBuckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #now: Now;

  constructor(burst: number, perSecond: number, now: Now) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#now = now;
  }

  /** Takes a token. @returns 0, or the whole seconds to wait when none is left. */
  take(key: string): number {
    const wait = this.wait(key);
    const bucket = this.#buckets.get(key);
    if (wait === 0 && bucket !== undefined) bucket.tokens -= 1;
    return wait;
  }

  /** Whole seconds until a token is there; takes none. */
  wait(key: string): number {
    const bucket = this.#filled(key);
    return bucket.tokens >= 1 ? 0 : Math.ceil((1 - bucket.tokens) / this.#perSecond);
  }

  #filled(key: string): Bucket {
    const now = this.#now();
    const old = this.#buckets.get(key) ?? { tokens: this.#burst, at: now };
    // A clock set back fills nothing and breaks nothing.
    const gained = (Math.max(0, now - old.at) / 1000) * this.#perSecond;
    const bucket = { tokens: Math.min(this.#burst, old.tokens + gained), at: now };
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > maxKeys) this.#buckets.delete(this.#buckets.keys().next().value ?? "");
    return bucket;
  }
}
