import { closeSync, openSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { setTimeout as wait } from "node:timers/promises";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
  type SqliteStatement,
} from "kysely";
import { Checkpointer } from "./checkpointer.ts";
import { StoreError, textOf } from "./errors.ts";

/** An SQLite file, for one machine. */
export interface SqliteTarget {
  /** A file, made with mode 0600 when absent, or `:memory:`. */
  readonly sqlite: string;
}

/** How long a statement waits for another process to end its transaction, milliseconds. */
const patience = 10_000;
/** Pages in the write-ahead log at which a commit empties it itself, 32 MiB: the checkpointer is dead or far behind. */
const mostPages = 8192;
/** Statements that are kept prepared. */
const mostPrepared = 500;

/**
 * Opens a file, made with mode 0600 when absent, or `:memory:`.
 * @throws StoreError `store/open`
 */
export function openSqlite(path: string): SqliteDialect {
  try {
    // SQLite gives its journal files the mode of the database file.
    if (path !== ":memory:") closeSync(openSync(path, "a", 0o600));
    const database = new DatabaseSync(path);
    database.exec(`PRAGMA busy_timeout = ${patience}`);
    // FULL: each commit waits for the disk. With NORMAL a kill would lose nothing, but a loss of power what it had
    // acknowledged: who held a number is evidence.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    database.exec(`PRAGMA wal_autocheckpoint = ${mostPages}`);
    // From here on the driver waits: SQLite itself would stop the whole process meanwhile.
    database.exec("PRAGMA busy_timeout = 0");
    return new NodeSqliteDialect(database, path === ":memory:" ? undefined : new Checkpointer(path));
  } catch (error) {
    throw new StoreError("store/open", `${path}: ${textOf(error)}`);
  }
}

const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];

/** A `node:sqlite` database in the shape Kysely's SQLite dialect expects (that of better-sqlite3). */
function shim(database: DatabaseSync, checkpointer: Checkpointer | undefined): SqliteDatabase {
  const prepared = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const statement = database.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: (parameters) => statement.all(...values(parameters)),
      run(parameters) {
        const result = statement.run(...values(parameters));
        if (!database.isTransaction) checkpointer?.committed();
        return result;
      },
      iterate: (parameters) => statement.iterate(...values(parameters)),
    };
  };
  return {
    close: () => database.close(),
    prepare(sql) {
      let statement = prepared.get(sql);
      if (statement === undefined) {
        statement = prepare(sql);
        if (prepared.size === mostPrepared) prepared.clear();
        prepared.set(sql, statement);
      }
      return statement;
    },
  };
}

/** SQLITE_BUSY in the lowest octet of the extended code. */
const isBusy = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" && (error.errcode & 255) === 5;

/** Does a statement again while another process holds the write lock; one that found it taken has done nothing. */
class PatientConnection implements DatabaseConnection {
  readonly #connection: DatabaseConnection;

  constructor(connection: DatabaseConnection) {
    this.#connection = connection;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const until = performance.now() + patience;
    for (;;) {
      try {
        return await this.#connection.executeQuery<R>(query);
      } catch (error) {
        if (!isBusy(error)) throw error;
        if (performance.now() > until) throw new StoreError("store/busy", textOf(error));
      }
      await wait(1 + Math.random() * 4);
    }
  }

  streamQuery<R>(...args: Parameters<DatabaseConnection["streamQuery"]>): AsyncIterableIterator<QueryResult<R>> {
    return this.#connection.streamQuery<R>(...args);
  }
}

class NodeSqliteDriver extends SqliteDriver {
  readonly #checkpointer: Checkpointer | undefined;

  constructor(database: SqliteDatabase, checkpointer: Checkpointer | undefined) {
    super({ database });
    this.#checkpointer = checkpointer;
  }

  // The last connection to close leaves the file alone, without a log beside it.
  override async destroy(): Promise<void> {
    await this.#checkpointer?.close();
    await super.destroy();
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return new PatientConnection(await super.acquireConnection());
  }

  // A deferred transaction that reads first and writes later fails at once when another process wrote in between,
  // however long it would wait. Taking the write lock at the start lets it wait its turn.
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }
}

class TransactionalAdapter extends SqliteAdapter {
  // SQLite rolls DDL back like anything else, so a migration that fails half way leaves nothing behind.
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** Kysely over the SQLite inside Node. */
class NodeSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;
  readonly #checkpointer: Checkpointer | undefined;

  constructor(database: DatabaseSync, checkpointer: Checkpointer | undefined) {
    const shimmed = shim(database, checkpointer);
    super({ database: shimmed });
    this.#database = shimmed;
    this.#checkpointer = checkpointer;
  }

  override createDriver(): Driver {
    return new NodeSqliteDriver(this.#database, this.#checkpointer);
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}
