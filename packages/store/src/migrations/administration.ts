import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Tenants, API keys, idempotent requests and the audit. */
export const administration: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("change_count")
      .addColumn("topic", "text", (c) => c.primaryKey())
      .addColumn("count", "bigint", (c) => c.notNull())
      .execute();

    await db.schema
      .createTable("tenant")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("version", "bigint", (c) => c.notNull())
      .addColumn("source", "text", (c) => c.notNull())
      .addColumn("document", "text", (c) => c.notNull())
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("updated_at", "bigint", (c) => c.notNull())
      .execute();

    await db.schema
      .createTable("api_key")
      .addColumn("id", "text", (c) => c.primaryKey())
      .addColumn("hash", "text", (c) => c.notNull().unique())
      .addColumn("name", "text", (c) => c.notNull())
      .addColumn("role", "text", (c) => c.notNull())
      .addColumn("tenant", "text")
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addColumn("expires_at", "bigint")
      .addColumn("revoked_at", "bigint")
      .addColumn("last_used_at", "bigint")
      .execute();

    await db.schema
      .createTable("idempotency")
      .addColumn("principal", "text", (c) => c.notNull())
      .addColumn("key", "text", (c) => c.notNull())
      .addColumn("request_hash", "text", (c) => c.notNull())
      .addColumn("status", "integer")
      .addColumn("body", "text")
      .addColumn("created_at", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("idempotency_key", ["principal", "key"])
      .execute();
    await db.schema.createIndex("idempotency_time").on("idempotency").column("created_at").execute();

    await db.schema
      .createTable("audit_head")
      .addColumn("chain", "text", (c) => c.primaryKey())
      .addColumn("seq", "bigint", (c) => c.notNull())
      .addColumn("hash", "text", (c) => c.notNull())
      .execute();
    await db.schema
      .createTable("audit")
      .addColumn("chain", "text", (c) => c.notNull())
      .addColumn("seq", "bigint", (c) => c.notNull())
      .addColumn("at", "bigint", (c) => c.notNull())
      .addColumn("actor", "text", (c) => c.notNull())
      .addColumn("action", "text", (c) => c.notNull())
      .addColumn("subject", "text", (c) => c.notNull())
      .addColumn("person", "text")
      .addColumn("detail", "text", (c) => c.notNull())
      .addColumn("prev_hash", "text", (c) => c.notNull())
      .addColumn("hash", "text", (c) => c.notNull())
      .addPrimaryKeyConstraint("audit_key", ["chain", "seq"])
      .execute();
    await db.schema.createIndex("audit_subject").on("audit").columns(["chain", "subject", "seq"]).execute();
    await db.schema.createIndex("audit_person_of").on("audit").columns(["chain", "person", "seq"]).execute();
    await db.schema
      .createTable("audit_person")
      .addColumn("ref", "text", (c) => c.primaryKey())
      .addColumn("chain", "text", (c) => c.notNull())
      .addColumn("person", "text", (c) => c.notNull())
      .addColumn("salt", "text", (c) => c.notNull())
      .addColumn("last_at", "bigint", (c) => c.notNull())
      .addUniqueConstraint("audit_person_one_ref", ["chain", "person"])
      .execute();
    await db.schema.createIndex("audit_person_last").on("audit_person").column("last_at").execute();
  },
};
