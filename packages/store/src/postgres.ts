import { type Dialect, type Driver, PostgresDialect } from "kysely";
import { DatabaseError, Pool, types } from "pg";
import { ContendedError, StoreError } from "./errors.ts";
import { PostgresDriver } from "./postgresConnection.ts";

/** A PostgreSQL database, 13 or newer. */
export interface PostgresTarget {
  /**
   * `postgresql://user:password@host/database`, with `?sslmode=verify-full` unless the server is on this machine. The
   * variables of libpq (`PGPASSWORD` and so on) fill in what the URL leaves out.
   */
  readonly postgres: string;
  /** The schema of the tables, made when absent; default `public`. */
  readonly schema?: string;
}

/** How long a statement waits for a lock, milliseconds. */
const patience = 10_000;
/** Connections of one process. */
const poolSize = 10;

/**
 * @param limits whether a statement ends after a while; a migration may take as long as it takes
 * @throws StoreError `store/open` when the name of the schema cannot be one
 */
export function openPostgres({ postgres, schema = "public" }: PostgresTarget, limits: boolean): Dialect {
  if (!/^[a-z_][a-z0-9_]{0,62}$/.test(schema)) throw new StoreError("store/open", `schema ${schema} is no plain name`);
  const pool = new Pool({
    connectionString: postgres,
    application_name: "portico",
    max: poolSize,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    pipeline: true,
    options: `-c search_path=${schema}`,
    // A transaction whose process is gone without a word must not hold its locks for ever.
    idle_in_transaction_session_timeout: 30_000,
    ...(limits ? { lock_timeout: patience, statement_timeout: patience + 5000, query_timeout: patience + 10_000 } : {}),
    types: {
      getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? Number : types.getTypeParser(oid, format)),
    },
  });
  // A connection that breaks is found out by its next use; without listeners it would end the process at once.
  pool.on("error", ignore);
  pool.on("connect", (client) => client.on("error", ignore));
  return new PipelinedDialect(pool);
}

const ignore = (): void => undefined;

/** Kysely's PostgreSQL, on connections of this package. */
class PipelinedDialect extends PostgresDialect {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    super({ pool });
    this.#pool = pool;
  }

  override createDriver(): Driver {
    return new PostgresDriver(this.#pool);
  }
}

/** True when another transaction was in the way, and doing everything again will find out what it did. */
export function isContended(error: unknown): boolean {
  if (error instanceof ContendedError) return true;
  // 40001 serialization failure, 40P01 deadlock.
  return error instanceof DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/** Guards of the tables that a transaction seldom runs into but for another one at the same time. */
const guards = new Set(["assignment_one_holder", "assignment_one_identity", "lease_one_per_web_session"]);

/** 23505 unique violation of a guard. */
export function breaksGuard(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "23505" && guards.has(error.constraint ?? "");
}
