import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { contend, operations, patience, type Query } from "../load/contention.ts";
import { noPostgres, PostgresServer } from "../postgresServer.ts";

test(
  `WWSF-04a ${operations} leases and releases by four processes on one SQLite file: no double holder, no lost entry`,
  { timeout: patience },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "waf.db");
    const query: Query = async (sql) => {
      const raw = new DatabaseSync(path, { readOnly: true });
      try {
        return raw.prepare(sql).all();
      } finally {
        raw.close();
      }
    };
    expect(await contend({ sqlite: path }, { processes: 4, loops: 2 }, query)).toEqual([]);
  },
);

describe.skipIf(noPostgres !== undefined)(
  `PostgreSQL${noPostgres === undefined ? "" : ` (skipped: ${noPostgres})`}`,
  () => {
    test(
      `WWSF-04a ${operations} leases and releases by eight processes on PostgreSQL: no double holder, no lost entry`,
      { timeout: patience },
      async () => {
        const server = await PostgresServer.start(false);
        onTestFinished(() => server.stop());
        const query: Query = (sql) => server.query(sql);
        expect(await contend({ postgres: server.url }, { processes: 8, loops: 2 }, query)).toEqual([]);
      },
    );
  },
);
