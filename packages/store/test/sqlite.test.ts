import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { backup, openStore, type StoreTarget } from "../src/index.ts";
import { backupTests } from "./conformance/backup.ts";
import { conformanceTests } from "./conformance/index.ts";

/** A file that is not there yet. */
async function newFile(): Promise<StoreTarget> {
  const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return { sqlite: join(folder, "waf.db") };
}

describe("SQLite", () => {
  conformanceTests(() => openStore({ sqlite: ":memory:" }));
  describe("backup", () => {
    backupTests(newFile, newFile);

    test("a file that is not there is not made by asking for its backup", async () => {
      const target = await newFile();
      await expect(backup(target, "/nowhere/at/all")).rejects.toMatchObject({ code: "store/open" });
      await expect(backup(target, "/nowhere/at/all")).rejects.toMatchObject({ code: "store/open" });
    });
  });
});
