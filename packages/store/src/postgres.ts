import { type Dialect, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import { DatabaseError, Pool, type QueryResult, types } from "pg";
import { ContendedError, StoreError, textOf } from "./errors.ts";

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
  return new PostgresDialect({ pool: new ReportingPool(pool) });
}

const ignore = (): void => undefined;

/** Says what went wrong in the words of this package, and throws broken connections away. */
class ReportingPool implements PostgresPool {
  readonly options: object;
  readonly #pool: Pool;
  readonly #names = new StatementNames();

  constructor(pool: Pool) {
    this.#pool = pool;
    this.options = pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw reported(error);
    });
    let broken = false;
    let inTransaction = false;
    // Kysely's other form of `query`, with a cursor, is for streams, of which there are none here.
    const query = async (text: string, parameters: readonly unknown[]): Promise<QueryResult> => {
      if (text === "begin") inTransaction = true;
      else if (text === "commit" || text === "rollback") inTransaction = false;
      const values = [...parameters];
      try {
        return await client.query({ text, values, ...this.#names.of(text, values.length) }).catch((error: unknown) => {
          if (!isStalePlan(error)) throw error;
          // All this connection has prepared is of the tables as they were.
          broken = true;
          if (inTransaction) throw new ContendedError(textOf(error));
          return client.query({ text, values });
        });
      } catch (error) {
        const report = reported(error);
        broken ||= report instanceof StoreError && report.code === "store/unreachable";
        throw report;
      }
    };
    return { query: query as unknown as PostgresPoolClient["query"], release: () => client.release(broken) };
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }
}

/**
 * Names under which a connection prepares statements. A statement that has one is parsed and planned once for each
 * connection, which takes several times as long as running it.
 */
class StatementNames {
  readonly #names = new Map<string, string>();

  /** Rows in bulk come in too many lengths to be worth a name; whatever else there may be, the server keeps no more than these. */
  of(sql: string, parameters: number): { name?: string } {
    const known = this.#names.get(sql);
    if (known !== undefined) return { name: known };
    if (parameters > 32 || this.#names.size === 500) return {};
    const name = `portico_${this.#names.size}`;
    this.#names.set(sql, name);
    return { name };
  }
}

/** True when tables were changed by a newer release since the statement was prepared. */
const isStalePlan = (error: unknown): boolean =>
  error instanceof DatabaseError && error.code === "0A000" && error.message.includes("cached plan");

function reported(error: unknown): unknown {
  if (error instanceof StoreError) return error;
  if (!(error instanceof DatabaseError)) return new StoreError("store/unreachable", textOf(error));
  const { code = "", message } = error;
  // Class 08 connection exception; 57P01 to 57P03 the server stops, has crashed or starts; 53300 too many connections.
  if (/^(08|57P0[1-3]|53300)/.test(code)) return new StoreError("store/unreachable", message);
  // Class 28 authorization; 3D000 no such database; 3F000 no such schema; 42501 not permitted.
  if (/^(28|3D000|3F000|42501)/.test(code)) return new StoreError("store/open", message);
  // Ends of lock_timeout and statement_timeout.
  if (/^(55P03|57014)$/.test(code)) return new StoreError("store/busy", message);
  return error;
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
