import type { ExpressionBuilder, ExpressionWrapper, SqlBool } from "kysely";
import { locks } from "./atomically.ts";
import { changing } from "./changes.ts";
import type { BlockEntryRow, Database, Schema } from "./schema.ts";

/** One subscription of a tenant's block (TS 33.203 X.4.2.1): a unique pair of IMPU and IMPI. */
export interface StoredEntry {
  readonly tenant: string;
  /** Which of the tenant's blocks. */
  readonly block: string;
  /** Place in the block, from 1. */
  readonly ordinal: number;
  readonly impu: string;
  readonly impi: string;
  readonly tel: string | undefined;
}

/** `held`: assigned; `resting`: quarantine or a former holder's token or registration is not over (WWSF-06). */
export type EntryState = "free" | "held" | "resting" | "withdrawn";

/** An entry in a list. */
export interface ListedEntry extends StoredEntry {
  readonly source: "file" | "api";
  readonly state: EntryState;
}

/** Entries in one statement; SQLite binds 32 766 values at most. */
const batch = 500;

/** Owner of table `block_entry`, but for who holds an entry. What is written here counts as a change of `blocks`. */
export class Blocks {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Makes the table say what the configuration says. Entries no longer configured are withdrawn; those of the admin API
   * are left alone.
   * @returns the IMPUs whose IMPU, IMPI or number belongs to a different entry; nothing is written if there are any.
   */
  async define(entries: readonly StoredEntry[]): Promise<string[]> {
    return await changing(this.#db, "blocks", async (db) => {
      const rows = await db.selectFrom("block_entry").selectAll().execute();
      const clashes = await bringIn(db, rows, entries, "file");
      if (clashes.length > 0) return clashes;
      const wanted = new Set(entries.map(({ impu }) => impu));
      const gone = rows.filter(
        ({ source, withdrawn, impu }) => source === "file" && withdrawn === 0 && !wanted.has(impu),
      );
      await setWithdrawn(
        db,
        gone.map(({ impu }) => impu),
        1,
      );
      return [];
    });
  }

  /**
   * Adds entries, or brings back withdrawn ones.
   * @returns the IMPUs whose IMPU, IMPI or number belongs to a different entry; nothing is written if there are any.
   */
  async add(entries: readonly StoredEntry[]): Promise<string[]> {
    return await changing(this.#db, "blocks", async (db) => {
      const rows: BlockEntryRow[] = [];
      for (const some of batches(entries)) {
        const tels = some.flatMap(({ tel }) => tel ?? []);
        const query = db.selectFrom("block_entry").selectAll();
        rows.push(
          ...(await query.where("impu", "in", impusOf(some)).execute()),
          ...(await query
            .where(
              "impi",
              "in",
              some.map(({ impi }) => impi),
            )
            .execute()),
          ...(tels.length === 0 ? [] : await query.where("tel", "in", tels).execute()),
        );
      }
      return await bringIn(db, [...new Map(rows.map((row) => [row.impu, row])).values()], entries, "api");
    });
  }

  /**
   * Takes entries out of their blocks: they are kept for their history, never found nor given away.
   * @returns how many were in a block
   */
  async withdraw(impus: readonly string[]): Promise<number> {
    return await changing(this.#db, "blocks", (db) => setWithdrawn(db, impus, 1));
  }

  /** The entry that holds the IMPU, unless it was withdrawn. */
  async find(impu: string): Promise<StoredEntry | undefined> {
    const row = await this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("impu", "=", impu)
      .where("withdrawn", "=", 0)
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** The entry of a telephone number, unless it was withdrawn. */
  async ofNumber(tel: string): Promise<StoredEntry | undefined> {
    const row = await this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("tel", "=", tel)
      .where("withdrawn", "=", 0)
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** All entries that are in a block, by tenant, block and place. */
  async all(): Promise<StoredEntry[]> {
    const rows = await this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("withdrawn", "=", 0)
      .orderBy("tenant")
      .orderBy("block_id")
      .orderBy("ordinal")
      .execute();
    return rows.map(fromRow);
  }

  /**
   * Entries of a tenant by block and place.
   * @param o `after`: the IMPU of the last entry seen; `state`: default all but the withdrawn
   */
  async page(
    tenant: string,
    o: {
      readonly now: number;
      readonly limit: number;
      readonly after?: string;
      readonly block?: string;
      readonly state?: EntryState;
    },
  ): Promise<ListedEntry[]> {
    let query = this.#db.selectFrom("block_entry").selectAll().where("tenant", "=", tenant);
    query = query.where((eb) => (o.state === undefined ? eb("withdrawn", "=", 0) : is(eb, o.state, o.now)));
    if (o.block !== undefined) query = query.where("block_id", "=", o.block);
    if (o.after !== undefined) {
      const { after } = o;
      query = query.where((eb) =>
        eb(
          eb.refTuple("block_id", "ordinal", "impu"),
          ">",
          eb
            .selectFrom("block_entry as last")
            .select(["block_id", "ordinal", "impu"])
            .where("last.impu", "=", after)
            .$asTuple("block_id", "ordinal", "impu"),
        ),
      );
    }
    const rows = await query.orderBy("block_id").orderBy("ordinal").orderBy("impu").limit(o.limit).execute();
    return rows.map((row) => listed(row, o.now));
  }

  /**
   * The entry that has been free for longest, lowest place first, in any block or one; or one IMPU, if it is free. In a
   * transaction it is kept for the caller until its end.
   */
  async free(
    tenant: string,
    now: number,
    which: { readonly block?: string | undefined; readonly impu?: string | undefined } = {},
  ): Promise<StoredEntry | undefined> {
    const { block, impu } = which;
    let query = this.#db
      .selectFrom("block_entry")
      .selectAll()
      .where("tenant", "=", tenant)
      .where((eb) => is(eb, "free", now))
      .orderBy("free_at")
      .orderBy("ordinal")
      .limit(1);
    if (block !== undefined) query = query.where("block_id", "=", block);
    if (impu !== undefined) query = query.where("impu", "=", impu);
    const one = async (wanted: typeof query): Promise<StoredEntry | undefined> => {
      const row = await wanted.executeTakeFirst();
      return row && fromRow(row);
    };
    if (!locks(this.#db)) return await one(query);
    if (impu !== undefined) return await one(query.forUpdate());
    // Each of those who ask at once gets another one. The last ones may be in the hands of others: whether they keep
    // them shows at the end of their transactions, one after the other.
    return (await one(query.forUpdate().skipLocked())) ?? (await one(query.forUpdate()));
  }

  /** Entries of each block of a tenant: all, those held, and those that could be given away. */
  async usage(tenant: string, now: number): Promise<Map<string, { size: number; held: number; free: number }>> {
    const rows = await this.#db
      .selectFrom("block_entry")
      .select((eb) => [
        "block_id",
        eb.fn.countAll<number>().as("size"),
        eb.fn.count<number>("held_by").as("held"),
        eb.fn
          .sum<number>(
            eb
              .case()
              .when(is(eb, "free", now))
              .then(1)
              .else(0)
              .end(),
          )
          .as("free"),
      ])
      .where("tenant", "=", tenant)
      .where("withdrawn", "=", 0)
      .groupBy("block_id")
      .execute();
    return new Map(rows.map(({ block_id, size, held, free }) => [block_id, { size, held, free }]));
  }

  /** The first place of a block from `from` on that has none after it, withdrawn entries counted. */
  async nextPlace(tenant: string, block: string, from: number): Promise<number> {
    const { last } = await this.#db
      .selectFrom("block_entry")
      .select((eb) => eb.fn.max<number | null>("ordinal").as("last"))
      .where("tenant", "=", tenant)
      .where("block_id", "=", block)
      .executeTakeFirstOrThrow();
    return Math.max(from, (last ?? 0) + 1);
  }

  /** Entries in the blocks of a tenant: all, and those that could be given away. */
  async count(tenant: string, now: number): Promise<{ size: number; free: number }> {
    const all = this.#db
      .selectFrom("block_entry")
      .select((eb) => eb.fn.countAll<number>().as("count"))
      .where("tenant", "=", tenant);
    const { count: size } = await all.where("withdrawn", "=", 0).executeTakeFirstOrThrow();
    const { count: free } = await all.where((eb) => is(eb, "free", now)).executeTakeFirstOrThrow();
    return { size, free };
  }
}

type Condition = ExpressionWrapper<Schema, "block_entry", SqlBool>;

// `withdrawn` and 0 go into the text of the statement, not its values, so that the partial indexes serve.
function is(eb: ExpressionBuilder<Schema, "block_entry">, state: EntryState, now: number): Condition {
  if (state === "withdrawn") return eb("withdrawn", "=", eb.lit(1));
  const inBlock = eb("withdrawn", "=", eb.lit(0));
  if (state === "held") return eb.and([inBlock, eb("held_by", "is not", null)]);
  return eb.and([inBlock, eb("held_by", "is", null), eb("free_at", state === "free" ? "<=" : ">", now)]);
}

function listed(row: BlockEntryRow, now: number): ListedEntry {
  return { ...fromRow(row), source: row.source, state: stateOf(row, now) };
}

function stateOf(row: BlockEntryRow, now: number): EntryState {
  if (row.withdrawn === 1) return "withdrawn";
  if (row.held_by !== null) return "held";
  return row.free_at > now ? "resting" : "free";
}

/** Adds what is new of `entries`, and brings back what was withdrawn; `rows`: those that share a name with one of them. */
async function bringIn(
  db: Database,
  rows: readonly BlockEntryRow[],
  entries: readonly StoredEntry[],
  source: "file" | "api",
): Promise<string[]> {
  const known = new Map<string, BlockEntryRow>();
  for (const row of rows) claim(known, row);
  const clashes: string[] = [];
  const added: BlockEntryRow[] = [];
  const wanted = new Set<string>();
  for (const { tenant, block, ordinal, impu, impi, tel } of entries) {
    const names = { tenant, block_id: block, ordinal, impu, impi, tel: tel ?? null };
    const row = { ...names, source, withdrawn: 0, held_by: null, free_at: 0 };
    const claimants = new Set(namesOf(row).map((name) => known.get(name)));
    const [former] = claimants;
    if (wanted.has(impu) || claimants.size > 1 || (former && !sameEntry(former, row))) clashes.push(impu);
    wanted.add(impu);
    if (former !== undefined) continue;
    claim(known, row);
    added.push(row);
  }
  if (clashes.length > 0) return clashes;
  for (const some of batches(added)) await db.insertInto("block_entry").values(some).execute();
  await setWithdrawn(
    db,
    rows.filter(({ withdrawn, impu }) => withdrawn === 1 && wanted.has(impu)).map(({ impu }) => impu),
    0,
  );
  return [];
}

async function setWithdrawn(db: Database, impus: readonly string[], withdrawn: 0 | 1): Promise<number> {
  let count = 0n;
  for (const some of batches(impus)) {
    const { numUpdatedRows } = await db
      .updateTable("block_entry")
      .set({ withdrawn })
      .where("impu", "in", some)
      .where("withdrawn", "!=", withdrawn)
      .executeTakeFirst();
    count += numUpdatedRows;
  }
  return Number(count);
}

const impusOf = (entries: readonly StoredEntry[]): string[] => entries.map(({ impu }) => impu);

/** All that must belong to one entry alone. */
function namesOf({ impu, impi, tel }: Pick<BlockEntryRow, "impu" | "impi" | "tel">): string[] {
  return tel === null ? [impu, impi] : [impu, impi, tel];
}

function claim(known: Map<string, BlockEntryRow>, row: BlockEntryRow): void {
  for (const name of namesOf(row)) known.set(name, row);
}

function sameEntry(a: BlockEntryRow, b: BlockEntryRow): boolean {
  return (
    a.tenant === b.tenant &&
    a.block_id === b.block_id &&
    a.source === b.source &&
    a.impu === b.impu &&
    a.impi === b.impi &&
    a.tel === b.tel
  );
}

function* batches<T>(rows: readonly T[]): Generator<T[]> {
  for (let from = 0; from < rows.length; from += batch) yield rows.slice(from, from + batch);
}

function fromRow({ tenant, block_id: block, ordinal, impu, impi, tel }: BlockEntryRow): StoredEntry {
  return { tenant, block, ordinal, impu, impi, tel: tel ?? undefined };
}
