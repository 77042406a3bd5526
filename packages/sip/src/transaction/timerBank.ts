import type { Clock } from "../ports.ts";

/** The running timers of one machine, by the letters RFC 3261 gives them. */
export class TimerBank<Name extends string> {
  readonly #clock: Clock;
  /** How to stop each. */
  readonly #running = new Map<Name, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts the timer, or starts it anew. */
  start(name: Name, ms: number, run: () => void): void {
    this.stop(name);
    const stop = this.#clock.setTimer(ms, () => {
      this.#running.delete(name);
      run();
    });
    this.#running.set(name, stop);
  }

  stop(...names: Name[]): void {
    for (const name of names) {
      this.#running.get(name)?.();
      this.#running.delete(name);
    }
  }

  stopAll(): void {
    this.stop(...this.#running.keys());
  }

  isRunning(name: Name): boolean {
    return this.#running.has(name);
  }
}
