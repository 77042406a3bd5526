import { defineConfig } from "vitest/config";
import { defaultClientConditions, defaultServerConditions } from "vite";

const conditions = {
  resolve: { conditions: ["source", ...defaultClientConditions] },
  ssr: { resolve: { conditions: ["source", ...defaultServerConditions] } },
};

/** Two projects: `unit` runs side by side, `e2e` one file at a time, since its files share ports, ears and a browser. */
export default defineConfig({
  test: {
    projects: [
      {
        ...conditions,
        test: {
          name: "unit",
          include: ["{packages,apps}/*/test/**/*.test.ts", "scripts/test/**/*.test.ts"],
          execArgv: ["--conditions=source"],
        },
      },
      {
        ...conditions,
        test: {
          name: "e2e",
          include: ["tests/**/*.test.ts"],
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
