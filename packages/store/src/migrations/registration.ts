import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Bindings that nodes of the eP-CSCF have made in the core. */
export const registration: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable("registration")
      .addColumn("node", "text", (c) => c.notNull())
      .addColumn("key", "text", (c) => c.notNull())
      .addColumn("impu", "text", (c) => c.notNull())
      .addColumn("impi", "text", (c) => c.notNull())
      .addColumn("tenant", "text", (c) => c.notNull())
      .addColumn("lease_id", "text", (c) => c.notNull())
      .addColumn("contact", "text", (c) => c.notNull())
      .addColumn("path", "text", (c) => c.notNull())
      .addColumn("granted_until", "bigint", (c) => c.notNull())
      .addPrimaryKeyConstraint("registration_key", ["node", "key"])
      .execute();
  },
};
