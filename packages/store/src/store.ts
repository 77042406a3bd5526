import { type Dialect, Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { ApiKeys } from "./apiKeys.ts";
import { SeenAssertions } from "./assertions.ts";
import { Assignments } from "./assignments.ts";
import { atomically } from "./atomically.ts";
import { Audit } from "./audit.ts";
import { Blocks } from "./blocks.ts";
import { Calls } from "./calls.ts";
import { Changes } from "./changes.ts";
import { StoreError, textOf } from "./errors.ts";
import { Idempotency } from "./idempotency.ts";
import { IssuedTokens } from "./issuedTokens.ts";
import { Leases } from "./leases.ts";
import { migrations } from "./migrations/index.ts";
import { openPostgres, type PostgresTarget } from "./postgres.ts";
import { RefreshTokens } from "./refreshTokens.ts";
import { StoredRegistrations } from "./registrations.ts";
import type { Database, Schema } from "./schema.ts";
import { openSqlite } from "./sqlite.ts";
import { Suspensions } from "./suspensions.ts";
import { Tenants } from "./tenants.ts";
import { Usage } from "./usage.ts";

/** One owner for each table. */
export interface Tables {
  readonly blocks: Blocks;
  readonly assignments: Assignments;
  readonly leases: Leases;
  readonly refreshTokens: RefreshTokens;
  readonly issuedTokens: IssuedTokens;
  readonly assertions: SeenAssertions;
  readonly suspensions: Suspensions;
  readonly registrations: StoredRegistrations;
  readonly tenants: Tenants;
  readonly apiKeys: ApiKeys;
  readonly idempotency: Idempotency;
  readonly audit: Audit;
  readonly changes: Changes;
  readonly calls: Calls;
  readonly usage: Usage;
}

/** An SQLite file, for one machine. */
export interface SqliteTarget {
  /** A file, made with mode 0600 when absent, or `:memory:`. */
  readonly sqlite: string;
}

/** Where the database is. */
export type StoreTarget = SqliteTarget | PostgresTarget;

/** An open database. What a call has written when its promise resolves survives a kill and a loss of power. */
export interface Store extends Tables {
  /**
   * Runs `work` as one: all of it is kept, or nothing when it throws. Inside, use the tables it is given. On SQLite
   * transactions run one after the other. On PostgreSQL they run side by side: what is read of an assignment is locked,
   * and with it all leases and tokens under it, so read these after it. Where two get in each other's way `work` is run
   * again, so it must have no effects beside what it writes.
   *
   * @throws StoreError `store/busy`, `store/unreachable`: after the latter nobody knows whether it was kept
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  /** Waits for the transactions that have begun. */
  settled(): Promise<void>;
  /** Waits for the transactions that have begun, and closes the database. May be called again. */
  close(): Promise<void>;
}

/**
 * Opens the database and brings its tables up to date.
 *
 * @throws StoreError `store/open`, `store/unreachable`, `store/newer`, `store/migration`
 * @example
 * const store = await openStore({ sqlite: ":memory:" });
 * await store.suspensions.add("acme", Date.now());
 * await store.close();
 */
export async function openStore(target: StoreTarget): Promise<Store> {
  const db = "sqlite" in target ? await openMigrated(openSqlite(target.sqlite)) : await openBoth(target);
  const running = new Set<Promise<unknown>>();
  const settled = async (): Promise<void> => void (await Promise.allSettled(running));
  return {
    ...tablesOf(db),
    transaction(work) {
      const result = atomically(db, (transaction) => work(tablesOf(transaction)));
      running.add(result);
      return result.finally(() => running.delete(result));
    },
    settled,
    async close() {
      await settled();
      await db.destroy();
    },
  };
}

/** Migrations have connections of their own, which know no limit of time. */
async function openBoth(target: PostgresTarget): Promise<Database> {
  const unlimited = new Kysely<Schema>({ dialect: openPostgres(target, false) });
  try {
    await migrate(unlimited, target.schema ?? "public");
  } finally {
    await unlimited.destroy();
  }
  return new Kysely<Schema>({ dialect: openPostgres(target, true) });
}

async function openMigrated(dialect: Dialect): Promise<Database> {
  const db = new Kysely<Schema>({ dialect });
  try {
    await migrate(db);
    return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** @param schema made when absent */
async function migrate(db: Database, schema?: string): Promise<void> {
  const provider = { getMigrations: async () => migrations };
  const migrator = new Migrator({
    db,
    provider,
    // Numbers are handed out in ranges, and those of one range may come after those of a higher one.
    allowUnorderedMigrations: true,
    ...(schema === undefined ? {} : { migrationTableSchema: schema }),
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof StoreError) throw error;
  const newer = textOf(error).includes("previously executed migration");
  throw new StoreError(newer ? "store/newer" : "store/migration", textOf(error));
}

function tablesOf(db: Database): Tables {
  return {
    blocks: new Blocks(db),
    assignments: new Assignments(db),
    leases: new Leases(db),
    refreshTokens: new RefreshTokens(db),
    issuedTokens: new IssuedTokens(db),
    assertions: new SeenAssertions(db),
    suspensions: new Suspensions(db),
    tenants: new Tenants(db),
    apiKeys: new ApiKeys(db),
    idempotency: new Idempotency(db),
    audit: new Audit(db),
    changes: new Changes(db),
    registrations: new StoredRegistrations(db),
    calls: new Calls(db),
    usage: new Usage(db),
  };
}
