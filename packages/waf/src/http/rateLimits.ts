import type { SharedState } from "@portico/store";
import { WafError } from "../errors.ts";
import type { Now } from "../ports.ts";
import { TokenBuckets } from "./tokenBuckets.ts";

/** So many at once, and so many a second in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** Addresses remembered as blocked; past that the one blocked first is let in. */
const maxBlocked = 10_000;

/**
 * Rates of clients and of failures. With state that nodes share, a rate is that of all nodes together, however requests
 * are spread over them.
 */
export class RateLimits {
  readonly #shared: Pick<SharedState, "take"> | undefined;
  readonly #now: Now;
  readonly #failures: Rate;
  /** Buckets of this process by their rate. */
  readonly #local = new Map<string, TokenBuckets>();
  /** Addresses with too many failures, and until when. */
  readonly #blocked = new Map<string, number>();

  constructor(o: { shared: Pick<SharedState, "take"> | undefined; failures: Rate; now: Now }) {
    this.#shared = o.shared;
    this.#failures = o.failures;
    this.#now = o.now;
  }

  /** Counts a request. @throws WafError `too_many_requests` */
  async admit(client: string, rate: Rate): Promise<void> {
    refuseFor(await this.#take(`waf client ${client}`, rate));
  }

  /** Refuses an address that has failed too often, before its next try costs anything. @throws WafError `too_many_requests` */
  refuseBlocked(address: string): void {
    const until = this.#blocked.get(address);
    if (until === undefined) return;
    if (until <= this.#now()) this.#blocked.delete(address);
    else refuseFor(until - this.#now());
  }

  /** Counts a failure; the one that uses the bucket up blocks the address until there is room again. */
  async failed(address: string): Promise<void> {
    const { burst, perSecond } = this.#failures;
    const wait = await this.#take(`waf failures ${address}`, { burst, perSecond });
    if (wait === 0) return;
    this.#blocked.delete(address);
    this.#blocked.set(address, this.#now() + wait);
    if (this.#blocked.size > maxBlocked) this.#blocked.delete(this.#blocked.keys().next().value ?? "");
  }

  /** @returns 0, or the milliseconds to wait */
  async #take(bucket: string, rate: Rate): Promise<number> {
    if (this.#shared !== undefined) return await this.#shared.take(bucket, rate);
    const { burst, perSecond } = rate;
    const key = `${burst} ${perSecond}`;
    const buckets = this.#local.get(key) ?? new TokenBuckets(burst, perSecond, this.#now);
    this.#local.set(key, buckets);
    return buckets.take(bucket) * 1000;
  }
}

function refuseFor(milliseconds: number): void {
  const retryAfter = Math.ceil(milliseconds / 1000);
  if (retryAfter > 0) throw new WafError("too_many_requests", undefined, { retryAfter });
}
