import { spawn } from "node:child_process";
import { expect, test } from "vitest";

/** Runs some lines with a log of their own. @returns what stood on standard error at the end, and whether `seen` came before. */
async function logged(lines: string, seen?: string): Promise<string> {
  const module = new URL("../../src/log.ts", import.meta.url).href;
  const script = `import { openLog } from "${module}"; const log = openLog("info"); ${lines}`;
  const child = spawn(process.execPath, ["--conditions=source", "--input-type=module", "-e", script], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.on("data", (octets: Buffer) => {
    text += octets.toString();
    if (seen !== undefined && text.includes(seen)) child.kill("SIGKILL");
  });
  await new Promise((resolve) => child.once("close", resolve));
  return text;
}

test("what is logged just before the process exits, or fails, arrives", async () => {
  expect(await logged(`log.info("first"); log.warn("last", { count: 2 }); process.exit(0);`)).toMatch(
    /"msg":"first".*\n.*"count":2,"msg":"last"/,
  );
  expect(await logged(`log.info("before"); throw new Error("a defect");`)).toContain('"msg":"before"');
});

test("an alarm leaves at once with what waited before it", async () => {
  // The process would stay: only the line itself ends it.
  const text = await logged(`setInterval(() => 0, 1e6); log.info("before"); log.alarm("core.unreachable");`, "alarm");
  expect(text).toMatch(/"msg":"before".*\n.*"alarm":true,"msg":"core.unreachable"/);
});

test("lines leave together, and not later than after a second", async () => {
  const text = await logged(
    `setInterval(() => 0, 1e6); for (let i = 1; i < 4; i += 1) log.info("line " + i);`,
    "line 3",
  );
  expect(text.split("\n")).toHaveLength(4);
});
