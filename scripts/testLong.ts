import { spawnSync } from "node:child_process";

/**
 * Runs the random tests for as many rounds as asked, and those of contention and kills in full: `npm run test:long -- 100000`;
 * default 20 000.
 */
const [rounds = "20000"] = process.argv.slice(2);
if (!/^[1-9]\d{0,8}$/.test(rounds)) {
  console.error(`test:long: ${rounds} is no number of rounds; write for example npm run test:long -- 50000`);
  process.exit(1);
}
const rooms = [
  "packages/sip",
  "packages/sdp",
  "packages/wic",
  "packages/epcscf",
  "packages/store",
  "apps/portico/test/admin/fuzz",
  "apps/portico/test/config",
  "apps/portico/test/proxies",
  "tests/scale",
  "tests/kill",
];
const { status } = spawnSync(process.execPath, ["scripts/test.ts", "--testTimeout=3600000", ...rooms], {
  stdio: "inherit",
  env: { ...process.env, PORTICO_FUZZ_RUNS: rounds },
});
process.exitCode = status ?? 1;
