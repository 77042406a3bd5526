import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** Forgetting a lease looks for its tokens, and looks for ended leases: over the whole audit, if not by an index. */
export const purge: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.createIndex("issued_token_lease").on("issued_token").column("lease_id").execute();
    await db.schema.createIndex("lease_ended").on("lease").column("ended_at").execute();
  },
};
