import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { openStore, type StoreTarget } from "../../src/index.ts";
import { faultsOf, kills, patience, type Query, size } from "../load/contention.ts";
import { fillBlock } from "../load/flow.ts";
import type { Acknowledgement } from "../load/worker.ts";
import { Worker } from "../load/workers.ts";
import { noPostgres, PostgresServer } from "../postgresServer.ts";

/** Acknowledgements between two kills. */
const some = (): number => 10 + Math.floor(Math.random() * 60);
const load = { loops: 3, users: size * 2 };

test(
  `WWSF-04a WWSF-16 a process killed ${kills} times loses nothing it has acknowledged, on SQLite`,
  { timeout: patience },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "waf.db");
    const target: StoreTarget = { sqlite: path };
    await prepare(target);
    const query: Query = async (sql) => {
      const raw = new DatabaseSync(path, { readOnly: true });
      try {
        return raw.prepare(sql).all();
      } finally {
        raw.close();
      }
    };
    const said: Acknowledgement[] = [];
    for (let kill = 0; kill < kills; kill += 1) {
      const worker = new Worker({ target, ...load });
      await worker.hasSaid(some());
      await worker.kill();
      said.push(...worker.said);
      expect(await check(target, said, query)).toEqual([]);
    }
  },
);

describe.skipIf(noPostgres !== undefined)(
  `PostgreSQL${noPostgres === undefined ? "" : ` (skipped: ${noPostgres})`}`,
  () => {
    test(
      `WWSF-04a WWSF-16 a server killed ${kills} times loses nothing it has acknowledged, and is found again`,
      { timeout: patience },
      async () => {
        const server = await PostgresServer.start();
        onTestFinished(() => server.stop());
        const target: StoreTarget = { postgres: server.url };
        await prepare(target);
        // Two of them: one that lives through all of it, and one that is killed with the server.
        const lasting = new Worker({ target, ...load });
        const said: Acknowledgement[] = [];
        for (let kill = 0; kill < kills; kill += 1) {
          const worker = new Worker({ target, ...load });
          const before = lasting.said.length;
          await Promise.all([worker.hasSaid(some()), lasting.hasSaid(before + some())]);
          await Promise.all([server.kill("SIGKILL"), worker.kill()]);
          await server.run();
          said.push(...worker.said);
        }
        await lasting.hasSaid(lasting.said.length + 10);
        await lasting.kill();
        const query: Query = (sql) => server.query(sql);
        expect(await check(target, [...said, ...lasting.said], query)).toEqual([]);
      },
    );
  },
);

async function prepare(target: StoreTarget): Promise<void> {
  const store = await openStore(target);
  await fillBlock(store, size);
  await store.close();
}

async function check(target: StoreTarget, said: readonly Acknowledgement[], query: Query): Promise<unknown[]> {
  const store = await openStore(target);
  const faults = await faultsOf(store, said, query);
  await store.close();
  return faults;
}
