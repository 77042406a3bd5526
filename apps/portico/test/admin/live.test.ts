import { expect, test, vi } from "vitest";
import { call, registration, Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 60_000 });

test("ADM-06a live registrations are listed by tenant, node and identity, page by page", async () => {
  const rig = await Rig.open();
  for (let n = 0; n < 7; n += 1) {
    const id = `r${n}`;
    const more = { impu: `sip:u000${n}@acme.ims.test` };
    rig.node.registered.set(id, registration(id, n % 2 === 0 ? "acme" : "other", more));
  }
  const list = async (query: string, key = rig.operator) =>
    (await rig.ask("GET", `/registrations${query}`, { key })).body;
  const first = await list("?limit=3");
  expect(first.items?.map((one) => one["id"])).toEqual(["r0", "r1", "r2"]);
  const rest = await list(`?cursor=${first.nextCursor}`);
  expect(rest.items?.map((one) => one["id"])).toEqual(["r3", "r4", "r5", "r6"]);
  expect((await list("?tenant=other")).items?.length).toBe(3);
  expect((await list("?node=127.0.0.1:5060")).items).toHaveLength(7);
  expect((await list("?node=192.0.2.9:5060")).items).toEqual([]);
  expect((await list("?impu=sip:u0002@acme.ims.test")).items?.map((one) => one["id"])).toEqual(["r2"]);
  expect(first.items?.[0]).toMatchObject({ lease: "lease-of-r0", network: { impi: "u0001.acme@ims.test" } });
  const mine = (await list("", await rig.keyOf("tenant-admin"))).items ?? [];
  expect(mine.map((one) => [one["id"], "network" in one])).toEqual([
    ["r0", false],
    ["r2", false],
    ["r4", false],
    ["r6", false],
  ]);
});

test("ADM-06b a registration is ended and a call released by hand, each by the tenant it belongs to", async () => {
  const rig = await Rig.open();
  rig.node.registered.set("r1", registration("r1", "acme"));
  rig.node.calls.set("c1", call("c1", "acme"));
  const stranger = { key: await rig.keyOf("tenant-admin", { tenant: "other" }) };
  const owner = { key: await rig.keyOf("tenant-admin") };
  for (const path of ["/registrations/r1", "/sessions/c1"]) {
    expect((await rig.ask("DELETE", path, stranger)).status).toBe(404);
  }
  expect(rig.node.counts).toMatchObject({ registrations: 1, sessions: 1 });
  expect((await rig.ask("DELETE", "/registrations/r1", owner)).body).toEqual({ confirmed: true });
  expect((await rig.ask("DELETE", "/sessions/c1", owner)).status).toBe(204);
  expect(rig.node.counts).toMatchObject({ registrations: 0, sessions: 0 });
  expect((await rig.ask("DELETE", "/sessions/c1", owner)).status).toBe(404);
});

test("ADM-06c the audit is searched, exported, signed and verified over the API; a rewritten end is found", async () => {
  const rig = await Rig.open();
  for (const reason of ["a", "b"]) {
    await rig.ask("POST", "/tenants/acme/suspend", { body: { reason } });
    await rig.ask("POST", "/tenants/acme/resume", { body: {} });
  }
  const { items: found = [] } = (await rig.ask("GET", "/audit?tenant=acme&action=tenant.suspend")).body;
  expect(found.map((one) => one["detail"])).toEqual([{ reason: "b" }, { reason: "a" }]);
  const signed = await rig.ask("GET", "/audit/checkpoints");
  const checkpoints = signed.body.items ?? [];
  expect(signed.body["publicKey"]).toMatchObject({ kty: "OKP", crv: "Ed25519" });
  const verify = async (some: unknown[], key = rig.operator) =>
    (await rig.ask("POST", "/audit/verify", { key, body: { checkpoints: some } })).body;
  expect(await verify(checkpoints)).toMatchObject({ valid: true, faults: [] });
  const acme = checkpoints.find((one) => one["tenant"] === "acme") ?? {};
  const forged = { ...acme, seq: Number(acme["seq"]) + 5 };
  expect(await verify([forged])).toMatchObject({ valid: false, faults: [{ tenant: "acme", what: "signature" }] });
  expect(await verify([], await rig.keyOf("tenant-admin"))).toMatchObject({ valid: true, chains: 1 });
  const lines = (await rig.ask("GET", "/audit/export?tenant=acme")).text.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line).seq)).toEqual(lines.map((_, n) => n + 1));
});
