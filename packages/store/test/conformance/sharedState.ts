import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import type { SharedState } from "../../src/index.ts";

/** A busy machine is given its time. */
export const eventually = { timeout: 20_000 };

/**
 * What every shared state has to do alike.
 * @param open gives two nodes of one portal; in one process both are the same
 */
export function sharedStateTests(open: () => Promise<readonly [SharedState, SharedState]>): void {
  const nodes = async (): Promise<readonly [SharedState, SharedState]> => {
    const both = await open();
    onTestFinished(async () => void (await Promise.all(both.map((node) => node.close()))));
    return both;
  };

  test("what is published is heard by every node that listens, in one order, once each", async () => {
    const [one, two] = await nodes();
    await one.publish("before anybody listened");
    const heard: [string[], string[]] = [[], []];
    const ends = await Promise.all(
      [one, two].map((node, n) =>
        node.subscribe({ message: (text) => heard[n]?.push(text), gap: () => heard[n]?.push("gap") }),
      ),
    );
    await Promise.all(Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? one : two).publish(`ü ${n}`)));
    await expect.poll(() => heard.map((texts) => texts.length), eventually).toEqual([20, 20]);
    expect(heard[1]).toEqual(heard[0]);
    expect(new Set(heard[0]).size).toBe(20);
    expect(heard[0]).not.toContain("before anybody listened");
    ends[0]?.();
    await two.publish("the last");
    await expect.poll(() => heard[1].at(-1), eventually).toBe("the last");
    expect(heard[0]).toHaveLength(20);
  });

  test("a mark holds for every node until its time is over", async () => {
    const [one, two] = await nodes();
    await one.mark("lease 1", Date.now() + 60_000);
    await one.mark("lease 2", Date.now() + 150);
    expect(await two.isMarked("lease 1")).toBe(true);
    expect(await two.isMarked("lease 3")).toBe(false);
    await expect.poll(() => two.isMarked("lease 2"), eventually).toBe(false);
    await one.mark("lease 4", Date.now() - 1);
    expect(await one.isMarked("lease 4")).toBe(false);
    expect(await two.isMarked("lease 1")).toBe(true);
  });

  test("a bucket is one for all nodes: its burst at once, then one after the time it tells", async () => {
    const [one, two] = await nodes();
    const rate = { burst: 5, perSecond: 2 };
    const taken = await Promise.all(
      Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? one : two).take("10.0.0.1", rate)),
    );
    expect(taken.filter((delay) => delay === 0)).toHaveLength(5);
    const delays = taken.filter((delay) => delay > 0);
    for (const delay of delays) expect(delay).toBeLessThanOrEqual(500);
    expect(await two.take("10.0.0.2", rate)).toBe(0);
    // The time it tells is what is tested; a clock that runs a millisecond apart is allowed for.
    await wait((await one.take("10.0.0.1", rate)) + 2);
    expect(await two.take("10.0.0.1", rate)).toBe(0);
    expect(await one.take("10.0.0.1", rate)).toBeGreaterThan(0);
  });

  test("a counter has one limit for all nodes, never falls below 0, and is forgotten after its time", async () => {
    const [one, two] = await nodes();
    const o = { limit: 3, ttl: 60_000 };
    const counts = await Promise.all(
      Array.from({ length: 5 }, (_, n) => (n % 2 === 0 ? one : two).count("calls", 1, o)),
    );
    expect(counts.filter((count) => count === undefined)).toHaveLength(2);
    expect(new Set(counts)).toEqual(new Set([1, 2, 3, undefined]));
    expect(await one.count("calls", -1, o)).toBe(2);
    expect(await two.count("calls", 1, o)).toBe(3);
    expect(await two.count("calls", -9, o)).toBe(0);
    expect(await one.count("minutes", 7, { ttl: 100 })).toBe(7);
    await expect.poll(() => two.count("minutes", 0, { ttl: 60_000 }), eventually).toBe(0);
  });

  test("a counter that is looked at in the last moment of its time lives no longer for it", async () => {
    const [one, two] = await nodes();
    for (let n = 0; n < 20; n += 1) {
      await one.count(`c${n}`, 7, { ttl: 5 });
      const end = performance.now() + 1000;
      let count: number | undefined = 7;
      // Many on their way at once: in each millisecond some look comes, the last one too.
      const look = (): Promise<number | undefined> => two.count(`c${n}`, 0, { ttl: 60_000 });
      while (count !== 0 && performance.now() < end) [count] = await Promise.all(Array.from({ length: 50 }, look));
      expect(count).toBe(0);
    }
  });

  test("ADM-01 ADM-09c what several holders have together stays within the limit, and what one does not repeat is forgotten", async () => {
    const [one, two] = await nodes();
    const o = { limit: 5, ttl: 60_000 };
    expect(await one.hold("calls", "a", 3, o)).toBe(3);
    expect(await two.hold("calls", "b", 2, o)).toBe(5);
    expect(await two.hold("calls", "b", 3, o)).toBeUndefined();
    expect(await one.hold("other", "a", 5, o)).toBe(5);
    // It has less by now.
    expect(await one.hold("calls", "a", 1, { ttl: 200 })).toBe(3);
    expect(await two.hold("calls", "b", 4, o)).toBe(5);
    await expect.poll(() => two.hold("calls", "b", 5, o), eventually).toBe(5);
    expect(await two.hold("calls", "b", 0, { ttl: 60_000 })).toBe(0);
    const at = (holder: string) => (holder < "d" ? one : two).hold("calls", holder, 1, o);
    const together = await Promise.all(["a", "b", "c", "d", "e", "f", "g"].map(at));
    expect(together.filter((sum) => sum === undefined)).toHaveLength(2);
  });

  test("every node finds where an IMPU is registered, until it is not any more", async () => {
    const [one, two] = await nodes();
    const impu = "sip:u1@acme.ims.test";
    const until = Date.now() + 60_000;
    await one.register(impu, { node: "a", key: "1", until });
    await two.register(impu, { node: "b", key: "2", until });
    await two.register(impu, { node: "b", key: "3", until: Date.now() + 200 });
    await two.register(impu, { node: "b", key: "2", until: until + 1000 });
    const found = async (): Promise<string[]> =>
      (await one.find(impu)).map(({ node, key, until: end }) => `${node}${key} ${end - until}`).toSorted();
    await expect.poll(found, eventually).toEqual(["a1 0", "b2 1000"]);
    await two.unregister(impu, { node: "b", key: "2" });
    expect(await found()).toEqual(["a1 0"]);
    await two.forget("a");
    expect(await found()).toEqual([]);
    expect(await one.find("sip:nobody@acme.ims.test")).toEqual([]);
  });
}
