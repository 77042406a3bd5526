import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Records of messages. */
export const messages: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("message_record")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("node", "text", (c) => c.notNull())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull())
      .addColumn("impi", "text", (c) => c.notNull())
      .addColumn("remote", "text", (c) => c.notNull())
      .addColumn("direction", "text", (c) => c.notNull())
      .addColumn("icid", "text", (c) => c.notNull())
      .addColumn("at", "bigint", (c) => c.notNull())
      .addColumn("status", "integer", (c) => c.notNull())
      .execute();
    await db.schema.createIndex("message_record_tenant").on("message_record").columns(["tenant", "at", "id"]).execute();
    await db.schema.createIndex("message_record_impu").on("message_record").columns(["impu", "at"]).execute();
    await db.schema.createIndex("message_record_at").on("message_record").column("at").execute();
  },
};
