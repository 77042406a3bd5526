import { atomically } from "./atomically.ts";
import type { CallRow, Database } from "./schema.ts";
import { addUsage } from "./usage.ts";
import { newestFirst, type RecordFilter, type UsageRecord } from "./usageRecord.ts";

/** A call detail record (CHG-02). One that nobody answered has no `answeredAt`. */
export interface CallRecord extends UsageRecord {
  /** Seen from the browser: whom it called, or who called. */
  readonly remote: string;
  readonly direction: "outgoing" | "incoming";
  /** Milliseconds since the epoch, as all times here. */
  readonly beganAt: number;
  readonly answeredAt: number | undefined;
  readonly endedAt: number | undefined;
  /** access, core or portal; `interrupted` where the node died. */
  readonly endedBy: string | undefined;
  /** SIP status that says why. */
  readonly status: number | undefined;
}

/** Owner of table `call_record`. */
export class Calls {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Writes the begin of a record: a call is answered. Written before the answer leaves, it survives whatever follows. */
  async answered(call: Omit<CallRecord, "endedAt" | "endedBy" | "status">): Promise<void> {
    await this.#db
      .insertInto("call_record")
      .values({
        ...toRow(call),
        ended_at: null,
        ended_by: null,
        status: null,
        seen_at: call.answeredAt ?? call.beganAt,
      })
      .onConflict((on) => on.column("id").doNothing())
      .execute();
  }

  /** Completes a record, or writes that of a call nobody answered, and adds it to the usage of its tenant, once. */
  async ended(call: CallRecord & { readonly endedAt: number }): Promise<void> {
    await atomically(this.#db, async (db) => {
      const end = { ended_at: call.endedAt, ended_by: call.endedBy ?? null, status: call.status ?? null };
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("call_record")
        .values({ ...toRow(call), ...end, seen_at: call.endedAt })
        .onConflict((on) => on.column("id").doUpdateSet(end).where("call_record.ended_at", "is", null))
        .executeTakeFirst();
      if ((numInsertedOrUpdatedRows ?? 0n) > 0n) await count(db, call);
    });
  }

  /** Notes that the calls of a node still live: should it die, they ended now at the earliest. */
  async seen(node: string, at: number): Promise<void> {
    await this.#db
      .updateTable("call_record")
      .set({ seen_at: at })
      .where("node", "=", node)
      .where("ended_at", "is", null)
      .execute();
  }

  /**
   * Ends the records a dead run of the node has left open, at the time they were last seen alive.
   * @param before those seen later are of the present run
   * @returns how many
   */
  async endInterrupted(node: string, before: number): Promise<number> {
    return await atomically(this.#db, async (db) => {
      const rows = await db
        .updateTable("call_record")
        .set((eb) => ({ ended_at: eb.ref("seen_at"), ended_by: "interrupted" }))
        .where("node", "=", node)
        .where("ended_at", "is", null)
        .where("seen_at", "<", before)
        .returningAll()
        .execute();
      for (const row of rows) await count(db, { ...fromRow(row), endedAt: row.seen_at });
      return rows.length;
    });
  }

  /** Newest first. */
  async page(filter: RecordFilter, limit: number): Promise<CallRecord[]> {
    const all = this.#db.selectFrom("call_record").selectAll();
    return (await newestFirst(all, "began_at", filter, limit)).map(fromRow);
  }

  /** Takes the persons out of the records of an identity in a span of time; what is charged stays (PRV-03). @returns how many */
  async erase(impu: string, from: number, until: number): Promise<number> {
    const { numUpdatedRows } = await this.#db
      .updateTable("call_record")
      .set({ impu: "", impi: "", remote: "" })
      .where("impu", "=", impu)
      .where("began_at", ">=", from)
      .where("began_at", "<", until)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** Forgets records that ended before; the usage they were added to stays. */
  async purge(endedBefore: number): Promise<void> {
    await this.#db.deleteFrom("call_record").where("ended_at", "<", endedBefore).execute();
  }
}

async function count(db: Database, call: CallRecord & { readonly endedAt: number }): Promise<void> {
  const { tenant, clientId, answeredAt, endedAt } = call;
  // Each call by itself is rounded up to whole seconds.
  const seconds = answeredAt === undefined ? 0 : Math.max(0, Math.ceil((endedAt - answeredAt) / 1000));
  const answered = answeredAt === undefined ? 0 : 1;
  await addUsage(db, { tenant, clientId }, endedAt, { calls: 1, answered, seconds });
}

type Begun = Omit<CallRecord, "endedAt" | "endedBy" | "status">;

function toRow({
  clientId,
  beganAt,
  answeredAt,
  ...call
}: Begun): Omit<CallRow, "ended_at" | "ended_by" | "status" | "seen_at"> {
  const { id, node, tenant, impu, impi, remote, direction, icid } = call;
  const times = { began_at: beganAt, answered_at: answeredAt ?? null };
  return { id, node, tenant, impu, impi, remote, direction, icid, client_id: clientId, ...times };
}

function fromRow(row: CallRow): CallRecord {
  return {
    id: row.id,
    node: row.node,
    tenant: row.tenant,
    clientId: row.client_id,
    impu: row.impu,
    impi: row.impi,
    remote: row.remote,
    direction: row.direction,
    icid: row.icid,
    beganAt: row.began_at,
    answeredAt: row.answered_at ?? undefined,
    endedAt: row.ended_at ?? undefined,
    endedBy: row.ended_by ?? undefined,
    status: row.status ?? undefined,
  };
}
