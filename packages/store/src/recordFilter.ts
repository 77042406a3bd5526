import { type RawBuilder, sql, type SqlBool } from "kysely";

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

/** The condition of a filter. @param time column that says when a record begins */
export function matching(
  { tenant, impu, from, until, before }: RecordFilter,
  time: "at" | "began_at",
): RawBuilder<SqlBool> {
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
