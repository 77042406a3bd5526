import { expect, test } from "vitest";
import { hostileWork } from "./hostileWork.ts";

/** Least of several times, ms of this thread's CPU: what else the machine does counts little, and only ever adds. */
function cost(run: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 9; round += 1) {
    const start = process.threadCpuUsage();
    for (let turn = 0; turn < 3; turn += 1) run();
    const { user, system } = process.threadCpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

// Eight times the length costs eight times the time; what is quadratic, 64 times.
const generous = 40;

test.each(Object.entries(hostileWork))("cost grows with length alone: %s", (_, make) => {
  const [small, large] = [make(7000), make(56_000)];
  large();
  // A floor of half a millisecond, for what takes no time has no ratio.
  expect(cost(large) / Math.max(cost(small), 0.5)).toBeLessThan(generous);
});
