import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openSharedState, type SharedState } from "../../src/index.ts";
import { eventually, sharedStateTests } from "../conformance/sharedState.ts";
import { noValkey, ValkeyServer } from "../valkeyServer.ts";

describe.skipIf(noValkey !== undefined)(
  `Valkey or Redis${noValkey === undefined ? "" : ` (skipped: ${noValkey})`}`,
  () => {
    let server: ValkeyServer;
    let portals = 0;
    beforeAll(async () => {
      server = await ValkeyServer.start();
    });
    afterAll(() => server.stop());

    async function open(): Promise<readonly [SharedState, SharedState]> {
      const target = { valkey: server.url, prefix: `portal${(portals += 1)}` };
      return [await openSharedState(target), await openSharedState(target)];
    }
    async function nodes(): Promise<readonly [SharedState, SharedState]> {
      const both = await open();
      onTestFinished(async () => void (await Promise.all(both.map((node) => node.close()))));
      return both;
    }
    sharedStateTests(open);

    test("what is published while the server is away is heard by all once it is back: none is lost, none comes twice", async () => {
      const [one, two] = await nodes();
      const heard = [await hearing(one), await hearing(two)];
      await one.publish("1");
      await server.kill();
      const waiting = ["2", "3"].map((text) => one.publish(text));
      await expect.poll(() => one.connected, eventually).toBe(false);
      await server.run();
      await Promise.all(waiting);
      await two.publish("4");
      await expect
        .poll(() => heard.map((texts) => texts.toSorted()))
        .toEqual([
          ["1", "2", "3", "4"],
          ["1", "2", "3", "4"],
        ]);
    });

    test("a look at a counter leaves its end where it is", async () => {
      const [one, two] = await nodes();
      await one.count("looks", 7, { ttl: 60_000 });
      await Promise.all(Array.from({ length: 3000 }, () => two.count("looks", 0, { ttl: 60_000 })));
      const ends = server.written.matchAll(/:looks\r\n\$1\r\n7\r\n\$4\r\nPXAT\r\n\$\d+\r\n(\d+)/g);
      expect(new Set([...ends].map(([, end]) => end)).size).toBe(1);
    });

    test("a server that comes back without what it held is noticed by each listener, and goes on", async () => {
      const [one, two] = await nodes();
      const heard = await hearing(two);
      await one.publish("1");
      await one.mark("lease 1", Date.now() + 60_000);
      const here = { node: "a", key: "1", until: Date.now() + 60_000 };
      await one.register("sip:u1@acme.ims.test", here);
      await expect.poll(() => heard, eventually).toEqual(["1"]);
      await server.kill(true);
      await server.run();
      await expect.poll(() => heard, eventually).toEqual(["1", "(gap)"]);
      await one.publish("2");
      await expect.poll(() => heard, eventually).toEqual(["1", "(gap)", "2"]);
      // The node that knows it tells the server again.
      await expect.poll(() => two.isMarked("lease 1").catch(() => false), eventually).toBe(true);
      await expect.poll(() => two.find("sip:u1@acme.ims.test"), eventually).toEqual([here]);
    });

    test("without the server marks fail closed, and limits, counters and registrations go on with what the node knows", async () => {
      const [one, two] = await nodes();
      await one.register("sip:u1@acme.ims.test", { node: "a", key: "1", until: Date.now() + 60_000 });
      await server.kill();
      await one.mark("lease 1", Date.now() + 60_000);
      expect(await one.isMarked("lease 1")).toBe(true);
      await expect(two.isMarked("lease 1")).rejects.toMatchObject({ name: "StoreError", code: "store/unreachable" });
      expect(await one.take("10.0.0.1", { burst: 1, perSecond: 0.01 })).toBe(0);
      expect(await one.take("10.0.0.1", { burst: 1, perSecond: 0.01 })).toBeGreaterThan(0);
      expect(await one.count("calls", 1, { limit: 1, ttl: 60_000 })).toBe(1);
      expect(await one.count("calls", 1, { limit: 1, ttl: 60_000 })).toBeUndefined();
      expect(await one.find("sip:u1@acme.ims.test")).toHaveLength(1);
      expect(await two.find("sip:u1@acme.ims.test")).toEqual([]);
      await server.run();
      await expect.poll(() => two.isMarked("lease 1").catch(() => false), eventually).toBe(true);
      await expect.poll(() => two.find("sip:u1@acme.ims.test"), eventually).toHaveLength(1);
    });

    test("what still waits when the state is closed is refused, and no server at the start is an error", async () => {
      const [one] = await nodes();
      await server.kill();
      const waiting = one.publish("1");
      await one.close();
      await expect(waiting).rejects.toMatchObject({ code: "store/unreachable" });
      await expect(openSharedState({ valkey: server.url })).rejects.toMatchObject({ code: "store/unreachable" });
      await server.run();
    });
  },
);

/** What a node hears, gaps included. */
async function hearing(node: SharedState): Promise<string[]> {
  const heard: string[] = [];
  await node.subscribe({ message: (text) => heard.push(text), gap: () => heard.push("(gap)") });
  return heard;
}
