import type { Clock } from "@portico/sip";

/** The clock of one process: when that dies, no timer of it runs any more. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #stops = new Set<() => void>();
  #dead = false;
  #buried = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  setTimer(ms: number, run: () => void): () => void {
    if (this.#buried) {
      const soon = setImmediate(run);
      return () => clearImmediate(soon);
    }
    if (this.#dead) return () => undefined;
    const stop = (): void => {
      this.#stops.delete(stop);
      cancel();
    };
    const cancel = this.#clock.setTimer(ms, () => {
      this.#stops.delete(stop);
      run();
    });
    this.#stops.add(stop);
    return stop;
  }

  /** What still waits while the dead node's sockets are closed waits for nothing any more. */
  bury(): void {
    this.#buried = true;
  }

  die(): void {
    this.#dead = true;
    for (const stop of this.#stops) stop();
  }
}
