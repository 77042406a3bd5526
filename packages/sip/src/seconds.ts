/** Most seconds that count: what a platform's timers hold (2^31 ms). */
export const longestTime = 2_000_000;

/** The delta-seconds a value begins with, before a parameter or a comment (RFC 3261 §20.33); undefined when there are none. */
export function readSeconds(value: string | undefined): number | undefined {
  const digits = /^\s*(\d{1,10})\s*(?:[;(]|$)/.exec(value ?? "")?.[1];
  return digits === undefined ? undefined : Math.min(longestTime, Number(digits));
}
