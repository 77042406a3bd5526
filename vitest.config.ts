import { configDefaults, defineConfig } from "vitest/config";
import { defaultClientConditions, defaultServerConditions } from "vite";

const conditions = {
  resolve: { conditions: ["source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["source", ...defaultServerConditions] } },
};

/** A bound on hanging, not on speed: machines are shared. What a test waits for mostly comes at once. */
const waiting = { expect: { poll: { timeout: 15_000, interval: 10 } } };

/** Tests of one room that need a browser, a server or processes of their own. */
const heavyTests = [
  "apps/acme/test/page.test.ts",
  "packages/agw/test/chromium.test.ts",
  "packages/{store,waf}/test/servers/*.test.ts",
  "{packages,apps}/*/test/processes/*.test.ts",
  "scripts/test/processes/*.test.ts",
];

/** Two projects: `unit` runs side by side, `e2e` one file at a time, since its files share ports, ears and a browser. */
export default defineConfig({
  test: {
    projects: [
      {
        ...conditions,
        test: {
          name: "unit",
          // Half of the time went into starting processes and into the same imports again: files share those of a worker,
          // and so leave nothing behind in it.
          isolate: false,
          maxWorkers: 3,
          include: ["{packages,apps}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...heavyTests],
          execArgv: ["--conditions=source"],
          testTimeout: 20_000,
          ...waiting,
        },
      },
      {
        ...conditions,
        test: {
          name: "e2e",
          include: ["tests/**/*.test.ts", ...heavyTests],
          execArgv: ["--conditions=source"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          ...waiting,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
