import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const runner = fileURLToPath(new URL("../../../../bin/run.cjs", import.meta.url));

/** Runs the runner in a checkout of its own, as if the Node of this machine had a certain version. */
function run(version: string, installed: boolean, ...command: string[]): { status: number | null; said: string } {
  const root = mkdtempSync(join(tmpdir(), "portico-run-"));
  onTestFinished(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "bin"));
  copyFileSync(runner, join(root, "bin/run.cjs"));
  if (installed) {
    mkdirSync(join(root, "node_modules"));
    writeFileSync(join(root, "node_modules/.package-lock.json"), "{}");
  }
  const pretend = join(root, "version.cjs");
  writeFileSync(
    pretend,
    `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });
     Object.defineProperty(process, "version", { value: "v${version}" });`,
  );
  const { status, stderr } = spawnSync(process.execPath, ["-r", pretend, join(root, "bin/run.cjs"), ...command], {
    encoding: "utf8",
  });
  return { status, said: stderr };
}

test("without an installation the runner says what to do, in one line", () => {
  expect(run("20.20.2", false, "vitest")).toEqual({
    status: 1,
    said: "portico: nothing is installed yet; run npm ci.\n",
  });
  expect(run("26.10.0", false, "no-such-tool")).toEqual({
    status: 1,
    said: "portico: no tool is called no-such-tool; run npm ci if nothing is installed yet.\n",
  });
});

test("an old Node on a platform that npm has none for is refused with the version it takes", () => {
  for (const version of ["20.20.2", "24.10.0"]) {
    const { status, said } = run(version, true, "vitest");
    expect(status).toBe(1);
    expect(said).toMatch(
      new RegExp(`^portico: needs Node 24\\.11 or newer; this is v${version}, .*nodejs\\.org\\.\n$`),
    );
  }
  expect(run("24.11.0", true, "node", "--version").status).toBe(0);
});

test("a runner without a command says how it is used", () => {
  expect(run("26.10.0", true)).toEqual({
    status: 1,
    said: "portico: name a command: node bin/run.cjs [--install] [--here] COMMAND [ARGUMENT ...]\n",
  });
});
