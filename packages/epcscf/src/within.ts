import type { Clock } from "@portico/sip";

/** Resolves when the work is done or its time is over, whichever comes first; no timer stays. @param ms bound. */
export async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = clock.setTimer(ms, resolve);
  await Promise.race([work, promise]).finally(stop);
}
