import type { ServerTransaction } from "@portico/sip";
import { afterEach, beforeEach, expect, test } from "vitest";
import { registered } from "./support/call.ts";
import { grant, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

/** One binding, several leases: a user goes on in another web session while the core is still busy with the former one. */
let timed: Timed;
let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  timed = new Timed();
  rig = await timed.open();
  browser = await registered(rig);
});
afterEach(async () => {
  rig.core.answer = grant(rig.core);
  await rig.close();
});

/** The core says nothing to REGISTERs from now on; what it was asked, oldest first. */
function hold(): ServerTransaction[] {
  const held: ServerTransaction[] = [];
  rig.core.answer = (tx) => {
    if (tx.request.method === "REGISTER") held.push(tx);
    else grant(rig.core)(tx);
  };
  return held;
}

async function next(held: ServerTransaction[], count: number): Promise<ServerTransaction> {
  await until(() => held.length >= count);
  const tx = held[count - 1];
  if (tx === undefined) throw new Error("the core was asked less often");
  return tx;
}

const confirmed = (): string[] =>
  rig.facts.filter((fact) => fact.state === "deregistered" && fact.confirmed).map(({ sessionId }) => sessionId);

test("EPC-DER-05 WAF-07c two sessions revoked one after the other, before the core answers: both are told as over", async () => {
  const held = hold();
  rig.revoke({ sessionId: "s1", reason: "logout" });
  const first = await next(held, 1);
  const again = await rig.connect();
  const answer = again.register(await rig.token({ sid: "s2" }));
  // Her REGISTER waits for the attempt under way, whose binding she takes over.
  await until(() => rig.node.counts.leftovers === 0);
  grant(rig.core)(first);
  const second = await next(held, 2);
  rig.revoke({ sessionId: "s2", reason: "logout" });
  grant(rig.core)(second);
  expect((await answer).status).toBe(401);
  grant(rig.core)(await next(held, 3));
  await until(() => confirmed().includes("s1") && confirmed().includes("s2"));
  await until(() => rig.store.bindings.size === 0);
});

test("EPC-DER-06 the former session is over for the WAF when the core has granted its binding to the next, not before", async () => {
  const held = hold();
  rig.revoke({ sessionId: "s1", reason: "logout" });
  const first = await next(held, 1);
  const again = await rig.connect();
  const answer = again.register(await rig.token({ sid: "s2" }));
  await until(() => rig.node.counts.leftovers === 0);
  first.reply(500);
  const second = await next(held, 2);
  expect(confirmed()).toEqual([]);
  grant(rig.core)(second);
  expect((await answer).status).toBe(200);
  expect(confirmed()).toEqual(["s1"]);
});

test("EPC-DER-06 what the core grants the former session late does not end the binding of the next one", async () => {
  const held = hold();
  const refresh = browser.register(await rig.token()).catch(() => "lost");
  const late = await next(held, 1);
  rig.revoke({ sessionId: "s1", reason: "logout" });
  grant(rig.core)(await next(held, 2));
  await until(() => rig.node.counts.leftovers === 0);
  const again = await rig.connect();
  const answer = again.register(await rig.token({ sid: "s2" }));
  grant(rig.core)(await next(held, 3));
  expect((await answer).status).toBe(200);
  grant(rig.core)(late);
  // The core has the former Path now, unless it is told the next one's once more.
  const once = await next(held, 4);
  const asked = [held[2], once].map((tx) => ["Path", "Contact"].map((name) => tx?.request.get(name)?.split(";")[0]));
  expect(asked[1]).toEqual(asked[0]);
  expect(Number(once.request.get("Expires"))).toBeGreaterThan(0);
  grant(rig.core)(once);
  await timed.pass(3);
  browser.agent.hopClosed(browser);
  await refresh;
  expect(held).toHaveLength(4);
  expect(rig.node.registrations()).toMatchObject([{ sessionId: "s2", flow: "live" }]);
  await timed.pass(12);
  expect([rig.store.bindings.size, rig.node.counts.leftovers]).toEqual([1, 0]);
  expect(confirmed()).toEqual(["s1"]);
});

test("EPC-REG-11a what the core grants on a lost socket late does not take her calls there", async () => {
  const held = hold();
  const refresh = browser.register(await rig.token()).catch(() => "lost");
  const late = await next(held, 1);
  browser.socket.terminate();
  await until(() => rig.node.counts.flows === 0);
  const again = await rig.connect();
  const answer = again.register(await rig.token());
  const now = await next(held, 2);
  grant(rig.core)(now);
  expect((await answer).status).toBe(200);
  grant(rig.core)(late);
  const told = await next(held, 3);
  grant(rig.core)(told);
  expect(late.request.get("Path")).not.toBe(now.request.get("Path"));
  expect([told.request.get("Path")?.split(";")[0], Number(told.request.get("Expires")) > 0]).toEqual([
    now.request.get("Path")?.split(";")[0],
    true,
  ]);
  expect(rig.node.registrations()).toMatchObject([{ flow: "live" }]);
  browser.agent.hopClosed(browser);
  await refresh;
});

test("ADM-09b a log-out that is answered late takes no row away from the REGISTER after it", async () => {
  const held = hold();
  const out = browser.register(await rig.token(), { expires: 0 });
  const leaving = await next(held, 1);
  const back = browser.register(await rig.token());
  const coming = await next(held, 2);
  grant(rig.core)(leaving);
  expect((await out).status).toBe(200);
  // The core may have bound it already: a node that dies now must have left a row.
  await timed.pass(15);
  expect(rig.store.bindings.size).toBe(1);
  coming.reply(403);
  expect((await back).status).toBe(403);
  await until(() => rig.store.bindings.size === 0);
});

test("EPC-REG-16a a REGISTER that waits for the core asks for no more than the token then has left", async () => {
  const held = hold();
  rig.revoke({ sessionId: "s1", reason: "logout" });
  await next(held, 1);
  const again = await rig.connect();
  void again.register(await rig.token({ sid: "s2" }, { seconds: 100 }));
  await until(() => rig.node.counts.leftovers === 0);
  await timed.pass(33);
  const { request } = await next(held, 2);
  expect(Number(request.get("Expires"))).toBeLessThanOrEqual(100 - 32);
});

test("a refresh with the same token is no news to the WAF, one with another is", async () => {
  const token = await rig.token({ sid: "s1" });
  await registered(rig, token);
  const told = (): string[] => rig.facts.map(({ state, reason, sessionId }) => `${state} ${reason} ${sessionId}`);
  const before = told().length;
  const again = await rig.connect();
  for (let turn = 0; turn < 3; turn += 1) expect((await again.register(token)).status).toBe(200);
  expect(told().slice(before)).toEqual([]);
  expect((await again.register(await rig.token({ sid: "s2" }))).status).toBe(200);
  expect(told().slice(before)).toEqual(["registered refreshed s2", "deregistered taken-over s1"]);
  expect((await again.register(token)).status).toBe(200);
  expect(told().slice(before + 2)).toEqual(["registered refreshed s1", "deregistered taken-over s2"]);
});
