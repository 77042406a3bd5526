import type { Database } from "./schema.ts";

/** One subscription of a tenant's block (TS 33.203 X.4.2.1): a unique pair of IMPU and IMPI. */
export interface StoredEntry {
  readonly tenant: string;
  readonly ordinal: number;
  readonly impu: string;
  readonly impi: string;
  readonly tel: string | undefined;
}

/** Owner of table `block_entry`. */
export class Blocks {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Makes the table say what the configuration says. An entry that another tenant already holds stays as it is.
   * @returns the IMPUs, of those asked for, that clash with a different entry of the table.
   */
  async define(entries: readonly StoredEntry[]): Promise<string[]> {
    await this.#db.updateTable("block_entry").set({ withdrawn: 1 }).execute();
    const clashes: string[] = [];
    for (let from = 0; from < entries.length; from += 100) {
      const some = entries.slice(from, from + 100);
      const rows = some.map(({ tenant, ordinal, impu, impi, tel }) => {
        return { tenant, ordinal, impu, impi, tel: tel ?? null, withdrawn: 0 };
      });
      const kept = await this.#db
        .insertInto("block_entry")
        .values(rows)
        .onConflict((on) => on.doNothing())
        .returning("impu")
        .execute();
      if (kept.length === rows.length) continue;
      const added = new Set(kept.map((row) => row.impu));
      for (const row of rows) {
        if (!added.has(row.impu) && !(await this.#restore(row))) clashes.push(row.impu);
      }
    }
    return clashes;
  }

  async #restore(row: { impu: string; tenant: string; impi: string; tel: string | null }): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("block_entry")
      .set({ withdrawn: 0 })
      .where("impu", "=", row.impu)
      .where("tenant", "=", row.tenant)
      .where("impi", "=", row.impi)
      .where("tel", "is", row.tel)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** The entry that holds the IMPU, if it is in a block of the configuration. */
  async find(impu: string): Promise<StoredEntry | undefined> {
    const row = await this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("impu", "=", impu)
      .where("withdrawn", "=", 0)
      .executeTakeFirst();
    return (
      row && { tenant: row.tenant, ordinal: row.ordinal, impu: row.impu, impi: row.impi, tel: row.tel ?? undefined }
    );
  }

  /**
   * The free entry that has rested longest, lowest place first; with `impu`, that one entry if it is free. Free
   * (WWSF-06): no live assignment, quarantine over, and no token or registration of any former holder alive.
   * @param now milliseconds since the epoch
   * @param skew milliseconds for which others may take an expired token for live
   */
  async free(tenant: string, now: number, skew: number, impu?: string): Promise<string | undefined> {
    const row = await this.#db
      .selectFrom("block_entry as entry")
      .select("entry.impu")
      .where("entry.tenant", "=", tenant)
      .where("entry.withdrawn", "=", 0)
      .$if(impu !== undefined, (query) => query.where("entry.impu", "=", impu ?? ""))
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom("assignment as held")
              .select("held.id")
              .whereRef("held.impu", "=", "entry.impu")
              .where((held) => held.or([held("held.ended_at", "is", null), held("held.quarantined_until", ">", now)])),
          ),
        ),
      )
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom("lease as used")
              .select("used.id")
              .whereRef("used.impu", "=", "entry.impu")
              .where((used) =>
                used.or([used("used.token_until", ">", now - skew), used("used.registered_until", ">", now)]),
              ),
          ),
        ),
      )
      .orderBy(
        (eb) =>
          eb
            .selectFrom("assignment as past")
            .select((past) => past.fn.max("past.ended_at").as("ended"))
            .whereRef("past.impu", "=", "entry.impu"),
        (order) => order.asc().nullsFirst(),
      )
      .orderBy("entry.ordinal")
      .limit(1)
      .executeTakeFirst();
    return row?.impu;
  }
}
