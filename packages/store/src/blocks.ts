import type { SelectQueryBuilder } from "kysely";
import type { BlockEntryRow, Database, Schema } from "./schema.ts";

/** One subscription of a tenant's block (TS 33.203 X.4.2.1): a unique pair of IMPU and IMPI. */
export interface StoredEntry {
  readonly tenant: string;
  /** Place in the block, from 1. */
  readonly ordinal: number;
  readonly impu: string;
  readonly impi: string;
  readonly tel: string | undefined;
}

/** When an identity counts as free (WWSF-06). */
export interface FreeAt {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Milliseconds for which others may take an expired token for live. */
  readonly skew: number;
}

/** Entries in one statement; SQLite binds 32 766 values at most. */
const batch = 500;

/** Owner of table `block_entry`. */
export class Blocks {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Makes the table say what the configuration says. Entries no longer configured are withdrawn: kept for their
   * history, never found nor given away.
   * @returns the IMPUs whose IMPU, IMPI or number belongs to a different entry; nothing is written if there are any.
   */
  async define(entries: readonly StoredEntry[]): Promise<string[]> {
    const known = new Map<string, BlockEntryRow>();
    for (const row of await this.#db.selectFrom("block_entry").selectAll().execute()) claim(known, row);
    const clashes: string[] = [];
    const added: BlockEntryRow[] = [];
    const wanted = new Set<string>();
    for (const { tenant, ordinal, impu, impi, tel } of entries) {
      const row = { tenant, ordinal, impu, impi, tel: tel ?? null, withdrawn: 0, used_at: 0 };
      const claimants = new Set(namesOf(row).map((name) => known.get(name)));
      const [former] = claimants;
      if (wanted.has(impu) || claimants.size > 1 || (former && !sameEntry(former, row))) clashes.push(impu);
      wanted.add(impu);
      if (former !== undefined) continue;
      claim(known, row);
      added.push(row);
    }
    if (clashes.length > 0) return clashes;
    for (const rows of batches(added)) await this.#db.insertInto("block_entry").values(rows).execute();
    const rows = [...new Set(known.values())];
    await this.#setWithdrawn(
      rows.filter((row) => row.withdrawn === 1 && wanted.has(row.impu)),
      0,
    );
    await this.#setWithdrawn(
      rows.filter((row) => row.withdrawn === 0 && !wanted.has(row.impu)),
      1,
    );
    return [];
  }

  async #setWithdrawn(rows: readonly BlockEntryRow[], withdrawn: number): Promise<void> {
    for (const some of batches(rows)) {
      const impus = some.map((row) => row.impu);
      await this.#db.updateTable("block_entry").set({ withdrawn }).where("impu", "in", impus).execute();
    }
  }

  /** The entry that holds the IMPU, if it is in a block of the configuration. */
  async find(impu: string): Promise<StoredEntry | undefined> {
    const row = await this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("impu", "=", impu)
      .where("withdrawn", "=", 0)
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** All entries of the configuration, by tenant and place. */
  async all(): Promise<StoredEntry[]> {
    const rows = await this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("withdrawn", "=", 0)
      .orderBy("tenant")
      .orderBy("ordinal")
      .execute();
    return rows.map(fromRow);
  }

  /** The free entry unused for longest, lowest place first; with `impu`, that one entry if it is free. */
  async free(tenant: string, at: FreeAt, impu?: string): Promise<string | undefined> {
    const row = await this.#free(tenant, at)
      .select("entry.impu")
      .$if(impu !== undefined, (query) => query.where("entry.impu", "=", impu ?? ""))
      .orderBy("entry.used_at")
      .orderBy("entry.ordinal")
      .limit(1)
      .executeTakeFirst();
    return row?.impu;
  }

  /** Notes that an identity is taken or given back, so that it comes last among the free ones. */
  async touch(impu: string, at: number): Promise<void> {
    await this.#db.updateTable("block_entry").set({ used_at: at }).where("impu", "=", impu).execute();
  }

  /** Entries of a tenant: all, and those that could be given away. */
  async count(tenant: string, at: FreeAt): Promise<{ size: number; free: number }> {
    const { size } = await this.#db
      .selectFrom("block_entry")
      .select((eb) => eb.fn.countAll<number>().as("size"))
      .where("tenant", "=", tenant)
      .where("withdrawn", "=", 0)
      .executeTakeFirstOrThrow();
    const { free } = await this.#free(tenant, at)
      .select((eb) => eb.fn.countAll<number>().as("free"))
      .executeTakeFirstOrThrow();
    return { size, free };
  }

  /** No live assignment, quarantine over, and no token or registration of any former holder alive. */
  #free(tenant: string, { now, skew }: FreeAt): SelectQueryBuilder<Schema & { entry: BlockEntryRow }, "entry", object> {
    return this.#db
      .selectFrom("block_entry as entry")
      .where("entry.tenant", "=", tenant)
      .where("entry.withdrawn", "=", 0)
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
      );
  }
}

/** All that must belong to one entry alone. */
function namesOf({ impu, impi, tel }: BlockEntryRow): string[] {
  return tel === null ? [impu, impi] : [impu, impi, tel];
}

function claim(known: Map<string, BlockEntryRow>, row: BlockEntryRow): void {
  for (const name of namesOf(row)) known.set(name, row);
}

function sameEntry(a: BlockEntryRow, b: BlockEntryRow): boolean {
  return a.tenant === b.tenant && a.impu === b.impu && a.impi === b.impi && a.tel === b.tel;
}

function* batches<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += batch) yield rows.slice(from, from + batch);
}

function fromRow({ tenant, ordinal, impu, impi, tel }: BlockEntryRow): StoredEntry {
  return { tenant, ordinal, impu, impi, tel: tel ?? undefined };
}
