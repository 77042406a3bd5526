/** The three base timers all others are made of (RFC 3261 §17.1.1.1), in milliseconds. */
export interface Timers {
  /** Estimate of the round trip. Timers A, E and G start with it; B, F, H, J, L and M last 64 times as long. */
  readonly t1: number;
  /** Longest interval between two retransmissions of a non-INVITE request or a response. */
  readonly t2: number;
  /** Longest life of a message in the network; timers I and K. */
  readonly t4: number;
}

/**
 * Between core elements (3GPP TS 24.229 Table 7.7.1, first column; RFC 3261 Table 4).
 *
 * @example
 * const ua = new UserAgent({ clock, random, timers: coreTimers, onRequest: (tx) => tx.reply(501) });
 */
export const coreTimers: Timers = { t1: 500, t2: 4000, t4: 5000 };

/**
 * Toward a user's equipment (3GPP TS 24.229 Table 7.7.1, second and third column).
 *
 * @example
 * const ua = new UserAgent({ clock, random, timers: accessTimers, onRequest: (tx) => tx.reply(501) });
 */
export const accessTimers: Timers = { t1: 2000, t2: 16_000, t4: 17_000 };

/** RFC 3261 §16.6: "larger than 3 minutes". */
export const timerC = 185_000;

/** RFC 3261 §17.2.1: the server says 100 if its user has not answered within 200 ms. */
export const tryingDelay = 200;
