import { Attempts } from "./attempts.ts";

const minute = 60_000;

/**
 * How often somebody may try to sign in: 5 times a minute for a user from one address, so that nobody can lock her out
 * from elsewhere; 60 times for a user from many addresses, and 120 times from one address for many users.
 */
export class SignInLimits {
  readonly #pairs: Attempts;
  readonly #users: Attempts;
  readonly #addresses: Attempts;

  /** @param now monotonic milliseconds. */
  constructor(now: () => number) {
    this.#pairs = new Attempts(5, minute, now);
    this.#users = new Attempts(60, minute, now);
    this.#addresses = new Attempts(120, minute, now);
  }

  /** Counts an attempt, before its password is looked at, so that many at once count too. @returns seconds to wait; 0: go ahead. */
  admit(user: string, address: string): number {
    const pair = `${user} ${address}`;
    const wait = Math.max(this.#pairs.wait(pair), this.#users.wait(user), this.#addresses.wait(address));
    if (wait > 0) return wait;
    this.#pairs.count(pair);
    this.#users.count(user);
    this.#addresses.count(address);
    return 0;
  }

  /** It was the right password. */
  succeeded(user: string, address: string): void {
    this.#pairs.forget(`${user} ${address}`);
  }
}
