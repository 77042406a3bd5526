import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { countTone, startLab } from "../src/index.ts";
import type { Lab } from "../src/index.ts";
import { TestNode, ken, mary } from "./ue.ts";

let lab: Lab;
let node: TestNode;

beforeEach(async () => {
  lab = await startLab({ subscriptions: [mary, ken], trusted: ["127.0.0.1"] });
  node = await TestNode.open(lab);
});

afterEach(async () => {
  await node.close();
  await lab.close();
});

test("a call to the echo telephone brings back one's own tone", async () => {
  expect((await node.register(mary)).status).toBe(200);
  const { call } = await node.call(mary, "tel:+12025550110");
  call.play({ frequency: 700, onMs: 400, offMs: 100 });
  expect(await call.connected).toBe(true);
  await vi.waitFor(() => expect(countTone(call.heard(), 700)).toBeGreaterThan(3), 3000);
  const [echo] = lab.telephones.calls;
  expect(countTone(echo?.heard() ?? [], 700)).toBeGreaterThan(3);
  call.hangUp();
  expect(await echo?.ended).toEqual({ by: "peer" });
  expect(lab.violations).toEqual([]);
});

test("a telephone dials in and is heard", async () => {
  await node.register(mary);
  const taken = new Promise<Awaited<ReturnType<TestNode["take"]>>>((resolve) => {
    node.onInvite = (tx) => void node.take(mary, tx).then(resolve);
  });
  const outgoing = await lab.dial({
    from: "+12025550120",
    to: "+12125550100",
    tone: { frequency: 1000, onMs: 400, offMs: 200 },
  });
  const call = await taken;
  call.play({ frequency: 600, onMs: 300, offMs: 300 });
  expect(call.answer()).toBe(true);
  expect(await outgoing.connected).toBe(true);
  await vi.waitFor(() => expect(countTone(call.heard(), 1000)).toBeGreaterThan(3), 3000);
  await vi.waitFor(() => expect(countTone(outgoing.heard(), 600)).toBeGreaterThan(3), 3000);
  outgoing.hangUp();
  expect(await call.ended).toEqual({ by: "peer" });
  expect(lab.violations).toEqual([]);
});
