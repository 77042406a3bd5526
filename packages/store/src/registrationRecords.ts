import { inPieces } from "./inPieces.ts";
import type { Database, RegistrationRecordRow } from "./schema.ts";
import { newestFirst, type RecordFilter, type UsageRecord } from "./usageRecord.ts";

/** Record of a registration (CHG-02), from the first REGISTER that the core granted to its end. */
export interface RegistrationRecord extends UsageRecord {
  /** Of the first REGISTER; empty where none went to the core. */
  readonly icid: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly beganAt: number;
  /** When the last of {@link registers} was granted. */
  readonly renewedAt: number;
  /** REGISTERs granted; those after the first are told at the end. */
  readonly registers: number;
  readonly endedAt: number | undefined;
  /** Why; `interrupted` where the node died. */
  readonly endReason: string | undefined;
}

/** Owner of table `registration_record`. */
export class RegistrationRecords {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Writes records; of one that is there already what a registration's life changes. An end stays. */
  async save(records: readonly RegistrationRecord[]): Promise<void> {
    for (const piece of inPieces(records)) {
      await this.#db
        .insertInto("registration_record")
        .values(piece.map(toRow))
        .onConflict((on) =>
          on
            .column("id")
            .doUpdateSet((eb) => ({
              renewed_at: eb.ref("excluded.renewed_at"),
              registers: eb.ref("excluded.registers"),
              ended_at: eb.ref("excluded.ended_at"),
              end_reason: eb.ref("excluded.end_reason"),
            }))
            .where("registration_record.ended_at", "is", null),
        )
        .execute();
    }
  }

  /**
   * Ends the records a dead run of the node has left open. What it had in the core was bound until then.
   * @param now those begun later are of the present run
   * @returns how many
   */
  async endInterrupted(node: string, now: number): Promise<number> {
    const { numUpdatedRows } = await this.#db
      .updateTable("registration_record")
      .set({ ended_at: now, end_reason: "interrupted" })
      .where("node", "=", node)
      .where("ended_at", "is", null)
      .where("began_at", "<", now)
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** Newest first. */
  async page(filter: RecordFilter, limit: number): Promise<RegistrationRecord[]> {
    const all = this.#db.selectFrom("registration_record").selectAll();
    return (await newestFirst(all, "began_at", filter, limit)).map(fromRow);
  }

  /** Takes the person out of the records of an identity in a span of time (PRV-03). */
  async erase(impu: string, from: number, until: number): Promise<void> {
    await this.#db
      .updateTable("registration_record")
      .set({ impu: "", impi: "" })
      .where("impu", "=", impu)
      .where("began_at", ">=", from)
      .where("began_at", "<", until)
      .execute();
  }

  /** Forgets records that ended before. */
  async purge(endedBefore: number): Promise<void> {
    await this.#db.deleteFrom("registration_record").where("ended_at", "<", endedBefore).execute();
  }
}

function toRow(record: RegistrationRecord): RegistrationRecordRow {
  const { id, node, tenant, impu, impi, icid, registers } = record;
  return {
    id,
    node,
    tenant,
    client_id: record.clientId,
    impu,
    impi,
    icid,
    began_at: record.beganAt,
    renewed_at: record.renewedAt,
    registers,
    ended_at: record.endedAt ?? null,
    end_reason: record.endReason ?? null,
  };
}

function fromRow(row: RegistrationRecordRow): RegistrationRecord {
  const { id, node, tenant, impu, impi, icid, registers } = row;
  return {
    id,
    node,
    tenant,
    clientId: row.client_id,
    impu,
    impi,
    icid,
    beganAt: row.began_at,
    renewedAt: row.renewed_at,
    registers,
    endedAt: row.ended_at ?? undefined,
    endReason: row.end_reason ?? undefined,
  };
}
