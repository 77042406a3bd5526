import type { Clock } from "@portico/sip";

/** setTimeout fires at once above this (a signed 32-bit count of milliseconds). */
const longest = 2 ** 31 - 1;

function setTimer(ms: number, run: () => void): () => void {
  const due = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = due - performance.now();
    // A timer counts from the start of its turn of the event loop, so it may come a little before its time.
    if (left <= 0) run();
    else timer = setTimeout(arm, Math.min(left, longest));
  };
  timer = setTimeout(arm, Math.min(Math.max(0, ms), longest));
  return () => clearTimeout(timer);
}

/** The process's monotonic clock: a step of the wall clock moves no SIP timer. */
export const systemClock: Clock = { now: () => performance.now(), setTimer };
