import { existsSync } from "node:fs";
import { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import { StoreError, textOf } from "./errors.ts";
import { migrations } from "./migrations/index.ts";
import { openPostgres, type PostgresTarget } from "./postgres.ts";
import type { Database, Schema } from "./schema.ts";
import { openSqlite, type SqliteTarget } from "./sqlite.ts";

/** Where the database is. */
export type StoreTarget = SqliteTarget | PostgresTarget;

/**
 * @param limits whether a statement ends after a while; a migration or a backup may take as long as it takes
 * @throws StoreError `store/open`
 */
export function connect(target: StoreTarget, limits: boolean): Database {
  return new Kysely<Schema>({
    dialect: "sqlite" in target ? openSqlite(target.sqlite) : openPostgres(target, limits),
  });
}

/**
 * For who only reads: opening an SQLite file makes it, and an empty one has nothing to say.
 * @throws StoreError `store/open`
 */
export function mustExist(target: StoreTarget): void {
  if ("sqlite" in target && !existsSync(target.sqlite)) {
    throw new StoreError("store/open", `${target.sqlite}: there is no such file`);
  }
}

/** The schema of the tables; SQLite has no such thing. */
export const schemaOf = (target: StoreTarget): string | undefined =>
  "sqlite" in target ? undefined : (target.schema ?? "public");

/**
 * Brings the tables up to date, or up to the migrations named.
 * @throws StoreError `store/unreachable`, `store/newer`, `store/migration`
 */
export async function migrate(
  db: Database,
  target: StoreTarget,
  names: readonly string[] = Object.keys(migrations),
): Promise<void> {
  const { error } = await migrator(db, target, names).migrateToLatest();
  if (error === undefined) return;
  if (error instanceof StoreError) throw error;
  const newer = textOf(error).includes("previously executed migration");
  throw new StoreError(newer ? "store/newer" : "store/migration", textOf(error));
}

/** Names of the migrations that the tables have been through, in their order. */
export async function executedMigrations(db: Database, target: StoreTarget): Promise<string[]> {
  const known = await migrator(db, target, Object.keys(migrations)).getMigrations();
  return known.filter(({ executedAt }) => executedAt !== undefined).map(({ name }) => name);
}

function migrator(db: Database, target: StoreTarget, names: readonly string[]): Migrator {
  const wanted: Record<string, Migration> = {};
  for (const name of names) {
    const migration = migrations[name];
    if (migration === undefined) throw new StoreError("store/newer", `${name} is not known`);
    wanted[name] = migration;
  }
  const schema = schemaOf(target);
  return new Migrator({
    db,
    provider: { getMigrations: async () => wanted },
    // Numbers are handed out in ranges, and those of one range may come after those of a higher one.
    allowUnorderedMigrations: true,
    // Made when absent.
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  });
}
