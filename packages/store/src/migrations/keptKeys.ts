import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Private keys that the nodes share, sealed. */
export const keptKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("kept_keys")
      .addColumn("name", "text", (c) => c.primaryKey())
      .addColumn("version", "bigint", (c) => c.notNull())
      .addColumn("sealed", "text", (c) => c.notNull())
      .execute();
  },
};
