import type { Clock } from "../ports.ts";

interface Alarm {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * A clock that stands still until told to advance, so that a timer of 32 s takes no time in a test.
 *
 * @example
 * const clock = new VirtualClock();
 * clock.setTimer(500, () => console.log(clock.now()));
 * clock.advance(1000); // prints 500
 */
export class VirtualClock implements Clock {
  readonly #alarms = new Set<Alarm>();
  #now = 0;
  #order = 0;

  now(): number {
    return this.#now;
  }

  setTimer(ms: number, run: () => void): () => void {
    const alarm: Alarm = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#alarms.size;
  }

  /** Runs all timers due within `ms`, in order, those they set included. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) this.#fire(next);
    this.#now = end;
  }

  /** As {@link advance}, and lets promises settle after each timer. */
  async settle(ms: number): Promise<void> {
    const end = this.#now + ms;
    await flush();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#fire(next);
      await flush();
    }
    this.#now = end;
  }

  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (alarm.at > end) continue;
      if (!first || alarm.at < first.at || (alarm.at === first.at && alarm.order < first.order)) first = alarm;
    }
    return first;
  }

  #fire(alarm: Alarm): void {
    this.#alarms.delete(alarm);
    this.#now = Math.max(this.#now, alarm.at);
    alarm.run();
  }
}

/** Enough turns of the microtask queue for a chain of a few promises. */
async function flush(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}
