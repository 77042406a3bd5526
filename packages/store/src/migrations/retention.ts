import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What is kept about an assignment, and what may be forgotten, is found without looking at all there is. */
export const retention: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.createIndex("assignment_ended").on("assignment").column("ended_at").execute();
    await db.schema.createIndex("lease_of_assignment").on("lease").column("assignment_id").execute();
  },
};
