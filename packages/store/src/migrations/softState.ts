import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Records of registrations and subscriptions. */
export const softState: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("registration_record")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("node", "text", (c) => c.notNull())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull())
      .addColumn("impi", "text", (c) => c.notNull())
      .addColumn("icid", "text", (c) => c.notNull())
      .addColumn("began_at", "bigint", (c) => c.notNull())
      .addColumn("renewed_at", "bigint", (c) => c.notNull())
      .addColumn("registers", "integer", (c) => c.notNull())
      .addColumn("ended_at", "bigint")
      .addColumn("end_reason", "text")
      .execute();
    const registrations = (name: string) =>
      db.schema.createIndex(`registration_record_${name}`).on("registration_record");
    await registrations("tenant").columns(["tenant", "began_at", "id"]).execute();
    await registrations("impu").columns(["impu", "began_at"]).execute();
    await registrations("ended").column("ended_at").execute();
    await registrations("open").column("node").where(sql.ref("ended_at"), "is", null).execute();

    await db.schema
      .createTable("subscription_record")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("node", "text", (c) => c.notNull())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull())
      .addColumn("impi", "text", (c) => c.notNull())
      .addColumn("remote", "text", (c) => c.notNull())
      .addColumn("direction", "text", (c) => c.notNull())
      .addColumn("event", "text", (c) => c.notNull())
      .addColumn("expires", "bigint")
      .addColumn("icid", "text", (c) => c.notNull())
      .addColumn("at", "bigint", (c) => c.notNull())
      .addColumn("status", "integer", (c) => c.notNull())
      .execute();
    const subscriptions = (name: string) =>
      db.schema.createIndex(`subscription_record_${name}`).on("subscription_record");
    await subscriptions("tenant").columns(["tenant", "at", "id"]).execute();
    await subscriptions("impu").columns(["impu", "at"]).execute();
    await subscriptions("at").column("at").execute();
  },
};
