import type { Clock } from "@portico/sip";

/** setTimeout fires at once above this (a signed 32-bit count of milliseconds). */
const longest = 2 ** 31 - 1;

function setTimer(ms: number, run: () => void): () => void {
  const due = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = (): void => {
    const left = due - performance.now();
    timer = left > longest ? setTimeout(arm, longest) : setTimeout(run, Math.max(0, left));
  };
  arm();
  return () => clearTimeout(timer);
}

/** The process's monotonic clock: a step of the wall clock moves no SIP timer. */
export const systemClock: Clock = { now: () => performance.now(), setTimer };
