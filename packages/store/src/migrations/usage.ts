import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Call records, and what tenants have used by day. */
export const usage: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("call_record")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("node", "text", (c) => c.notNull())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull())
      .addColumn("impi", "text", (c) => c.notNull())
      .addColumn("remote", "text", (c) => c.notNull())
      .addColumn("direction", "text", (c) => c.notNull())
      .addColumn("icid", "text", (c) => c.notNull())
      .addColumn("began_at", "bigint", (c) => c.notNull())
      .addColumn("answered_at", "bigint")
      .addColumn("ended_at", "bigint")
      .addColumn("ended_by", "text")
      .addColumn("status", "integer")
      .addColumn("seen_at", "bigint", (c) => c.notNull())
      .execute();
    await db.schema.createIndex("call_record_tenant").on("call_record").columns(["tenant", "began_at", "id"]).execute();
    await db.schema.createIndex("call_record_impu").on("call_record").columns(["impu", "began_at"]).execute();
    await db.schema.createIndex("call_record_ended").on("call_record").column("ended_at").execute();
    await db.schema
      .createIndex("call_record_open")
      .on("call_record")
      .column("node")
      .where(sql.ref("ended_at"), "is", null)
      .execute();

    await db.schema
      .createTable("usage_day")
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("day", "text", (c) => c.notNull())
      .addColumn("calls", "bigint", (c) => c.notNull())
      .addColumn("answered", "bigint", (c) => c.notNull())
      .addColumn("seconds", "bigint", (c) => c.notNull())
      .addColumn("registrations", "bigint", (c) => c.notNull())
      .addColumn("messages", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("usage_day_key", ["tenant", "client_id", "day"])
      .execute();
    await db.schema.createIndex("usage_day_day").on("usage_day").column("day").execute();
  },
};
