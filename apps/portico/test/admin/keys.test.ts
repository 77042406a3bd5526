import { expect, test, vi } from "vitest";
import { Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 60_000 });

test("ADM-06d an API key works from its making to its revocation; its secret is shown once and kept nowhere", async () => {
  const rig = await Rig.open();
  const headers = { "idempotency-key": "k-1" };
  const body = { name: "nightly report", role: "auditor" };
  const made = await rig.ask("POST", "/api-keys", { body, headers });
  const { secret: key = "", id = "" } = made.body;
  expect([made.status, made.headers.get("location")]).toEqual([201, `/admin/v1/api-keys/${id}`]);
  expect((await rig.ask("GET", "/me", { key })).body).toMatchObject({ actor: `key:${id}`, role: "auditor" });
  const repeated = await rig.ask("POST", "/api-keys", { body, headers });
  expect(repeated.body).toMatchObject({ id, name: "nightly report" });
  const kept = [
    repeated,
    await rig.ask("GET", "/api-keys"),
    await rig.ask("GET", `/api-keys/${id}`),
    await rig.ask("GET", "/audit/export"),
  ];
  const rows = JSON.stringify([
    await rig.store.apiKeys.all(),
    await rig.store.idempotency.claim(`key:${rig.operator.split("_")[1]}`, "k-1", "x", 1),
  ]);
  const secretPart = key.split("_")[2] ?? "none";
  expect([...kept.map(({ text }) => text), rows].filter((text) => text.includes(secretPart))).toEqual([]);
  expect((await rig.ask("GET", `/api-keys/${id}`)).body).toMatchObject({
    state: "live",
    lastUsedAt: expect.any(String),
  });
  expect((await rig.ask("DELETE", `/api-keys/${id}`)).status).toBe(204);
  expect((await rig.ask("DELETE", `/api-keys/${id}`)).status).toBe(204);
  expect((await rig.ask("GET", "/me", { key })).status).toBe(401);
  const trail = (await rig.ask("GET", `/audit?subject=${id}`)).body.items ?? [];
  expect(trail.map((one) => one["action"])).toEqual(["apiKey.revoke", "apiKey.create"]);
});

test("a tenant's administrator makes keys of its own tenant and role, which do not outlive its own", async () => {
  const rig = await Rig.open();
  const expiresAt = rig.now + 3_600_000;
  const key = await rig.keyOf("tenant-admin", { expiresAt });
  const make = (body: object) => rig.ask("POST", "/api-keys", { key, body: { name: "n", ...body } });
  expect((await make({ role: "operator" })).body.code).toBe("role_refused");
  expect((await make({ role: "auditor" })).body.code).toBe("role_refused");
  expect((await make({ role: "tenant-admin" })).body.code).toBe("role_refused");
  expect((await make({ role: "tenant-admin", tenant: "other" })).body.code).toBe("role_refused");
  const made = await make({ role: "tenant-admin", tenant: "acme", expiresAt: "2099-01-01T00:00:00Z" });
  expect(made.body).toMatchObject({ tenant: "acme", expiresAt: new Date(expiresAt).toISOString() });
  const nonsense = await rig.ask("POST", "/api-keys", { body: { name: "n", role: "operator", tenant: "acme" } });
  expect(nonsense.body.code).toBe("unusable");
});

test("lists go on where their page ended, and take no cursor that is not theirs", async () => {
  const rig = await Rig.open();
  for (let n = 0; n < 5; n += 1) await rig.keyOf("auditor");
  const seen: unknown[] = [];
  let cursor: string | undefined;
  do {
    const { body } = await rig.ask("GET", `/api-keys?limit=2${cursor === undefined ? "" : `&cursor=${cursor}`}`);
    seen.push(...(body.items ?? []).map((one) => one["id"]));
    cursor = body.nextCursor;
  } while (cursor !== undefined);
  expect([seen.length, new Set(seen).size]).toEqual([6, 6]);
  const { nextCursor = "" } = (await rig.ask("GET", "/api-keys?limit=1")).body;
  for (const bad of [`${nextCursor}x`.slice(2), "e30", Buffer.from('["api-keys",1]').toString("base64url"), "%00"]) {
    expect((await rig.ask("GET", `/api-keys?cursor=${bad}`)).body.code).toBe("cursor_invalid");
  }
  expect((await rig.ask("GET", `/tenants?cursor=${nextCursor}`)).body.code).toBe("cursor_invalid");
});
