import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "@portico/store";
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
  expect((await portico("verify-audit", "--config", second)).out).toMatch(/^ok 1 records in \d+ chains\n$/);
});
