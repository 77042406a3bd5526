import type { Hop } from "@portico/sip";

/**
 * Tells those who wait for an answer that its way is gone, so that they need not wait for a timer of SIP: a TCP connection
 * that is refused or lost, a WebSocket that has closed (RFC 3261 §18.4).
 */
export class HopWatch {
  readonly #waiting = new Map<Hop, Set<() => void>>();

  /** @returns a function that ends the waiting. */
  on(hop: Hop, run: () => void): () => void {
    const waiting = this.#waiting.get(hop) ?? new Set();
    this.#waiting.set(hop, waiting.add(run));
    return () => {
      waiting.delete(run);
      if (waiting.size === 0 && this.#waiting.get(hop) === waiting) this.#waiting.delete(hop);
    };
  }

  lost(hop: Hop): void {
    const waiting = this.#waiting.get(hop);
    this.#waiting.delete(hop);
    for (const run of waiting ?? []) run();
  }
}
