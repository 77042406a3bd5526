import { createHash } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { CompiledQuery, sql } from "kysely";
import { connect, executedMigrations, mustExist, schemaOf, type StoreTarget } from "./database.ts";
import { StoreError, textOf } from "./errors.ts";
import type { Database } from "./schema.ts";

/** First line of a backup: what wrote it. */
export interface BackupHeader {
  readonly portico: "backup";
  readonly format: 1;
  /** Names of the migrations that its tables have been through. */
  readonly migrations: readonly string[];
}

/** Line before the rows of a table; each row is an array of the values of these columns. */
export interface BackupTable {
  readonly table: string;
  readonly columns: readonly string[];
}

/** Last line: rows in all, and the SHA-256 of every line before, in hexadecimal digits. */
export interface BackupTrailer {
  readonly rows: number;
  readonly sha256: string;
}

/** Rows in one read. */
const batch = 500;

/** Tables that others refer to come before those. */
const referred = ["block_entry", "assignment", "lease"];

/**
 * Writes the whole database to a file of JSON lines, as it is at one moment, while others use it. The file has mode 0600,
 * since personal data is in it, and takes the place of an older one once it is whole.
 *
 * @returns how many rows it holds
 * @throws StoreError `store/open`, `store/unreachable`, `store/backup-file`
 */
export async function backup(target: StoreTarget, file: string): Promise<number> {
  mustExist(target);
  const part = `${file}.part`;
  const handle = await open(part, "w", 0o600).catch((error: unknown) => {
    throw new StoreError("store/backup-file", textOf(error));
  });
  try {
    const rows = await writeBackup(target, handle);
    await handle.sync();
    await rename(part, file);
    return rows;
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

async function writeBackup(target: StoreTarget, handle: FileHandle): Promise<number> {
  const hash = createHash("sha256");
  const write = async (lines: readonly unknown[]): Promise<void> => {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    hash.update(text);
    await handle.write(text);
  };
  const db = connect(target, false);
  try {
    const migrations = await executedMigrations(db, target);
    if (migrations.length === 0) throw new StoreError("store/open", "there are no tables of this product");
    const rows = await db.connection().execute(async (connection) => {
      // One moment for all tables, without a lock: a snapshot of PostgreSQL, or of SQLite's write-ahead log.
      const snapshot = "sqlite" in target ? "begin" : "begin isolation level repeatable read read only";
      await connection.executeQuery(CompiledQuery.raw(snapshot));
      const header: BackupHeader = { portico: "backup", format: 1, migrations };
      await write([header]);
      const count = await writeTables(connection, target, write);
      await connection.executeQuery(CompiledQuery.raw("commit"));
      return count;
    });
    const trailer: BackupTrailer = { rows, sha256: hash.digest("hex") };
    await handle.write(`${JSON.stringify(trailer)}\n`);
    return rows;
  } finally {
    await db.destroy();
  }
}

async function writeTables(
  db: Database,
  target: StoreTarget,
  write: (lines: readonly unknown[]) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (const { table, columns } of await storedTables(db, target)) {
    await write([{ table, columns } satisfies BackupTable]);
    for await (const rows of rowsOf(db, target, table)) {
      await write(rows.map((row) => columns.map((column) => row[column])));
      count += rows.length;
    }
  }
  return count;
}

const place = (name: string): number => (referred.includes(name) ? referred.indexOf(name) : referred.length);

/** The tables there are, those that others refer to first. */
export async function storedTables(db: Database, target: StoreTarget): Promise<BackupTable[]> {
  const schema = schemaOf(target);
  const tables = (await db.introspection.getTables()).filter((table) => !table.isView && table.schema === schema);
  return tables
    .map(({ name, columns }) => ({ table: name, columns: columns.map((column) => column.name) }))
    .toSorted((a, b) => place(a.table) - place(b.table) || (a.table < b.table ? -1 : 1));
}

type Row = Record<string, unknown>;

async function* rowsOf(db: Database, target: StoreTarget, table: string): AsyncGenerator<Row[]> {
  const name = sql.table(table);
  if ("sqlite" in target) {
    for (let after = 0; ;) {
      const page = sql<Row>`select rowid as backup_row, * from ${name} where rowid > ${after} order by rowid limit ${batch}`;
      const { rows } = await page.execute(db);
      if (rows.length === 0) return;
      yield rows;
      after = Number(rows.at(-1)?.["backup_row"]);
    }
  }
  await sql`declare backup_rows no scroll cursor for select * from ${name}`.execute(db);
  for (;;) {
    const { rows } = await sql<Row>`fetch ${sql.lit(batch)} from backup_rows`.execute(db);
    if (rows.length === 0) break;
    yield rows;
  }
  await sql`close backup_rows`.execute(db);
}
