import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

// `npm test` and `npm run conformance` themselves, in a repository of their own.
/** Of some runs of vitest, each with a start of its own. */
const timeout = 120_000;
const id = "AB-CD-01";
const requirements = `## Section\n\n| ${id} | one thing | - | D | must |\n`;
let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "portico-test-"));
  await symlink(resolve("node_modules"), join(root, "node_modules"), "junction");
  await mkdir(join(root, "docs"));
  await writeFile(join(root, "docs/requirements.md"), requirements);
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run(
  script: string,
  args: string[] = [],
  ci = "",
): Promise<{ code: number | null; said: string; last: string }> {
  const env = { PATH: process.env["PATH"] ?? "", CI: ci, NO_COLOR: "1" };
  const child = spawn(process.execPath, [resolve("scripts", script), ...args], { cwd: root, env });
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  const code = await new Promise<number | null>((done) => void child.on("close", done));
  return { code, said, last: said.trimEnd().split("\n").at(-1) ?? "" };
}

function writeTests(name: string, ...tests: string[]): Promise<void> {
  return writeFile(join(root, `${name}.test.ts`), ['import { expect, test } from "vitest";', ...tests, ""].join("\n"));
}

const passing = `test("${id} works", () => { expect(1).toBe(1); });`;
const failing = `test("other", () => { expect(1).toBe(2); });`;
const skipping = `test.skip("needs a core", () => { expect(1).toBe(1); });`;

test("a whole run demands a current report, and is content once it is written", { timeout }, async () => {
  await writeTests("a", passing, skipping);
  const stale = await run("test.ts");
  expect(stale).toMatchObject({ code: 1, last: "1 passed, 0 failed, 1 skipped" });
  expect(stale.said).toContain("run npm run conformance and commit docs/conformance.md");
  expect(await run("conformance.ts", ["--check"])).toMatchObject({ code: 1 });

  expect(await run("conformance.ts")).toMatchObject({
    code: 0,
    said: expect.stringContaining("must: 1 of 1 done") as string,
  });
  expect(await readFile(join(root, "docs/conformance.md"), "utf8")).toContain(`| ${id} | must | done |`);
  expect(await run("conformance.ts", ["--check"])).toMatchObject({ code: 0, said: "" });
  const rows: unknown = JSON.parse((await run("conformance.ts", ["--json"])).said);
  expect(rows).toMatchObject([
    { id, prio: "must", state: "done", tests: [{ file: "a.test.ts", title: `${id} works` }] },
  ]);

  const current = await run("test.ts");
  expect(current).toMatchObject({ code: 0, last: "1 passed, 0 failed, 1 skipped" });
  expect(current.said).toContain("skipped: a.test.ts: needs a core");
  expect(await run("test.ts", [], "true")).toMatchObject({ code: 1, last: "1 passed, 0 failed, 1 skipped" });
});

test("a filtered run leaves the results of the whole one alone", { timeout }, async () => {
  await writeTests("a", passing);
  await writeTests("b", failing);
  expect(await run("test.ts", ["a.test.ts"])).toMatchObject({ code: 0, last: "1 passed, 0 failed, 0 skipped" });
  expect(await run("conformance.ts")).toMatchObject({
    code: 1,
    said: expect.stringContaining("run npm test first") as string,
  });
  expect(await run("test.ts")).toMatchObject({ code: 1, last: "1 passed, 1 failed, 0 skipped" });
});

test("a file that does not load and an error outside of tests fail the run", { timeout }, async () => {
  await writeTests("a", passing);
  await writeTests("b", 'throw new Error("at load");');
  expect(await run("test.ts")).toMatchObject({ code: 1, last: "1 passed, 1 failed, 0 skipped" });
  await writeTests(
    "b",
    'test("leaves", () => { setTimeout(() => { throw new Error("late"); }); return new Promise((done) => setTimeout(done, 20)); });',
  );
  const late = await run("test.ts");
  expect(late).toMatchObject({ code: 1, last: "2 passed, 0 failed, 0 skipped" });
  expect(late.said).toContain("vitest ended with code 1");
});
