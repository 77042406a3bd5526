import { type Kysely, sql } from "kysely";
import type { Migration } from "kysely/migration";

/**
 * Each entry says itself whether it is held and from when it is free, so that the next free one is found in an index,
 * and to which block of its tenant it belongs.
 */
export const entryState: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.createIndex("assignment_rest").on("assignment").columns(["impu", "quarantined_until"]).execute();
    await db.schema
      .createIndex("lease_registered")
      .on("lease")
      .columns(["impu", "registered_until"])
      .where(sql.ref("registered_until"), "is not", null)
      .execute();
    await db.schema
      .createIndex("lease_live")
      .on("lease")
      .column("tenant")
      .where(sql.ref("ended_at"), "is", null)
      .execute();

    await db.schema.dropIndex("block_entry_next").execute();
    await db.schema.alterTable("block_entry").dropColumn("used_at").execute();
    for (const [column, kind, value] of [
      ["block_id", "text", "main"],
      ["source", "text", "file"],
      ["free_at", "bigint", 0],
    ] as const) {
      await db.schema
        .alterTable("block_entry")
        .addColumn(column, kind, (c) => c.notNull().defaultTo(value))
        .execute();
    }
    await db.schema.alterTable("block_entry").addColumn("held_by", "text").execute();
    // 60 000: the clock skew of the release that wrote these rows.
    await sql`
      update block_entry set
        held_by = (select a.id from assignment a where a.impu = block_entry.impu and a.ended_at is null),
        free_at = (select coalesce(max(times.until), 0) from (
          select max(a.quarantined_until) as until from assignment a where a.impu = block_entry.impu
          union all select max(l.token_until) + 60000 from lease l where l.impu = block_entry.impu
          union all select max(l.registered_until) from lease l where l.impu = block_entry.impu
        ) times)`.execute(db);

    await db.schema
      .createIndex("block_entry_place")
      .on("block_entry")
      .columns(["tenant", "block_id", "ordinal", "impu"])
      .execute();
    for (const [name, columns] of [
      ["block_entry_next", ["tenant", "free_at", "ordinal"]],
      ["block_entry_next_of_block", ["tenant", "block_id", "free_at", "ordinal"]],
    ] as const) {
      await db.schema
        .createIndex(name)
        .on("block_entry")
        .columns([...columns])
        .where(sql.ref("held_by"), "is", null)
        .where(sql.ref("withdrawn"), "=", sql.lit(0))
        .execute();
    }
  },
};
