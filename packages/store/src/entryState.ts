import { type RawBuilder, sql } from "kysely";
import type { Database } from "./schema.ts";
import { unanswered } from "./unanswered.ts";

/** Clock skew allowed between machines: so long others may take an expired token for live (WAF-06). */
export const skewSeconds = 60;

/** Writes who holds an entry: the columns `held_by` and `free_at` of table `block_entry` are written here alone. */
export async function hold(db: Database, impu: string, assignment: string): Promise<void> {
  await unanswered(db, db.updateTable("block_entry").set({ held_by: assignment }).where("impu", "=", impu));
}

/** Writes that nobody holds an entry any more, and from when another user may (WWSF-06). */
export async function letGo(db: Database, impu: string): Promise<void> {
  await unanswered(
    db,
    db
      .updateTable("block_entry")
      .set({ held_by: null, free_at: freeAt(impu) })
      .where("impu", "=", impu),
  );
}

/** Takes into account that a registration under a lease on the entry has begun or ended. */
export async function settle(db: Database, impu: string): Promise<void> {
  await unanswered(
    db,
    db
      .updateTable("block_entry")
      .set({ free_at: freeAt(impu) })
      .where("impu", "=", impu)
      .where("held_by", "is", null),
  );
}

/** Quarantine over, and no token or registration of any former holder alive: each the last entry of an index. */
const freeAt = (impu: string): RawBuilder<number> => sql<number>`(
  select coalesce(max(times.until), 0) from (
    select max(quarantined_until) as until from assignment where impu = ${impu}
    union all select max(token_until) + ${skewSeconds * 1000} from lease where impu = ${impu}
    union all select max(registered_until) from lease where impu = ${impu} and registered_until is not null
  ) times)`;
