import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/** What has expired was looked for among all that lives, by the index of what has ended: it is to know of that alone. */
export const leaseIndexes: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.dropIndex("lease_ended").execute();
    await db.schema
      .createIndex("lease_ended")
      .on("lease")
      .column("ended_at")
      .where(sql.ref("ended_at"), "is not", null)
      .execute();
    await db.schema.dropIndex("lease_assignment").execute();
    await db.schema
      .createIndex("lease_assignment")
      .on("lease")
      .columns(["assignment_id", "started_at"])
      .where(sql.ref("ended_at"), "is", null)
      .execute();
  },
};
