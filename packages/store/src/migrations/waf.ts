import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** Blocks, assignments, leases and tokens. */
export const waf: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("block_entry")
      .addColumn("impu", "text", (c) => c.primaryKey())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("ordinal", "integer", (c) => c.notNull())
      .addColumn("impi", "text", (c) => c.notNull().unique())
      .addColumn("tel", "text", (c) => c.unique())
      .addColumn("withdrawn", "integer", (c) => c.notNull())
      .addColumn("used_at", "bigint", (c) => c.notNull())
      .execute();
    await db.schema
      .createIndex("block_entry_next")
      .on("block_entry")
      .columns(["tenant", "used_at", "ordinal"])
      .execute();

    await db.schema
      .createTable("assignment")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull().references("block_entry.impu"))
      .addColumn("issuer", "text", (c) => c.notNull())
      .addColumn("subject", "text", (c) => c.notNull())
      .addColumn("pseudonym", "text", (c) => c.notNull())
      .addColumn("started_at", "bigint", (c) => c.notNull())
      .addColumn("ended_at", "bigint")
      .addColumn("end_reason", "text")
      .addColumn("quarantined_until", "bigint")
      .execute();
    // WWSF-04: never two holders of one identity, whatever the code above does.
    await db.schema
      .createIndex("assignment_one_holder")
      .unique()
      .on("assignment")
      .column("impu")
      .where(sql.ref("ended_at"), "is", null)
      .execute();
    await db.schema
      .createIndex("assignment_one_identity")
      .unique()
      .on("assignment")
      .columns(["tenant", "issuer", "subject"])
      .where(sql.ref("ended_at"), "is", null)
      .execute();
    await db.schema.createIndex("assignment_impu").on("assignment").columns(["impu", "started_at"]).execute();

    await db.schema
      .createTable("lease")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("assignment_id", "text", (c) => c.notNull().references("assignment.id"))
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull())
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("web_session", "text", (c) => c.notNull())
      .addColumn("started_at", "bigint", (c) => c.notNull())
      .addColumn("expires_at", "bigint", (c) => c.notNull())
      .addColumn("token_until", "bigint", (c) => c.notNull())
      .addColumn("registered_until", "bigint")
      .addColumn("ended_at", "bigint")
      .addColumn("end_reason", "text")
      .execute();
    await db.schema
      .createIndex("lease_one_per_web_session")
      .unique()
      .on("lease")
      .columns(["client_id", "web_session"])
      .where(sql.ref("ended_at"), "is", null)
      .execute();
    await db.schema.createIndex("lease_assignment").on("lease").columns(["assignment_id", "ended_at"]).execute();
    await db.schema.createIndex("lease_impu").on("lease").columns(["impu", "token_until"]).execute();
    await db.schema
      .createIndex("lease_expiry")
      .on("lease")
      .column("expires_at")
      .where(sql.ref("ended_at"), "is", null)
      .execute();

    await db.schema
      .createTable("refresh_token")
      .addColumn("hash", "text", (c) => c.primaryKey())
      .addColumn("lease_id", "text", (c) => c.notNull().references("lease.id"))
      .addColumn("scope", "text", (c) => c.notNull())
      .addColumn("issued_at", "bigint", (c) => c.notNull())
      .addColumn("expires_at", "bigint", (c) => c.notNull())
      .addColumn("rotated_at", "bigint")
      .execute();
    await db.schema.createIndex("refresh_token_lease").on("refresh_token").columns(["lease_id", "issued_at"]).execute();
    await db.schema.createIndex("refresh_token_expiry").on("refresh_token").column("expires_at").execute();

    await db.schema
      .createTable("issued_token")
      .addColumn("jti", "text", (c) => c.primaryKey())
      .addColumn("lease_id", "text", (c) => c.notNull().references("lease.id"))
      .addColumn("address", "text", (c) => c.notNull())
      .addColumn("issued_at", "bigint", (c) => c.notNull())
      .addColumn("expires_at", "bigint", (c) => c.notNull())
      .execute();
    await db.schema.createIndex("issued_token_time").on("issued_token").column("issued_at").execute();

    await db.schema
      .createTable("seen_assertion")
      .addColumn("client_id", "text", (c) => c.notNull())
      .addColumn("jti", "text", (c) => c.notNull())
      .addColumn("expires_at", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("seen_assertion_key", ["client_id", "jti"])
      .execute();
    await db.schema.createIndex("seen_assertion_expiry").on("seen_assertion").column("expires_at").execute();

    await db.schema
      .createTable("suspension")
      .addColumn("tenant", "text", (c) => c.primaryKey())
      .addColumn("since", "bigint", (c) => c.notNull())
      .execute();
  },
};
