import { type RawBuilder, type SelectQueryBuilder, sql, type SqlBool } from "kysely";
import type { Schema } from "./schema.ts";

/** What every record that is charged by has (CHG-02). */
export interface UsageRecord {
  readonly id: string;
  /** The node that carried what it is of. */
  readonly node: string;
  readonly tenant: string;
  /** The WWSF through which the served user came. */
  readonly clientId: string;
  /** Served user; empty once erased, as all that names a person. */
  readonly impu: string;
  readonly impi: string;
  /** RFC 7315 §5.6: the same in the records of the IMS. */
  readonly icid: string;
}

/** Which usage records to read; every field given must match. */
export interface RecordFilter {
  readonly tenant?: string;
  /** Served user. */
  readonly impu?: string;
  /** Begun at or after, and before; milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
  /** Only records older than this place. */
  readonly before?: { readonly at: number; readonly id: string };
}

/** Column that says when a record begins. */
type Time = "at" | "began_at";

/** The records of a query that match, the newest ones first. */
export function newestFirst<Table extends keyof Schema, Row>(
  query: SelectQueryBuilder<Schema, Table, Row>,
  time: Time,
  filter: RecordFilter,
  limit: number,
): Promise<Row[]> {
  const [at, id] = [sql.ref(time), sql.ref("id")];
  return query.where(matching(filter, time)).orderBy(at, "desc").orderBy(id, "desc").limit(limit).execute();
}

/** The condition of a filter. */
function matching({ tenant, impu, from, until, before }: RecordFilter, time: Time): RawBuilder<SqlBool> {
  const at = sql.ref(time);
  const parts = [
    tenant === undefined ? undefined : sql`tenant = ${tenant}`,
    impu === undefined ? undefined : sql`impu = ${impu}`,
    from === undefined ? undefined : sql`${at} >= ${from}`,
    until === undefined ? undefined : sql`${at} < ${until}`,
    before === undefined ? undefined : sql`(${at}, id) < (${before.at}, ${before.id})`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? sql`1 = 1` : sql.join(parts, sql` and `);
}
