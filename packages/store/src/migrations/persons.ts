import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What is kept about a user is found without looking at everybody's. */
export const persons: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createIndex("assignment_user")
      .on("assignment")
      .columns(["tenant", "issuer", "subject", "started_at"])
      .execute();
    await db.schema.createIndex("assignment_ended").on("assignment").column("ended_at").execute();
    await db.schema.createIndex("lease_of_assignment").on("lease").column("assignment_id").execute();
  },
};
