import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Lists of assignments and leases, newest first, cost the same whatever is older. */
export const listing: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const table of ["assignment", "lease"]) {
      await db.schema.createIndex(`${table}_tenant`).on(table).columns(["tenant", "started_at", "id"]).execute();
    }
    await db.schema.createIndex("assignment_user").on("assignment").columns(["tenant", "issuer", "subject"]).execute();
  },
};
