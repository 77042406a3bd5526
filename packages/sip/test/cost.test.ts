import { expect, test } from "vitest";
import { hostileWork } from "./hostileWork.ts";

/** ms of this thread's CPU for one run, over so many that it matters little whether the system counts in ticks of 4 ms. */
function cost(run: () => void): number {
  const start = process.threadCpuUsage();
  for (let runs = 1; ; runs += 1) {
    run();
    const { user, system } = process.threadCpuUsage(start);
    if (user + system > 60_000) return (user + system) / 1000 / runs;
  }
}

// 64 times the length costs 64 times the time, or some times more where it no longer fits a cache or the young generation; what is
// quadratic, 4096 times.
const generous = 500;

test.each(Object.entries(hostileWork))("cost grows with length alone: %s", (_, make) => {
  const [small, large] = [make(875), make(56_000)];
  large();
  expect(cost(large) / cost(small)).toBeLessThan(generous);
});
