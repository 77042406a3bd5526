import { configDefaults, defineConfig } from "vitest/config";
import { defaultClientConditions, defaultServerConditions } from "vite";

const conditions = {
  resolve: { conditions: ["source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["source", ...defaultServerConditions] } },
};

/** Tests of one room that need a browser or a server. */
const heavyTests = [
  "apps/acme/test/page.test.ts",
  "packages/agw/test/chromium.test.ts",
  "packages/{store,waf}/test/servers/*.test.ts",
];

/** Two projects: `unit` runs side by side, `e2e` one file at a time, since its files share ports, ears and a browser. */
export default defineConfig({
  test: {
    maxWorkers: 3,
    projects: [
      {
        ...conditions,
        test: {
          name: "unit",
          include: ["{packages,apps}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...heavyTests],
          execArgv: ["--conditions=source"],
          // A bound on hanging, not on speed: machines are shared.
          testTimeout: 20_000,
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
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
