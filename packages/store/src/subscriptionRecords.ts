import type { MessageRecord } from "./messages.ts";
import { inPieces } from "./inPieces.ts";
import type { Database, SubscriptionRow } from "./schema.ts";
import { newestFirst, type RecordFilter } from "./usageRecord.ts";

/** Record of a SUBSCRIBE (CHG-02). */
export interface SubscriptionRecord extends MessageRecord {
  /** Event package. */
  readonly event: string;
  /** Seconds granted, or asked where the answer said none; 0: it ended. */
  readonly expires: number | undefined;
}

/** Owner of table `subscription_record`. */
export class SubscriptionRecords {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(records: readonly SubscriptionRecord[]): Promise<void> {
    for (const piece of inPieces(records)) {
      await this.#db.insertInto("subscription_record").values(piece.map(toRow)).execute();
    }
  }

  /** Newest first. */
  async page(filter: RecordFilter, limit: number): Promise<SubscriptionRecord[]> {
    const all = this.#db.selectFrom("subscription_record").selectAll();
    return (await newestFirst(all, "at", filter, limit)).map(fromRow);
  }

  /** Takes the persons out of the records of an identity in a span of time (PRV-03). */
  async erase(impu: string, from: number, until: number): Promise<void> {
    await this.#db
      .updateTable("subscription_record")
      .set({ impu: "", impi: "", remote: "" })
      .where("impu", "=", impu)
      .where("at", ">=", from)
      .where("at", "<", until)
      .execute();
  }

  /** Forgets older records. */
  async purge(before: number): Promise<void> {
    await this.#db.deleteFrom("subscription_record").where("at", "<", before).execute();
  }
}

function toRow({ clientId, expires, ...row }: SubscriptionRecord): SubscriptionRow {
  return { ...row, client_id: clientId, expires: expires ?? null };
}

function fromRow({ client_id: clientId, expires, ...row }: SubscriptionRow): SubscriptionRecord {
  return { ...row, clientId, expires: expires ?? undefined };
}
