import type { Random } from "@portico/sip";

const firstMs = 1_000;
const mostMs = 60_000;

/** A number in [0, 1) out of the injected chance. */
export function chance(random: Random): number {
  return Number.parseInt(random.token(8), 36) / 36 ** 8;
}

/**
 * How long to wait before the next attempt: doubling from 1 s to 60 s, each drawn from its upper half (RFC 5626 §4.5),
 * so that the clients of a restarted portal do not come back in one wave.
 */
export class Backoff {
  readonly #random: Random;
  #failures = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure; never less than `atLeastMs`, to which the same jitter is added. */
  next(atLeastMs = 0): number {
    const most = Math.min(mostMs, firstMs * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(atLeastMs + (most / 2) * (1 + chance(this.#random)));
  }

  reset(): void {
    this.#failures = 0;
  }
}
