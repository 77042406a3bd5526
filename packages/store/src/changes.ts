import { atomically } from "./atomically.ts";
import type { Database } from "./schema.ts";

/** What is watched for changes: rows that every process keeps a copy of. */
export type ChangeTopic = "tenants" | "suspensions" | "blocks";

/** Owner of table `change_count`: what tells a process that another one has changed something. */
export class Changes {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * How often each topic has changed so far. Read it before the rows: whoever then keeps both knows when to read again.
   */
  async counts(): Promise<Record<ChangeTopic, number>> {
    const rows = await this.#db.selectFrom("change_count").selectAll().execute();
    const counted: Record<string, number> = Object.fromEntries(rows.map(({ topic, count }) => [topic, count]));
    return { tenants: 0, suspensions: 0, blocks: 0, ...counted };
  }
}

/**
 * Writes rows of a topic and counts the change with them. The count is taken first: its row lets writers of a topic
 * pass one after the other, so that counts become visible in their order.
 */
export function changing<T>(
  db: Database,
  topic: ChangeTopic,
  work: (db: Database, count: number) => Promise<T>,
): Promise<T> {
  return atomically(db, async (transaction) => {
    const { count } = await transaction
      .insertInto("change_count")
      .values({ topic, count: 1 })
      .onConflict((on) => on.column("topic").doUpdateSet((eb) => ({ count: eb("change_count.count", "+", 1) })))
      .returning("count")
      .executeTakeFirstOrThrow();
    return await work(transaction, count);
  });
}
