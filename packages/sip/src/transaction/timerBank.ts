import type { Clock } from "../ports.ts";

interface Running<Name> {
  readonly name: Name;
  readonly cancel: () => void;
}

/** The running timers of one machine, by the letters RFC 3261 gives them: never more than three. */
export class TimerBank<Name extends string> {
  readonly #clock: Clock;
  readonly #running: Running<Name>[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts the timer, or starts it anew. */
  start(name: Name, ms: number, run: () => void): void {
    this.stop(name);
    const cancel = this.#clock.setTimer(ms, () => {
      this.#drop(timer);
      run();
    });
    const timer: Running<Name> = { name, cancel };
    this.#running.push(timer);
  }

  stop(...names: Name[]): void {
    for (const name of names) {
      const timer = this.#running.find((one) => one.name === name);
      if (timer === undefined) continue;
      timer.cancel();
      this.#drop(timer);
    }
  }

  stopAll(): void {
    for (let timer = this.#running.pop(); timer !== undefined; timer = this.#running.pop()) timer.cancel();
  }

  isRunning(name: Name): boolean {
    return this.#running.some((one) => one.name === name);
  }

  #drop(timer: Running<Name>): void {
    const at = this.#running.indexOf(timer);
    if (at >= 0) this.#running.splice(at, 1);
  }
}
