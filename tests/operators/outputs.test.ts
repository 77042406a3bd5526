import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { Rig } from "../../apps/portico/test/admin/rig.ts";
import { good } from "../../apps/portico/test/goodConfig.ts";
import { newFolder, portico } from "../../apps/portico/test/support/command.ts";

vi.setConfig({ testTimeout: 120_000 });

const main = fileURLToPath(new URL("../../apps/portico/src/main.ts", import.meta.url));

/** Shell words for the real command. */
const command = `'${process.execPath}' --conditions=source '${main}'`;

/** A running Admin API with a block of 2000 identities more, and the words that reach it. */
async function open() {
  const rig = await Rig.open();
  const folder = newFolder();
  const keyFile = join(folder, "key");
  writeFileSync(keyFile, rig.operator);
  const { document, version } = await rig.waf.tenants.get("acme");
  const lent = { id: "lent", domain: "lent.ims.test", assignment: "sticky" as const, quarantineSeconds: 0 };
  await rig.waf.tenants.replace("acme", { ...document, blocks: [...document.blocks, lent] }, { by: "test", version });
  return { rig, folder, at: ["--url", rig.url, "--key-file", keyFile] };
}

function csv(folder: string, count: number): string {
  const file = join(folder, "entries.csv");
  writeFileSync(file, ["impu", ...Array.from({ length: count }, (_, n) => `sip:n${n}@lent.ims.test`)].join("\n"));
  return file;
}

/** @returns how a program ended, and what it said */
async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ["", ""];
  child.stdout?.on("data", (bytes: Buffer) => (out += bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => (err += bytes.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

test("a list that is cut short by head ends with 0 and without a word", async () => {
  const { folder, at } = await open();
  await portico("block", "import", "acme", "lent", csv(folder, 2000), ...at);
  const words = ["block", "export", "acme", ...at].map((word) => `'${word}'`).join(" ");
  // More than a pipe holds, so that the command writes to a reader that is gone.
  const whole = await ended(spawn("bash", ["-c", `${command} ${words}`]));
  expect(whole.out.length).toBeGreaterThan(200_000);
  const cut = await ended(spawn("bash", ["-c", `${command} ${words} | head -n 1; echo "\${PIPESTATUS[0]}"`]));
  expect(cut).toEqual({ code: 0, out: `${whole.out.split("\n")[0]}\n0\n`, err: "" });
});

test("what a command does is done to its end, though nobody reads how far it is", async () => {
  const { rig, folder, at } = await open();
  const words = ["--conditions=source", main, "block", "import", "acme", "lent", csv(folder, 12_000), ...at];
  const child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "pipe"] });
  child.stderr.destroy();
  expect(await ended(child)).toMatchObject({ code: 0, out: "ok 12000 identities added\n" });
  expect((await rig.store.blocks.count("acme", rig.now)).size).toBe(12_200);
});

test("a result that does not fit on the disk is not taken for one: the command says so and fails", async () => {
  const { at } = await open();
  const words = ["audit", "checkpoints", ...at].map((word) => `'${word}'`).join(" ");
  const { code, err } = await ended(spawn("bash", ["-c", `${command} ${words} > /dev/full`]));
  expect(code).toBe(1);
  expect(err).toMatch(/^portico: the result could not be written: ENOSPC.*\n {2}Make room, or write it elsewhere\.\n$/);
});

test("a portal serves and ends as it should, though its log goes to a full disk and nobody reads its output", async () => {
  const folder = newFolder();
  const file = join(folder, "portal.yaml");
  const source = good.replace("https://portal.example", "http://127.0.0.1:0");
  writeFileSync(file, source);
  const full = openSync("/dev/full", "w");
  onTestFinished(() => closeSync(full));
  const child = spawn(process.execPath, ["--conditions=source", main, "serve", file], {
    stdio: ["ignore", "pipe", full],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exit = once(child, "exit");
  const [ready] = (await once(child.stdout!, "data")) as [Buffer];
  child.stdout!.destroy();
  const url = /portal ready (\S+)/.exec(ready.toString())?.[1] ?? "";
  // Each failed reload is an alarm, and alarms are written at once.
  writeFileSync(file, source.replace("graceSeconds: 32", "graceSeconds: never"));
  for (let n = 0; n < 5; n += 1) {
    child.kill("SIGHUP");
    expect((await portico("reload", file)).code).toBe(3);
  }
  writeFileSync(file, source);
  for (let n = 0; n < 5; n += 1) expect((await portico("reload", file)).code).toBe(0);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
});
