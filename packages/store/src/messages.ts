import { atomically } from "./atomically.ts";
import type { Database, MessageRow } from "./schema.ts";
import { addUsage } from "./usage.ts";
import { newestFirst, type RecordFilter, type UsageRecord } from "./usageRecord.ts";

/** Record of a MESSAGE (CHG-02): who, whom, when and with what outcome; never what it said. */
export interface MessageRecord extends UsageRecord {
  /** Seen from the browser: whom it wrote to, or who wrote. */
  readonly remote: string;
  readonly direction: "outgoing" | "incoming";
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Final SIP status. */
  readonly status: number;
}

/** Owner of table `message_record`. */
export class Messages {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Writes a record; one that was accepted is added to the usage of its tenant. */
  async add(message: MessageRecord): Promise<void> {
    await atomically(this.#db, async (db) => {
      const { clientId, ...row } = message;
      await db
        .insertInto("message_record")
        .values({ ...row, client_id: clientId })
        .execute();
      if (message.status < 300) await addUsage(db, message, message.at, { messages: 1 });
    });
  }

  /** Newest first. */
  async page(filter: RecordFilter, limit: number): Promise<MessageRecord[]> {
    const all = this.#db.selectFrom("message_record").selectAll();
    return (await newestFirst(all, "at", filter, limit)).map(fromRow);
  }

  /** Takes the persons out of the records of an identity in a span of time; what is charged stays (PRV-03). */
  async erase(impu: string, from: number, until: number): Promise<void> {
    await this.#db
      .updateTable("message_record")
      .set({ impu: "", impi: "", remote: "" })
      .where("impu", "=", impu)
      .where("at", ">=", from)
      .where("at", "<", until)
      .execute();
  }

  /** Forgets older records; the usage they were added to stays. */
  async purge(before: number): Promise<void> {
    await this.#db.deleteFrom("message_record").where("at", "<", before).execute();
  }
}

function fromRow({ client_id: clientId, ...row }: MessageRow): MessageRecord {
  return { ...row, clientId };
}
