import { LocalState } from "../../../../packages/store/src/shared/localState.ts";
import { secretBox } from "@portico/waf";
import { expect, onTestFinished, test } from "vitest";
import { EventRelay } from "../../src/admin/eventRelay.ts";
import { EventHub } from "../../src/admin/events.ts";
import { KeptLog } from "../support/portal.ts";

const box = secretBox("0".repeat(64), "portico events", "portico events");
const event = (n: number) => ({ type: "alarm", tenant: undefined, at: n, data: { n } }) as const;

/** A node's hub with what its readers were told. */
async function node(shared: Pick<LocalState, "publish" | "subscribe">, name: string, startedAt = 1) {
  const hub = new EventHub(`epoch${name}`, name);
  const told: string[] = [];
  hub.on("reader", ({ data }) => void told.push(`${String(data["node"])} ${String(data["n"])}`));
  hub.onGap(() => void told.push("gap"));
  const log = new KeptLog();
  const relay = await EventRelay.open({ hub, shared, box, node: name, startedAt, log });
  onTestFinished(() => relay.close());
  return { hub, told, log, relay };
}

test("ADM-06a ADM-09c what either node tells, the readers of both are told once, in the order of the node", async () => {
  const shared = new LocalState(Date.now);
  const [a, b] = [await node(shared, "a"), await node(shared, "b")];
  for (let n = 0; n < 250; n += 1) a.hub.publish(event(n));
  b.hub.publish(event(1000));
  await expect.poll(() => [a.told.length, b.told.length]).toEqual([251, 251]);
  const ofA = Array.from({ length: 250 }, (_, n) => `a ${n}`);
  for (const { told } of [a, b]) {
    expect(told.filter((text) => text.startsWith("a"))).toEqual(ofA);
    expect(told.filter((text) => text.startsWith("b"))).toEqual(["b 1000"]);
  }
});

test("ADM-09c what is no node's, or comes again, is not told; what is missed is a gap, also for who comes back", async () => {
  const shared = new LocalState(Date.now);
  const { hub, told } = await node(shared, "a");
  const say = (number: number, o: { startedAt?: number; node?: string; seal?: (text: string) => string } = {}) => {
    const text = JSON.stringify({ node: o.node ?? "b", startedAt: o.startedAt ?? 1, number, events: [event(number)] });
    return shared.publish(o.seal?.(text) ?? box.seal(text));
  };
  await say(1);
  await say(2);
  await say(2);
  await say(1);
  await say(3, { seal: (text) => text });
  const ofAnotherKey = secretBox("1".repeat(64), "portico events", "portico events");
  const ofAnotherUse = secretBox("0".repeat(64), "portico kept keys", "portico events");
  await say(3, { seal: (text) => ofAnotherKey.seal(text) });
  await say(3, { seal: (text) => ofAnotherUse.seal(text) });
  await say(3, { node: "a" });
  expect(told).toEqual(["b 1", "b 2"]);
  await say(4);
  expect(told.slice(2)).toEqual(["gap", "b 4"]);
  expect(hub.since("epocha-2")).toBeUndefined();
  expect(hub.since("epocha-3")).toHaveLength(1);
  // The node was started anew.
  await say(1, { startedAt: 2 });
  await say(5);
  expect(told.slice(4)).toEqual(["b 1"]);
});

test("ADM-09c while the shared state is away a node tells its own readers, and the others once it is back, or that they miss something", async () => {
  const shared = new LocalState(Date.now);
  const away = Promise.withResolvers<void>();
  let waiting = 0;
  const late = {
    subscribe: shared.subscribe.bind(shared),
    publish: async (text: string) => {
      waiting += 1;
      await away.promise;
      await shared.publish(text);
    },
  };
  const [a, b] = [await node(late, "a"), await node(shared, "b")];
  a.hub.publish(event(0));
  await expect.poll(() => a.told).toEqual(["a 0"]);
  await expect.poll(() => waiting).toBe(1);
  for (let n = 1; n <= 2001; n += 1) a.hub.publish(event(n));
  expect(a.told).toHaveLength(2002);
  away.resolve();
  await expect.poll(() => b.told).toEqual(["a 0", "gap", "a 2001"]);
  expect(a.log.lines).toEqual(['events.not-relayed {"events":2000}']);
});
