import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { newFolder } from "../support/command.ts";

const launcher = fileURLToPath(new URL("../../../../bin/portico.cjs", import.meta.url));

test(
  "the command runs from any folder, by the launcher, and takes the configuration of that folder",
  { timeout: 120_000 },
  () => {
    const folder = newFolder();
    const started = (...words: string[]) =>
      spawnSync(process.execPath, [launcher, ...words], { cwd: folder, encoding: "utf8" });
    expect(started("init", "--yes").stdout).toContain("portico serve\n");
    expect(started("check-config")).toMatchObject({ status: 0, stderr: "" });
  },
);
