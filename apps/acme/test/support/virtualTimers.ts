/** Timers that run when the test says so. */
export class VirtualTimers {
  readonly #timers = new Map<() => void, number>();
  time = 0;

  get pending(): number {
    return this.#timers.size;
  }

  readonly set = (ms: number, run: () => void): (() => void) => {
    this.#timers.set(run, this.time + ms);
    return () => this.#timers.delete(run);
  };

  /** Passes milliseconds, timers in order; what a timer leads to happens before the next one. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      const [first] = [...this.#timers].filter(([, at]) => at <= end).toSorted(([, a], [, b]) => a - b);
      if (first === undefined) break;
      const [run, at] = first;
      this.#timers.delete(run);
      this.time = at;
      run();
      await settled();
    }
    this.time = end;
  }
}

/** Lets everything happen that needs no time. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
