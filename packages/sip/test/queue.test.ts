import { SeededRandom, VirtualClock } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { LinkedQueue } from "../src/transaction/queue.ts";

const wait = 32_000;

test("who waits ends exactly when its time is over, unless it is taken out before, whatever comes and goes", () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const queue = new LinkedQueue(clock, wait);
  const due = new Map<number, number>();
  const stops = new Map<number, () => void>();
  const below = (limit: number): number => Number.parseInt(random.token(4), 36) % limit;
  for (let turn = 0; turn < 3000; turn += 1) {
    clock.advance(below(100));
    due.set(turn, clock.now() + wait);
    const stop = queue.add({
      expire: () => {
        expect(due.get(turn)).toBe(clock.now());
        due.delete(turn);
      },
    });
    stops.set(turn, stop);
    // One of those that wait, or of those that do not any more: that changes nothing.
    const other = below(turn + 1);
    if (below(2) === 0) {
      stops.get(other)?.();
      due.delete(other);
    }
    expect([...due.values()].filter((at) => at < clock.now())).toEqual([]);
  }
  expect(due.size).toBeGreaterThan(100);
  clock.advance(wait);
  expect(due.size).toBe(0);
  expect(clock.pending).toBe(0);
});

test("nobody waits, so no timer runs; what is cleared ends nothing, and changes nothing later", () => {
  const clock = new VirtualClock();
  const queue = new LinkedQueue(clock, wait);
  const ended: string[] = [];
  const one = queue.add({ expire: () => ended.push("one") });
  const two = queue.add({ expire: () => ended.push("two") });
  two();
  one();
  expect(clock.pending).toBe(0);
  const stale = [queue.add({ expire: () => ended.push("old") }), queue.add({ expire: () => ended.push("old") })];
  queue.clear();
  expect(clock.pending).toBe(0);
  queue.add({ expire: () => ended.push("three") });
  for (const stop of stale) stop();
  // One that ends brings another about, which waits its own time.
  queue.add({ expire: () => queue.add({ expire: () => ended.push("five") }) });
  clock.advance(wait);
  expect(ended).toEqual(["three"]);
  clock.advance(wait);
  expect(ended).toEqual(["three", "five"]);
});
