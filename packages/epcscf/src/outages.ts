import type { Clock, Target } from "@portico/sip";

/** Seconds for which a target that did not answer comes last, unless it says itself how long. */
const usual = 30;
const longest = 300;

/** Targets on Mw that have failed lately (RFC 3263 §4.3): others come before them. */
export class Outages {
  readonly #clock: Clock;
  /** Clock time, ms, at which one request may try it again. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#until.size;
  }

  /** True while others should be tried first. Once the time is over, one caller is told no: its request is the probe. */
  has(target: Target): boolean {
    const until = this.#until.get(keyOf(target));
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.failed(target);
    return false;
  }

  /** @param seconds Retry-After of a 503; 0: it is not known to be worse than busy at this moment. */
  failed(target: Target, seconds: number = usual): void {
    if (seconds > 0) this.#until.set(keyOf(target), this.#clock.now() + 1000 * Math.min(seconds, longest));
  }

  over(target: Target): void {
    if (this.#until.size > 0) this.#until.delete(keyOf(target));
  }
}

const keyOf = ({ protocol, address, port }: Target): string => `${protocol} ${address} ${port}`;
