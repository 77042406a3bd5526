import type { Clock } from "@portico/sip";

/** The clock of one process: when that dies, no timer of it runs any more. */
export class MortalClock implements Clock {
  readonly #clock: Clock;
  readonly #stops = new Set<() => void>();
  #dead = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  setTimer(ms: number, run: () => void): () => void {
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

  die(): void {
    this.#dead = true;
    for (const stop of this.#stops) stop();
  }
}
