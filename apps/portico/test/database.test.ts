import { generateKeyPairSync } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { type Checkpoint, makeCheckpoint, openStore } from "@portico/store";
import { expect, test, vi } from "vitest";
import { good } from "./goodConfig.ts";
import { newFolder, portico } from "./support/command.ts";

vi.setConfig({ testTimeout: 30_000 });

test("a backup is written, restored into an empty database alone, and its audit verifies", async () => {
  const folder = newFolder();
  const [first, second] = [join(folder, "first.yaml"), join(folder, "second.yaml")];
  writeFileSync(first, `${good}\ndatabase: { sqlite: first.sqlite }`);
  writeFileSync(second, `${good}\ndatabase: { sqlite: second.sqlite }`);
  const store = await openStore({ sqlite: join(folder, "first.sqlite") });
  await store.audit.append({
    tenant: "acme",
    at: 1,
    actor: "key:a",
    action: "tenant.create",
    subject: "acme",
    detail: {},
  });
  await store.close();
  const file = join(folder, "backup.jsonl");
  const written = await portico("backup", file, "--config", first);
  expect(written).toMatchObject({ code: 0, err: "" });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect((await portico("restore", file, "--config", first)).code).toBe(1);
  expect((await portico("restore", file, "--config", second)).code).toBe(0);
  expect((await portico("verify-audit", "--config", second)).out).toMatch(
    /^ok 1 records in \d+ chains are as they were written\n$/,
  );
});

test("ADM-06c checkpoints that were kept elsewhere show an end of the audit that was cut off, which the audit alone does not", async () => {
  const folder = newFolder();
  const config = join(folder, "portal.yaml");
  writeFileSync(config, `${good}\ndatabase: { sqlite: portal.sqlite }`);
  const path = join(folder, "portal.sqlite");
  const store = await openStore({ sqlite: path });
  for (const subject of ["a", "b", "c"]) {
    await store.audit.append({ tenant: "acme", at: 1, actor: "key:a", action: "tenant.create", subject, detail: {} });
  }
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const items = (await store.audit.heads()).map((head) => makeCheckpoint(head, 1_800_000_000_000, privateKey));
  await store.close();
  const kept = join(folder, "checkpoints.json");
  writeFileSync(kept, JSON.stringify({ items: items.map(asPrinted), publicKey: publicKey.export({ format: "jwk" }) }));
  const verify = (...more: string[]) => portico("verify-audit", "--config", config, ...more);
  expect((await verify("--checkpoints", kept)).out).toBe(
    "ok 3 records in 1 chains are as they were written, and agree with 1 checkpoints\n",
  );

  const raw = new DatabaseSync(path);
  raw.exec(
    `delete from audit where seq = 3; update audit_head set seq = 2, hash = (select hash from audit where seq = 2)`,
  );
  raw.close();
  expect((await verify()).code).toBe(0);
  expect(await verify("--checkpoints", kept)).toMatchObject({
    code: 1,
    err: expect.stringContaining("acme, record 3: truncated"),
  });
  writeFileSync(kept, "[]");
  expect(await verify("--checkpoints", kept)).toMatchObject({
    code: 2,
    err: expect.stringContaining("holds no checkpoints"),
  });
});

const asPrinted = ({ tenant, seq, hash, at, signature }: Checkpoint) => ({
  tenant,
  seq,
  hash,
  at: new Date(at).toISOString(),
  signature,
});
