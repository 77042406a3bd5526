import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { good } from "../goodConfig.ts";
import { newFolder, portico } from "../support/command.ts";

vi.setConfig({ testTimeout: 120_000 });

test("ADM-08b a running portal reads its configuration again by command and by SIGHUP, and keeps the old one when it is wrong", async () => {
  const folder = newFolder();
  const file = join(folder, "portal.yaml");
  const source = good.replace("https://portal.example", "http://127.0.0.1:0");
  writeFileSync(file, source);
  const lines: string[] = [];
  const child = spawn(
    process.execPath,
    ["--conditions=source", fileURLToPath(new URL("../../src/main.ts", import.meta.url)), "serve", file],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  onTestFinished(() => void child.kill("SIGKILL"));
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  const said = async (text: string): Promise<void> => {
    await expect.poll(() => lines.join("\n"), { timeout: 90_000 }).toContain(text);
  };
  await said("portal ready");

  writeFileSync(file, `${source}\nlog: { level: warn }`.replace("graceSeconds: 32", "graceSeconds: 9"));
  const { code, out } = await portico("reload", file);
  expect({ code, out }).toEqual({ code: 0, out: "applied log.level\nneeds a restart graceSeconds\n" });
  writeFileSync(file, source.replace("graceSeconds: 32", "graceSeconds: never"));
  expect((await portico("reload", file)).code).toBe(3);
  child.kill("SIGHUP");
  await said("config.not-reloaded");
  expect(lines.join("\n")).toContain("graceSeconds is no whole number");
  writeFileSync(file, source);
  child.kill("SIGHUP");
  await said('"msg":"config.reloaded"');

  child.kill("SIGTERM");
  await once(child, "exit");
  const gone = await portico("reload", file);
  expect(gone.code).toBe(4);
  expect(gone.err).toContain("portico serve");
  expect(readFileSync(file, "utf8")).toBe(source);
});
