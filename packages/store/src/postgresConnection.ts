import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from "kysely";
import { DatabaseError, type Pool, type PoolClient, type QueryResult as Answer } from "pg";
import { ContendedError, StoreError, textOf } from "./errors.ts";
import { isUnanswered } from "./unanswered.ts";

/**
 * Connections of a pool whose clients send each statement at once (`pipeline`). What a lease costs on PostgreSQL is
 * mostly waiting for one answer after the other, so that a transaction waits for those only that it goes on by.
 */
export class PostgresDriver implements Driver {
  readonly #pool: Pool;
  readonly #names = new StatementNames();

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async init(): Promise<void> {
    // The pool connects when it is asked.
  }

  async acquireConnection(): Promise<PostgresConnection> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw reported(error);
    });
    return new PostgresConnection(client, this.#names);
  }

  async beginTransaction(connection: PostgresConnection, settings: TransactionSettings): Promise<void> {
    const { isolationLevel, accessMode } = settings;
    const level = isolationLevel === undefined ? "" : ` isolation level ${isolationLevel}`;
    connection.begin(`begin${level}${accessMode === undefined ? "" : ` ${accessMode}`}`);
  }

  async commitTransaction(connection: PostgresConnection): Promise<void> {
    await connection.commit();
  }

  async rollbackTransaction(connection: PostgresConnection): Promise<void> {
    await connection.rollback();
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release();
  }

  async destroy(): Promise<void> {
    await this.#pool.end();
  }
}

/** A connection in use. It says what went wrong in the words of this package, and is thrown away when it is broken. */
class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient;
  readonly #names: StatementNames;
  #broken = false;
  #inTransaction = false;
  /** What the first statement of the transaction that failed unwaited-for failed with. */
  #failure: { readonly error: unknown } | undefined;

  constructor(client: PoolClient, names: StatementNames) {
    this.#client = client;
    this.#names = names;
  }

  begin(text: string): void {
    this.#inTransaction = true;
    this.#failure = undefined;
    this.#send(text, []);
  }

  async commit(): Promise<void> {
    const { command } = await this.#ask("commit", []);
    this.#inTransaction = false;
    // A statement failed whose error was kept from here: nothing is written.
    if (command === "ROLLBACK") throw new Error("The transaction had failed before its commit");
  }

  async rollback(): Promise<void> {
    this.#failure = undefined;
    this.#inTransaction = false;
    await this.#ask("rollback", []);
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#inTransaction && isUnanswered(query)) {
      this.#send(query.sql, query.parameters);
      return { rows: [] };
    }
    const { command, rowCount, rows } = await this.#ask(query.sql, query.parameters);
    const changes = ["INSERT", "UPDATE", "DELETE", "MERGE"].includes(command);
    return { rows: rows as R[], ...(changes ? { numAffectedRows: BigInt(rowCount ?? 0) } : {}) };
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error("Rows are read in pages, not as a stream");
  }

  release(): void {
    this.#client.release(this.#broken);
  }

  #send(text: string, parameters: readonly unknown[]): void {
    this.#run(text, parameters).catch((error: unknown) => {
      this.#failure ??= { error };
      // Others of the same name may be on their way that count on what this one was to prepare.
      this.#broken = true;
    });
  }

  /** What was sent before is answered before. */
  async #ask(text: string, parameters: readonly unknown[]): Promise<Answer> {
    try {
      const answer = await this.#run(text, parameters);
      if (this.#failure !== undefined) throw this.#failure.error;
      return answer;
    } catch (error) {
      throw this.#failure?.error ?? error;
    }
  }

  async #run(text: string, parameters: readonly unknown[]): Promise<Answer> {
    const values = [...parameters];
    try {
      return await this.#client
        .query({ text, values, ...this.#names.of(text, values.length) })
        .catch((error: unknown) => {
          if (!isStalePlan(error)) throw error;
          // All this connection has prepared is of the tables as they were.
          this.#broken = true;
          if (this.#inTransaction) throw new ContendedError(textOf(error));
          return this.#client.query({ text, values });
        });
    } catch (error) {
      const report = reported(error);
      this.#broken ||= report instanceof StoreError && report.code === "store/unreachable";
      throw report;
    }
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
