import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@portico/store";
import { expect, onTestFinished, test, vi } from "vitest";
import { CallRecords } from "../../src/callRecords.ts";

vi.setConfig({ testTimeout: 60_000 });

const node = "192.0.2.1:5060";
const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };

/** Runs a node that answers calls, and kills it once it has answered some. @returns the calls it said it answered */
async function killedNode(file: string, run: string, answers: number): Promise<string[]> {
  const script = new URL("../support/answeringCalls.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, ["--conditions=source", script, file, run], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    if (said.split("\n").length > answers) child.kill("SIGKILL");
  });
  await once(child, "close");
  // What was cut in the middle of its line was not said.
  return said.split("\n").slice(0, -1);
}

test("CHG-02a CHG-03 a call that was answered is in the records whatever kills the node, and ends and is charged once after", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-calls-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "portal.sqlite");
  const said: string[] = [];
  for (const [n, answers] of [3, 17, 40].entries()) said.push(...(await killedNode(file, `run${n}`, answers)));
  expect(said.length).toBeGreaterThanOrEqual(60);
  const store = await openStore({ sqlite: file });
  onTestFinished(() => store.close());
  for (let start = 0; start < 2; start += 1) {
    const records = new CallRecords(store, quiet, Date.now);
    await records.begin(node, Date.now() + 1);
    await records.close();
  }
  const kept = await store.calls.page({ tenant: "acme" }, 10_000);
  const ids = new Set(kept.map(({ id }) => id));
  expect(said.filter((id) => !ids.has(id))).toEqual([]);
  expect(kept.filter(({ endedBy, endedAt }) => endedBy !== "interrupted" || endedAt === undefined)).toEqual([]);
  const days = await store.usage.between({ from: "2000-01-01", until: "2100-01-01" });
  expect(days.reduce((sum, { calls }) => sum + calls, 0)).toBe(kept.length);
});
