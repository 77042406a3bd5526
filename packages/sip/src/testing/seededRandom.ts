import type { Random } from "../ports.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Chance that repeats itself: the same seed, the same tokens. For tests only.
 *
 * @example
 * const ua = new UserAgent({ clock, random: new SeededRandom(7), onRequest: (tx) => tx.reply(501) });
 */
export class SeededRandom implements Random {
  #state: number;

  constructor(seed = 1) {
    this.#state = seed >>> 0;
  }

  token(length: number): string {
    return Array.from({ length }, () => alphabet[Math.floor(this.next() * alphabet.length)]).join("");
  }

  /** A number from 0 up to but not 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 0x1_0000_0000;
  }
}
