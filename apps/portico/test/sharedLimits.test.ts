import { expect, onTestFinished, test, vi } from "vitest";
import { LocalState } from "../../../packages/store/src/shared/localState.ts";
import { TenantLimits } from "../src/sharedLimits.ts";

test("ADM-01 ADM-09c nodes that want the last place at once do not both get it; places are free when they are, or their node is dead", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const shared = new LocalState(Date.now);
  const has = { a: 0, b: 0 };
  const node = (name: "a" | "b") => {
    const limits = new TenantLimits({ shared, node: name, held: () => has[name] });
    onTestFinished(() => limits.close());
    const more = async (): Promise<boolean> => {
      has[name] += 1;
      const admitted = await limits.admit("calls", "acme", has[name], 5);
      if (!admitted) has[name] -= 1;
      return admitted;
    };
    return { limits, more };
  };
  const [a, b] = [node("a"), node("b")];
  const wanted = await Promise.all(Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? a : b).more()));
  expect(wanted.filter(Boolean)).toHaveLength(5);
  expect(has.a + has.b).toBe(5);
  // Another tenant, and another thing, have places of their own.
  expect(await a.limits.admit("calls", "other", 5, 5)).toBe(true);
  expect(await a.limits.admit("registrations", "acme", 5, 5)).toBe(true);

  has.a -= 1;
  expect(await b.more()).toBe(false);
  await vi.advanceTimersByTimeAsync(1000);
  expect(await b.more()).toBe(true);
  expect(await b.more()).toBe(false);
  // What lives long is said again and again.
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await b.more()).toBe(false);

  const before = has.b;
  await a.limits.close();
  has.a = 0;
  for (let n = before; n < 5; n += 1) expect(await b.more()).toBe(true);
  expect(await b.more()).toBe(false);
});

test("ADM-09c what a node had that says nothing any more is free after four seconds", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const shared = new LocalState(Date.now);
  expect(await shared.hold("calls acme", "dead", 5, { ttl: 4000 })).toBe(5);
  const living = new TenantLimits({ shared, node: "living", held: () => 0 });
  onTestFinished(() => living.close());
  expect(await living.admit("calls", "acme", 1, 5)).toBe(false);
  await vi.advanceTimersByTimeAsync(4000);
  expect(await living.admit("calls", "acme", 1, 5)).toBe(true);
});
