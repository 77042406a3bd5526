import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { Company } from "./company.ts";

const main = fileURLToPath(new URL("../../apps/portico/src/main.ts", import.meta.url));

/** Runs the real command. @returns what it printed @throws Error with its exit code and what it said of the failure */
async function portico(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--conditions=source", main, ...words]);
  return stdout;
}

test("WWSF-04a WWSF-16 a backup of a portal in use, with its keys, is the same portal on another machine: holders, history and audit", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-backup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  for (const one of [first, second]) mkdirSync(join(one, "data"), { recursive: true, mode: 0o700 });
  const company = new Company(first);
  await company.run();
  const users = ["mary", "ken", "lucy", "olivia"];
  const before = new Map<string, string>();
  for (const user of users) before.set(user, (await company.pageOf(user)).impu);
  const kept = join(folder, "checkpoints.json");
  writeFileSync(kept, (await company.ask("GET", "/audit/checkpoints")).text);
  const file = join(folder, "portal.backup");
  // Others go on meanwhile.
  const [said] = await Promise.all([
    portico("backup", file, "--config", company.file),
    ...users.map((user) => company.pageOf(user)),
  ]);
  expect(said).toMatch(/^ok \d+ rows are in .*; the keys in the data folder are not: copy them as well\n$/);
  await expect(portico("restore", file, "--config", company.file)).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("A backup is restored into an empty database only"),
  });

  const moved = new Company(second, company.key);
  moved.configure({});
  for (const name of readdirSync(join(first, "data"))) {
    if (/\.(json|pem|key)$/.test(name)) copyFileSync(join(first, "data", name), join(second, "data", name));
  }
  expect(await portico("restore", file, "--config", moved.file)).toMatch(/^ok \d+ rows are restored\n$/);
  expect(await portico("verify-audit", "--config", moved.file, "--checkpoints", kept)).toMatch(/^ok .* agree with/);
  await moved.run();
  // The other way round, so that nobody has her identity by her place in the queue.
  for (const user of users.toReversed()) expect((await moved.pageOf(user)).impu).toBe(before.get(user));
  expect(moved.portal.waf.jwks).toEqual(company.portal.waf.jwks);
});
