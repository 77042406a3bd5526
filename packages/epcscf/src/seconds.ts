/** RFC 3261 §20.19: the most that Expires says. */
const most = 2 ** 32 - 1;

/** The delta-seconds that are all of a value; what is no number of seconds counts as not said (RFC 3261 §20.19). */
export function readSeconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\s*\d+\s*$/.test(value) ? Math.min(most, Number(value)) : undefined;
}
