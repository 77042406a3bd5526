import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Refresh tokens know which they follow, what they restrict to and which key they are bound to. */
export const tokenBinding: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const column of ["parent", "restrictions", "proof_key"]) {
      await db.schema.alterTable("refresh_token").addColumn(column, "text").execute();
    }
    await db.schema
      .alterTable("refresh_token")
      .addColumn("superseded", "integer", (c) => c.notNull().defaultTo(0))
      .execute();
    await db.schema.createIndex("refresh_token_parent").on("refresh_token").column("parent").execute();
  },
};
