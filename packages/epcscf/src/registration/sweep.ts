import type { Clock } from "@portico/sip";
import type { EndReason, Registration, Registrations } from "./registration.ts";

export interface SweepOptions {
  readonly clock: Clock;
  readonly registrations: Registrations;
  /** Wall clock, ms since the epoch, to compare with a token's `exp`. */
  readonly wallClock: () => number;
  /** Seconds a lost socket may take to come back (EPC-DER-04). */
  readonly graceSeconds: number;
  /** Seconds that running calls may outlive the token (EPC-DER-03). */
  readonly sessionGraceSeconds: number;
  /** Running calls of a registration. */
  readonly calls: (registration: Registration) => number;
}

/** Milliseconds between sweeps. */
const interval = 1000;

/**
 * Looks again and again for registrations whose time is over: one timer for all, since a timer each costs more.
 * @returns a function that stops it.
 */
export function sweep(
  options: SweepOptions,
  end: (registration: Registration, reason: EndReason, coreKnows: boolean) => void,
): () => void {
  const { clock, registrations, wallClock, graceSeconds } = options;
  let stop: () => void;
  const again = (): void => {
    const now = clock.now();
    for (const registration of registrations.all()) {
      const { lostAt, claims, grantedUntil } = registration;
      if (lostAt !== undefined && now - lostAt >= graceSeconds * 1000) end(registration, "connection-lost", false);
      else if (claims.expiresAt * 1000 <= wallClock()) {
        if (!callsRunOn(options, registration)) end(registration, "token-expired", false);
      } else if (grantedUntil <= now) end(registration, "expired", true);
    }
    stop = clock.setTimer(interval, again);
  };
  stop = clock.setTimer(interval, again);
  return () => stop();
}

/** True while calls may go on though the token is over (EPC-DER-03c); nothing new is taken meanwhile. */
export function callsRunOn(
  { wallClock, sessionGraceSeconds, calls }: SweepOptions,
  registration: Registration,
): boolean {
  const over = wallClock() / 1000 - registration.claims.expiresAt;
  return over >= 0 && over < sessionGraceSeconds && calls(registration) > 0;
}
