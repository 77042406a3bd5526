import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** The nodes that work on the database. */
export const node: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("node")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("admin_url", "text")
      .addColumn("seen_at", "bigint", (c) => c.notNull())
      .execute();
  },
};
