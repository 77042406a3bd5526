import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { openStore } from "../src/index.ts";
import { expectForward, histories } from "./histories.ts";

let newest: unknown;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
  const path = join(folder, "new.db");
  await (await openStore({ sqlite: path })).close();
  newest = within(path, shape);
  rmSync(folder, { recursive: true });
});

test.each(histories.map((history): [string, readonly string[]] => [history.join(" "), history]))(
  "a database that has been through %s is brought up to date with all its rows, to the tables of a new one",
  async (_, history) => {
    const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "old.db");
    await expectForward({ sqlite: path }, history, (sql) => within(path, (raw) => raw.exec(sql)));
    expect(within(path, shape)).toEqual(newest);
  },
);

test("a database that a newer release has changed, before or after what is known here, is left alone with its own error", async () => {
  for (const name of ["045-unknown", "999-later"]) {
    const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "waf.db");
    await (await openStore({ sqlite: path })).close();
    const before = within(path, (raw) => {
      raw.exec(`insert into kysely_migration values ('${name}', '2030-01-01')`);
      return shape(raw);
    });
    await expect(openStore({ sqlite: path })).rejects.toMatchObject({
      code: "store/newer",
      message: expect.stringContaining(name),
      remedy: expect.stringContaining("release"),
    });
    expect(within(path, shape)).toEqual(before);
  }
});

function within<T>(path: string, work: (raw: DatabaseSync) => T): T {
  const raw = new DatabaseSync(path);
  try {
    return work(raw);
  } finally {
    raw.close();
  }
}

/** Columns of each table, in whatever order they came, and indexes. */
function shape(raw: DatabaseSync): unknown {
  const tables = raw.prepare("select name from sqlite_master where type = 'table' order by name").all();
  return {
    tables: tables.map(({ name }) => [
      name,
      raw.prepare(`select name, type, "notnull", pk from pragma_table_info('${String(name)}') order by name`).all(),
    ]),
    indexes: raw.prepare("select name, sql from sqlite_master where type = 'index' order by name").all(),
  };
}
