import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  SqliteAdapter,
  type SqliteDatabase,
  SqliteDialect,
  SqliteDriver,
} from "kysely";

const values = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];

/** A `node:sqlite` database in the shape Kysely's SQLite dialect expects (that of better-sqlite3). */
function shim(database: DatabaseSync): SqliteDatabase {
  return {
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => statement.all(...values(parameters)),
        run: (parameters) => statement.run(...values(parameters)),
        iterate: (parameters) => statement.iterate(...values(parameters)),
      };
    },
  };
}

class ImmediateDriver extends SqliteDriver {
  // A deferred transaction that reads first and writes later fails at once when another process wrote in between,
  // busy_timeout or not. Taking the write lock at the start lets it wait its turn.
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
export class NodeSqliteDialect extends SqliteDialect {
  readonly #database: SqliteDatabase;

  constructor(database: DatabaseSync) {
    const shimmed = shim(database);
    super({ database: shimmed });
    this.#database = shimmed;
  }

  override createDriver(): Driver {
    return new ImmediateDriver({ database: this.#database });
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}
