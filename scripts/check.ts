import { spawn } from "node:child_process";

/** Every check of `npm run check`, one line each; what a failed one said follows its line, and the figures of our own. */
const checks = {
  types: "tsc -b --pretty",
  lint: "oxlint --type-aware --deny-warnings",
  format: "oxfmt --check .",
  floors: "depcruise packages apps tests",
  unused: "knip --no-progress --treat-config-hints-as-errors",
  lockfile: "node scripts/checkLock.ts",
  examples: "node scripts/checkExamples.ts",
  bundle: "node scripts/checkBundle.ts",
};

let failed = 0;
for (const [name, command] of Object.entries(checks)) {
  const start = performance.now();
  const { code, said } = await run(command);
  console.log(
    `${code === 0 ? "ok    " : "FAILED"} ${name.padEnd(9)} ${((performance.now() - start) / 1000).toFixed(1)} s`,
  );
  if (code !== 0) console.log(said);
  else if (command.startsWith("node ") && said !== "") console.log(`         ${said.trimEnd().split("\n").at(-1)}`);
  failed += code === 0 ? 0 : 1;
}
process.exitCode = failed === 0 ? 0 : 1;

function run(command: string): Promise<{ code: number; said: string }> {
  const child = spawn(command, { shell: true, stdio: ["ignore", "pipe", "pipe"] });
  const parts: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => parts.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => parts.push(bytes));
  return new Promise((resolve) => {
    child.on("close", (code) => resolve({ code: code ?? 1, said: Buffer.concat(parts).toString() }));
  });
}
