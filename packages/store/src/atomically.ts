import { setTimeout as wait } from "node:timers/promises";
import { PostgresAdapter } from "kysely";
import { breaksGuard, isContended } from "./postgres.ts";
import type { Database } from "./schema.ts";

/** How long a transaction is run again that meets others at every turn, milliseconds. */
const patience = 10_000;
/** How often one that breaks a rule of the tables, which most likely is a mistake of its own. */
const attempts = 5;

/**
 * Runs several statements as one: in the transaction the caller is in, or in one of their own, which is run again when
 * another transaction got in its way.
 */
export async function atomically<T>(db: Database, work: (db: Database) => Promise<T>): Promise<T> {
  if (db.isTransaction) return await work(db);
  const until = performance.now() + patience;
  let broken = 0;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (breaksGuard(error)) broken += 1;
      else if (!isContended(error)) throw error;
      if (broken === attempts || performance.now() > until) throw error;
    }
    await wait(Math.random() * Math.min(2 ** attempt, 64));
  }
}

/**
 * True where rows that a transaction decides by have to be locked: PostgreSQL runs transactions side by side, SQLite one
 * after the other.
 */
export const locks = (db: Database): boolean => db.isTransaction && db.getExecutor().adapter instanceof PostgresAdapter;
