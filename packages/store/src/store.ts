import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { Migrator } from "kysely/migration";
import { ApiKeys } from "./apiKeys.ts";
import { SeenAssertions } from "./assertions.ts";
import { Assignments } from "./assignments.ts";
import { Audit } from "./audit.ts";
import { Blocks } from "./blocks.ts";
import { Changes } from "./changes.ts";
import { NodeSqliteDialect } from "./dialect.ts";
import { StoreError } from "./errors.ts";
import { Idempotency } from "./idempotency.ts";
import { IssuedTokens } from "./issuedTokens.ts";
import { Leases } from "./leases.ts";
import { migrations } from "./migrations/index.ts";
import { RefreshTokens } from "./refreshTokens.ts";
import { StoredRegistrations } from "./registrations.ts";
import type { Database, Schema } from "./schema.ts";
import { Suspensions } from "./suspensions.ts";
import { Tenants } from "./tenants.ts";

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
}

/** Where the database is. */
export interface StoreTarget {
  readonly sqlite: string;
}

/** An open database. What a call has written when its promise resolves survives a kill and a loss of power. */
export interface Store extends Tables {
  /**
   * Runs `work` alone on the database: all of it is kept, or nothing when it throws. Inside, use the tables it is
   * given; those of the store itself wait for the transaction to end.
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  /** Closes the file. May be called again. */
  close(): Promise<void>;
}

/**
 * Opens the database and brings its tables up to date.
 *
 * @param target `sqlite`: a file, made with mode 0600 when absent, or `:memory:`
 * @throws StoreError `store/open`, `store/newer`, `store/migration`
 * @example
 * const store = await openStore({ sqlite: ":memory:" });
 * await store.suspensions.add("acme", Date.now());
 * await store.close();
 */
export async function openStore(target: StoreTarget): Promise<Store> {
  const database = openDatabase(target.sqlite);
  const db = new Kysely<Schema>({ dialect: new NodeSqliteDialect(database) });
  try {
    await migrate(db);
  } catch (error) {
    database.close();
    throw error;
  }
  return {
    ...tablesOf(db),
    transaction: (work) => db.transaction().execute((transaction) => work(tablesOf(transaction))),
    close: () => db.destroy(),
  };
}

function openDatabase(path: string): DatabaseSync {
  try {
    // SQLite gives its journal files the mode of the database file.
    if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
    const database = new DatabaseSync(path);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    database.exec("PRAGMA busy_timeout = 5000");
    return database;
  } catch (error) {
    throw new StoreError("store/open", `${path}: ${text(error)}`);
  }
}

async function migrate(db: Database): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const newer = text(error).includes("previously executed migration");
  throw new StoreError(newer ? "store/newer" : "store/migration", text(error));
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
  };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
