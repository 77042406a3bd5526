import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "@portico/store";
import { entry } from "../../../packages/store/test/entries.ts";
import { release, take, type Use } from "../../../packages/store/test/load/flow.ts";
import { serve } from "../serve.ts";

// Process under test: a store. Argument: URL of a PostgreSQL server; none: a file of SQLite.
const [postgres] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "portico-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
const store = await openStore(postgres === undefined ? { sqlite: join(folder, "waf.db") } : { postgres });
let users = 0;

const commands = {
  /** Makes a block, half of which is held. */
  prepare: async (size: number): Promise<void> => {
    await store.blocks.add(Array.from({ length: size }, (_, n) => entry(n + 1)));
    await store.transaction(async ({ assignments }) => {
      for (let n = 1; n <= size / 2; n += 1) {
        const id = `held${n}`;
        const user = { tenant: "acme", issuer: "https://idp.acme.test", subject: id };
        await assignments.begin({ ...user, id, impu: entry(n).impu, pseudonym: id, startedAt: 0 });
      }
    });
  },
  /** Leases so often, and gives each identity back after a while. @returns the 99th percentile, milliseconds */
  run: async (count: number): Promise<number> => {
    const times: number[] = [];
    const uses: Use[] = [];
    for (let n = 0; n < count; n += 1) {
      const start = performance.now();
      const use = await take(store, `user${(users += 1)}`);
      times.push(performance.now() - start);
      if (use === undefined) throw new Error("no identity is free");
      uses.push(use);
      const oldest = uses.length > 10 ? uses.shift() : undefined;
      if (oldest !== undefined) await release(store, oldest);
    }
    for (const use of uses) await release(store, use);
    return times.toSorted((a, b) => a - b)[Math.ceil(count * 0.99) - 1] ?? Number.NaN;
  },
};
export type LeaseCommands = typeof commands;
serve(commands);
