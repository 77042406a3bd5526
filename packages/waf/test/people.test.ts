import { generateKeyPairSync } from "node:crypto";
import { verifyAudit } from "@portico/store";
import { expect, onTestFinished, test } from "vitest";
import { acmeIssuer, acmeWith, claimsOf, other, sessionOf, World } from "./world.ts";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

const mary = { tenant: "acme", issuer: acmeIssuer, subject: "mary" };
const { publicKey } = generateKeyPairSync("ed25519");

test("PRV-03 a user is told all that is kept of her, and nothing of another", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  await world.exchange("ken");
  const at = new Date(world.now).toISOString();
  const { jti, sub } = claimsOf(body.access_token);
  expect(await world.waf.people.export(mary)).toEqual({
    issuer: acmeIssuer,
    subject: "mary",
    identities: [{ impu: body.ims.impu, pseudonym: sub, from: at, tokens: [{ jti, at, address: "127.0.0.1" }] }],
    records: [{ at, actor: "talk.acme.test", action: "assignment.begin", subject: body.ims.impu }],
  });
  expect((await world.waf.people.export({ ...mary, tenant: "other" })).identities).toEqual([]);
});

test("PRV-03 a user is forgotten: her sessions end, nothing names her, and the audit still verifies", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  await world.exchange("ken");
  expect(await world.waf.people.erase(mary, { by: "op" })).toBe(1);
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await world.refresh(body.refresh_token)).status).toBe(400);
  expect(await world.waf.people.export(mary)).toMatchObject({ identities: [], records: [] });
  const [held] = await world.waf.history(body.ims.impu);
  expect(held).toMatchObject({ issuer: "", endReason: "user_erased", startedAt: world.now });
  expect(held?.subject).not.toContain("mary");
  expect(await world.waf.trace(String(claimsOf(body.access_token).jti))).toMatchObject({ address: "" });
  const records = await world.store.audit.page("acme", 99);
  expect(JSON.stringify(records)).not.toContain("mary");
  expect(records.map(({ action }) => action)).toContain("person.erase");
  expect(await verifyAudit(world.store, [], publicKey)).toMatchObject({ faults: [] });
  // The other is as before, and she may come again, as somebody new.
  expect((await world.waf.people.export({ ...mary, subject: "ken" })).identities).toHaveLength(1);
  const again = await world.exchange("mary");
  expect(claimsOf(again.body.access_token).sub).not.toBe(claimsOf(body.access_token).sub);
});

test("PRV-01b PRV-03 who held an identity is forgotten after the time the operator has set, live users are not", async () => {
  const day = 24 * 3600;
  const world = await open({
    tenants: [acmeWith({ count: 2 }), other],
    retention: { tokens: 10 * day, persons: 30 * day },
  });
  const { body } = await world.exchange("mary");
  expect(String(claimsOf(body.access_token).sub)).toMatch(/^p-[a-z0-9]{12}$/);
  await world.exchange("ken");
  await world.post("identities/end", { subject: "mary" });
  world.pass(10 * day - 1);
  await world.waf.sweep();
  const jti = String(claimsOf(body.access_token).jti);
  expect(await world.waf.trace(jti)).toBeDefined();
  world.pass(2);
  await world.waf.sweep();
  expect(await world.waf.trace(jti)).toBeUndefined();
  expect((await world.waf.people.export(mary)).identities).toHaveLength(1);
  world.pass(20 * day);
  await world.waf.sweep();
  expect((await world.waf.people.export(mary)).identities).toEqual([]);
  expect((await world.waf.people.export({ ...mary, subject: "ken" })).identities).toHaveLength(1);
  expect(await verifyAudit(world.store, [], publicKey)).toMatchObject({ faults: [] });
});

test("PRV-03 a portal that nobody uses any more forgets as well", async () => {
  const timers: (() => void)[] = [];
  const day = 24 * 3600;
  const world = await open({
    retention: { persons: 30 * day },
    setTimer: (_, fire) => {
      timers.push(fire);
      return () => undefined;
    },
  });
  await world.exchange("mary");
  await world.post("identities/end", { subject: "mary" });
  const known = async () => (await world.waf.people.export(mary)).identities.length;
  // What is done by itself is over once the next timer runs.
  const look = async (): Promise<void> => {
    const before = timers.length;
    timers.at(-1)?.();
    await expect.poll(() => timers.length).toBeGreaterThan(before);
  };
  world.pass(30 * day - 1);
  await look();
  expect(await known()).toBe(1);
  world.pass(61);
  await look();
  expect(await known()).toBe(0);
});
