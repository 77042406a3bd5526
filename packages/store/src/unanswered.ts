import type { Compilable, CompiledQuery } from "kysely";
import type { Database } from "./schema.ts";

const marked = new WeakSet<CompiledQuery>();

/**
 * Runs a statement whose result nobody needs. In a transaction on PostgreSQL it is sent and not waited for: should it fail,
 * the next statement that is waited for fails with its error, at the latest the commit. Elsewhere it is waited for.
 */
export async function unanswered(db: Database, statement: Compilable): Promise<void> {
  const query = statement.compile();
  marked.add(query);
  await db.executeQuery(query);
}

/** True when nobody needs the result. */
export const isUnanswered = (query: CompiledQuery): boolean => marked.has(query);
