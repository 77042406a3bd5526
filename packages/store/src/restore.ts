import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { sql } from "kysely";
import { type BackupHeader, type BackupTable, type BackupTrailer, storedTables } from "./backup.ts";
import { connect, migrate, type StoreTarget } from "./database.ts";
import { StoreError, textOf } from "./errors.ts";
import type { Database } from "./schema.ts";

/** Rows in one statement; SQLite binds 32 766 values at most. */
const batch = 500;

/**
 * Fills an empty database of either kind with a backup, and brings its tables up to date. All of it, or nothing.
 *
 * @returns how many rows it holds
 * @throws StoreError `store/backup-file`, `store/not-empty`, `store/newer`, `store/open`, `store/unreachable`
 */
export async function restore(file: string, target: StoreTarget): Promise<number> {
  // Before anything is written: a backup that was cut off or changed is refused as a whole.
  const rows = await check(file);
  const db = connect(target, false);
  try {
    await db.transaction().execute(async (transaction) => {
      if ((await storedTables(transaction, target)).length > 0) {
        throw new StoreError("store/not-empty", "it has tables already");
      }
      await fill(transaction, file, target);
    });
    await migrate(db, target);
  } finally {
    await db.destroy();
  }
  return rows;
}

async function fill(db: Database, file: string, target: StoreTarget): Promise<void> {
  let table: BackupTable | undefined;
  let rows: unknown[][] = [];
  const insert = async (): Promise<void> => {
    if (table === undefined || rows.length === 0) return;
    const columns = sql.join(table.columns.map((column) => sql.ref(column)));
    const values = sql.join(rows.map((row) => sql`(${sql.join(row)})`));
    await sql`insert into ${sql.table(table.table)} (${columns}) values ${values}`.execute(db);
    rows = [];
  };
  for await (const line of lines(file)) {
    const value = JSON.parse(line) as BackupHeader | BackupTable | BackupTrailer | unknown[];
    if (Array.isArray(value)) {
      rows.push(value);
      if (rows.length === batch) await insert();
      continue;
    }
    await insert();
    if ("portico" in value) await migrate(db, target, [...value.migrations]);
    if ("table" in value) table = value;
  }
}

/** @returns how many rows the trailer tells */
async function check(file: string): Promise<number> {
  const refuse = (why: string): never => {
    throw new StoreError("store/backup-file", `${file}: ${why}`);
  };
  const hash = createHash("sha256");
  let last: string | undefined;
  let count = 0;
  try {
    for await (const line of lines(file)) {
      if (last === undefined && !line.startsWith('{"portico":"backup","format":1,'))
        refuse("it is no backup of this product");
      if (last !== undefined) hash.update(`${last}\n`);
      if (line.startsWith("[")) count += 1;
      last = line;
    }
  } catch (error) {
    if (error instanceof StoreError) throw error;
    refuse(textOf(error));
  }
  const [, rows, sha256] = /^\{"rows":(\d+),"sha256":"([0-9a-f]{64})"\}$/.exec(last ?? "") ?? [];
  if (sha256 === undefined) refuse("its end is missing");
  if (sha256 !== hash.digest("hex") || Number(rows) !== count) refuse("it was changed after it was written");
  return count;
}

async function* lines(file: string): AsyncGenerator<string> {
  const handle = await open(file);
  try {
    yield* handle.readLines();
  } finally {
    await handle.close();
  }
}
