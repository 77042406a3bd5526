import { TokenBuckets } from "@portico/waf";
import { AdminError } from "./errors.ts";

/** Requests at once, and a second in the long run. */
interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export interface AdminRates {
  /** Of one API key or OpenID subject. */
  readonly caller: Rate;
  /** Failed authentications of one address. */
  readonly failures: Rate;
}

export const defaultRates: AdminRates = {
  caller: { burst: 200, perSecond: 50 },
  failures: { burst: 20, perSecond: 1 },
};

/** The rates of the Admin API. */
export class Rates {
  readonly #callers: TokenBuckets;
  readonly #failures: TokenBuckets;

  constructor({ caller, failures }: AdminRates, now: () => number) {
    this.#callers = new TokenBuckets(caller.burst, caller.perSecond, now);
    this.#failures = new TokenBuckets(failures.burst, failures.perSecond, now);
  }

  /** Before credentials are looked at. @throws AdminError `too_many_requests` */
  checkAddress(address: string): void {
    refuseFor(this.#failures.wait(address));
  }

  failed(address: string): void {
    this.#failures.take(address);
  }

  /** @throws AdminError `too_many_requests` */
  count(actor: string): void {
    refuseFor(this.#callers.take(actor));
  }
}

function refuseFor(seconds: number): void {
  if (seconds > 0) throw new AdminError("too_many_requests", { headers: { "Retry-After": String(seconds) } });
}
