import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { verifyAudit } from "@portico/store";
import { expect, onTestFinished, test } from "vitest";
import type { Revocation, TenantDocument } from "../src/index.ts";
import { acme, acmeBlock, acmeClientId, acmeWith, claimsOf, other, otherClientId, sessionOf, World } from "./world.ts";

const by = "key-1";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

/** Two portals on one database. */
async function pair(o: Parameters<typeof World.open>[0] = {}): Promise<[World, World]> {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const one = await open({ ...o, path });
  return [one, await open({ ...o, path })];
}

function revocationsOf(world: World): Revocation[] {
  const seen: Revocation[] = [];
  world.waf.onRevoked((revocation) => seen.push(revocation));
  return seen;
}

test("ADM-01 a tenant is made, changed and removed while the portal runs, and each change is in the audit", async () => {
  const world = await open({ tenants: [other] });
  const changes: string[] = [];
  world.waf.tenants.onChanged((id) => changes.push(id));
  expect((await world.exchange("mary")).body.reason).toBe("client_unauthenticated");
  const made = await world.waf.tenants.create(acme, { by });
  expect(made).toMatchObject({ id: "acme", source: "api", standing: "active", document: acme });
  const { body } = await world.exchange("mary");
  expect(body.ims.impu).toBe("sip:u0001@acme.ims.test");

  const document: TenantDocument = { ...acme, name: "Acme Ltd", services: ["voice", "message"] };
  const replaced = await world.waf.tenants.replace("acme", document, { by, version: made.version });
  expect(replaced.version).toBeGreaterThan(made.version);
  expect((await world.exchange("mary", { scope: "ims.message" })).status).toBe(200);
  expect((await world.waf.tenants.list()).map(({ id, source }) => [id, source])).toEqual([
    ["acme", "api"],
    ["other", "file"],
  ]);

  await world.waf.tenants.remove("acme", { by, version: replaced.version });
  await expect(world.waf.tenants.get("acme")).rejects.toMatchObject({ code: "tenant_unknown" });
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect(await world.waf.block.find(body.ims.impu)).toBeUndefined();
  expect((await world.exchange("mary")).body.reason).toBe("client_unauthenticated");
  expect(new Set(changes)).toEqual(new Set(["acme"]));
  expect(await world.waf.history(body.ims.impu)).toMatchObject([{ subject: "mary", endReason: "entry_withdrawn" }]);

  const records = await world.store.audit.page("acme", 20);
  expect(records.map(({ action, actor }) => `${action} ${actor}`).toReversed()).toEqual([
    `tenant.create ${by}`,
    "assignment.begin talk.acme.test",
    `tenant.replace ${by}`,
    "assignment.end waf",
    `tenant.remove ${by}`,
  ]);
  expect(await verifyAudit(world.store, [], generateKeyPairSync("ed25519").publicKey)).toMatchObject({ faults: [] });
});

test("a removed tenant can be made anew, and its former identities are its own again", async () => {
  const world = await open({ tenants: [other] });
  const { version } = await world.waf.tenants.create(acme, { by });
  await world.waf.tenants.remove("acme", { by, version });
  const again = await world.waf.tenants.create(acme, { by });
  expect(again.version).toBeGreaterThan(version);
  expect((await world.exchange("mary")).status).toBe(200);
});

test("a change made from an older version is refused and changes nothing", async () => {
  const world = await open({ tenants: [other] });
  const { version } = await world.waf.tenants.create(acme, { by });
  const rename = (name: string): Promise<unknown> =>
    world.waf.tenants.replace("acme", { ...acme, name }, { by, version });
  const outcomes = await Promise.allSettled([rename("One"), rename("Two")]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  const [loser] = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(loser).toMatchObject({ code: "tenant_changed", status: 412 });
  await expect(world.waf.tenants.remove("acme", { by, version })).rejects.toMatchObject({ code: "tenant_changed" });
});

test("a tenant of the configuration file is read-only, but can be suspended, also across a restart", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const { version, source } = await before.waf.tenants.get("acme");
  expect(source).toBe("file");
  const refused = { code: "tenant_of_file", status: 409 };
  await expect(before.waf.tenants.replace("acme", acme, { by, version })).rejects.toMatchObject(refused);
  await expect(before.waf.tenants.remove("acme", { by, version })).rejects.toMatchObject(refused);
  expect(await before.waf.tenants.suspend("acme", { by, reason: "abuse" })).toMatchObject({ standing: "suspended" });
  await before.close();
  const after = await open({ path });
  // Nothing of it has changed, so its version has not.
  expect(await after.waf.tenants.get("acme")).toMatchObject({ standing: "suspended", version });
  expect(await after.waf.tenants.resume("acme", { by })).toMatchObject({ standing: "active" });
  expect((await after.exchange("mary")).status).toBe(200);
});

test("what is found of an entry is one thing for all who ask, until its tenant has other clients", async () => {
  const world = await open({ tenants: [other] });
  const { version } = await world.waf.tenants.create(acme, { by });
  const [one, next] = ["sip:u0001@acme.ims.test", "sip:u0002@acme.ims.test"];
  const before = await world.waf.block.find(one);
  expect(before?.clientIds).toEqual([acmeClientId]);
  expect(await world.waf.block.find(one)).toBe(before);
  expect((await world.waf.block.find(next))?.clientIds).toBe(before?.clientIds);
  const clients = acme.clients.map((client) => ({ ...client, clientId: "portal.acme.example" }));
  await world.waf.tenants.replace("acme", { ...acme, clients }, { by, version });
  expect((await world.waf.block.find(one))?.clientIds).toEqual(["portal.acme.example"]);
  await world.waf.tenants.suspend("acme", { by });
  expect(await world.waf.block.find(one)).toBeUndefined();
});

test.each<[string, object, string]>([
  ["the id of another", { id: "other" }, "tenant_exists"],
  ["a client of another", { clients: other.clients }, "tenant_exists"],
  ["a number of another", { blocks: [{ ...acmeBlock, numbers: [{ from: "+12125550901" }] }] }, "tenant_exists"],
  ["a wrong member", { origins: ["acme"] }, "tenant_invalid"],
])("a new tenant with %s is refused, and nothing of it stays", async (_, change, code) => {
  const world = await open({ tenants: [other] });
  const made = world.waf.tenants.create({ ...acme, ...change }, { by });
  await expect(made).rejects.toMatchObject({ code });
  expect(await world.waf.tenants.list()).toHaveLength(1);
  expect(await world.store.audit.page("acme", 9)).toEqual([]);
  expect(await world.waf.block.find("sip:u0001@acme.ims.test")).toBeUndefined();
  await world.waf.tenants.create(acme, { by });
});

test("what is told of a clash does not name the other tenant", async () => {
  const world = await open({ tenants: [other] });
  const made = world.waf.tenants.create({ ...acme, clients: other.clients }, { by });
  await expect(made).rejects.toMatchObject({ message: expect.stringContaining(otherClientId) });
  await expect(made).rejects.not.toMatchObject({ message: expect.stringContaining(" other ") });
});

test("identities taken out of a block lose their users first, and come back with their history", async () => {
  const world = await open({ tenants: [other] });
  const revocations = revocationsOf(world);
  const { version } = await world.waf.tenants.create(acmeWith({ quarantineSeconds: 0 }), { by });
  const { body } = await world.exchange("mary", { impu: "sip:u0004@acme.ims.test" });
  const smaller = await world.waf.tenants.replace("acme", acmeWith({ count: 2 }), { by, version });
  expect(revocations).toEqual([{ impu: body.ims.impu, tenant: "acme", reason: "entry_withdrawn" }]);
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await world.refresh(body.refresh_token)).status).toBe(400);
  expect((await world.exchange("mary", { impu: body.ims.impu })).body.reason).toBe("identity_refused");
  expect(await world.waf.usage("acme")).toMatchObject({ size: 2 });
  await world.waf.tenants.replace("acme", acmeWith({ count: 6 }), { by, version: smaller.version });
  expect(await world.waf.usage("acme")).toMatchObject({ size: 6 });
  expect(await world.waf.history(body.ims.impu)).toHaveLength(1);
});

test("a client that is disabled or taken out loses its sessions; a rotated key needs no pause", async () => {
  const world = await open({ tenants: [other] });
  const { version } = await world.waf.tenants.create(acme, { by });
  const { body } = await world.exchange("mary");
  const [client] = acme.clients;
  const disabled = { ...acme, clients: [{ ...client, state: "disabled" }] };
  const { version: next } = await world.waf.tenants.replace("acme", disabled, { by, version });
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await world.exchange("mary")).body.reason).toBe("client_disabled");
  const keys = [...(client?.authentication.jwks?.keys ?? []), { ...client?.authentication.jwks?.keys[0], kid: "next" }];
  const both = { ...acme, clients: [{ ...client, authentication: { method: "private_key_jwt", jwks: { keys } } }] };
  await world.waf.tenants.replace("acme", both, { by, version: next });
  expect((await world.exchange("mary")).status).toBe(200);
});

test("ADM-02 another portal on the same database notices a suspension within two seconds, and ends what it serves", async () => {
  const [one, two] = await pair();
  const { body } = await two.exchange("mary");
  const revocations = revocationsOf(two);
  const noticed = new Promise((resolve) => two.waf.onRevoked(resolve));
  const before = performance.now();
  await one.waf.tenants.suspend("acme", { by });
  await noticed;
  expect(performance.now() - before).toBeLessThan(2000);
  expect(revocations[0]).toEqual({ tenant: "acme", reason: "tenant_suspended" });
  expect(two.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await two.refresh(body.refresh_token)).status).toBe(403);
});

test("ADM-02 a suspension and a removal are told once on another portal, though nobody there has a web session", async () => {
  const [one, two] = await pair({ tenants: [other] });
  const { version } = await one.waf.tenants.create(acme, { by });
  await two.waf.notice();
  expect(two.waf.isActive("acme")).toBe(true);
  const revocations = revocationsOf(two);
  await one.waf.tenants.suspend("acme", { by });
  for (let turn = 0; turn < 3; turn += 1) await two.waf.notice();
  expect(revocations).toEqual([{ tenant: "acme", reason: "tenant_suspended" }]);
  expect(two.waf.isActive("acme")).toBe(false);
  await one.waf.tenants.resume("acme", { by });
  await two.waf.notice();
  await one.waf.tenants.remove("acme", { by, version });
  for (let turn = 0; turn < 3; turn += 1) await two.waf.notice();
  expect(revocations.slice(1)).toEqual([{ tenant: "acme", reason: "tenant_removed" }]);
});

test("an exchange never begins anything once another portal has suspended the tenant", async () => {
  const [one, two] = await pair();
  await one.waf.tenants.suspend("acme", { by });
  // The other has not been told, and has not looked.
  expect((await two.exchange("mary")).body.reason).toBe("tenant_suspended");
  await one.waf.tenants.resume("acme", { by });
  expect((await two.exchange("mary")).status).toBe(200);
});

test("a tenant, a logout and an end of assignment of one portal are known to the other", async () => {
  const [one, two] = await pair();
  const revocations = revocationsOf(two);
  const desk = await one.exchange("mary", { web_session: "desk" });
  const phone = await two.exchange("mary", { web_session: "phone" });
  await one.revoke(desk.body.refresh_token);
  await two.waf.notice();
  expect(revocations).toMatchObject([{ sessionId: claimsOf(desk.body.access_token).sid }]);
  expect(two.waf.isRevoked(sessionOf(phone.body.access_token))).toBe(false);
  await one.waf.endAssignment(phone.body.ims.impu, "left", by);
  await two.waf.notice();
  expect(two.waf.isRevoked(sessionOf(phone.body.access_token))).toBe(true);
  await one.waf.tenants.create(
    { ...acme, id: "third", clients: [{ ...acme.clients[0], clientId: "t" }], blocks: [] },
    { by },
  );
  expect((await two.waf.tenants.list()).map(({ id }) => id)).toEqual(["acme", "other", "third"]);
});

test("the sessions of a tenant end at the moment its contract ends, though nobody asks", async () => {
  const timers: (() => void)[] = [];
  const until = "2027-03-01T10:00:00Z";
  const world = await open({
    tenants: [{ ...acme, contract: { until } }, other],
    setTimer: (_, fire) => {
      timers.push(fire);
      return () => undefined;
    },
  });
  const { body } = await world.exchange("mary");
  const revocations = revocationsOf(world);
  world.now = Date.parse(until) - 1;
  await world.waf.notice();
  expect(revocations).toEqual([]);
  world.now = Date.parse(until);
  const told = new Promise((resolve) => world.waf.onRevoked(resolve));
  timers.at(-1)?.();
  await told;
  expect(revocations).toEqual([{ tenant: "acme", reason: "contract_ended" }]);
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect(await world.waf.tenants.get("acme")).toMatchObject({ standing: "contract_ended" });
});
