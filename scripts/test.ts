import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReport, resultsFile } from "./conformance.ts";
import { countTests, readResults } from "./conformance/results.ts";
import { needPackages } from "../tests/support/packages.ts";

// Filters and flags go to vitest. Only a run of the whole suite may speak for conformance, so only it writes the results
// that `npm run conformance` reads.
const args = process.argv.slice(2);
const whole = args.length === 0;
const output = whole ? resultsFile : ".cache/test-results.partial.json";

// Before the tests, since those of several files would want the package manager at once.
const components = [
  "chromium",
  "openssl",
  "curl",
  "kamailio",
  "kamailio-ims-modules",
  "kamailio-presence-modules",
  "kamailio-tls-modules",
  "baresip-core",
  "postgresql",
  "redis-server",
];
if (whole) needPackages(components);

mkdirSync(".cache", { recursive: true });
rmSync(output, { force: true });
const vitest = [
  "node_modules/vitest/vitest.mjs",
  "run",
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${output}`,
];
// One folder for all that tests put aside, gone at the end of the run however they end. Servers that tests start as
// another user must get through it.
const temporary = mkdtempSync(join(tmpdir(), "portico-test-"));
chmodSync(temporary, 0o711);
process.on("exit", () => rmSync(temporary, { recursive: true, force: true }));
const child = spawn(process.execPath, [...vitest, ...args], {
  stdio: "inherit",
  env: { ...process.env, TMPDIR: temporary },
});
// bin/run.cjs hands a signal to us alone; vitest is to end with us.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill("SIGTERM"));
const code = await new Promise<number>((resolve) => void child.on("close", (status) => resolve(status ?? 1)));

const results = existsSync(output)
  ? readResults(readFileSync(output, "utf8"), process.cwd())
  : [{ file: "vitest", title: "gave no results", status: "failed" as const }];
const skipped = results.filter((test) => test.status === "skipped");
const failed = code !== 0 || results.some((test) => test.status === "failed");

const complaints: string[] = [];
if (failed && !results.some((test) => test.status === "failed")) complaints.push(`vitest ended with code ${code}`);
if (!failed && whole) complaints.push(...checkReport(results));
if (process.env["CI"] === "true" && skipped.length > 0) complaints.push("in CI no test may be skipped");

for (const test of skipped) console.log(`skipped: ${test.file}: ${test.title}`);
// On the same stream as the counts, which must come last.
for (const complaint of complaints) console.log(complaint);
process.exitCode = failed || complaints.length > 0 ? 1 : 0;
console.log(countTests(results));
