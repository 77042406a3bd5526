import type { Database, UsageDayRow } from "./schema.ts";

/** What a tenant has used, summed for settlement (CHG-03). */
export interface UsageCounts {
  /** Calls that have ended, answered or not. */
  readonly calls: number;
  readonly answered: number;
  /** Of answered calls, each rounded up to whole seconds. */
  readonly seconds: number;
  /** Initial registrations. */
  readonly registrations: number;
  readonly messages: number;
}

/** The sums of one day (UTC) and one WWSF. */
export interface UsageOfDay extends UsageCounts {
  readonly tenant: string;
  readonly clientId: string;
  /** `YYYY-MM-DD`. */
  readonly day: string;
}

/** Owner of table `usage_day`. Sums hold no personal data, and stay when the records they come from are erased. */
export class Usage {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @param at milliseconds since the epoch: decides the day */
  async add(of: { tenant: string; clientId: string }, at: number, more: Partial<UsageCounts>): Promise<void> {
    await addUsage(this.#db, of, at, more);
  }

  /** @param days first day, and the one after the last, `YYYY-MM-DD` */
  async between(days: { from: string; until: string }, tenant?: string): Promise<UsageOfDay[]> {
    const rows = await this.#db
      .selectFrom("usage_day")
      .selectAll()
      .where("day", ">=", days.from)
      .where("day", "<", days.until)
      .$if(tenant !== undefined, (query) => query.where("tenant", "=", tenant ?? ""))
      .orderBy("tenant")
      .orderBy("day")
      .orderBy("client_id")
      .execute();
    return rows.map(fromRow);
  }
}

function fromRow({ client_id: clientId, ...row }: UsageDayRow): UsageOfDay {
  return { ...row, clientId };
}

/** Adds to the sums of the day, in the transaction the caller is in. */
export async function addUsage(
  db: Database,
  { tenant, clientId }: { tenant: string; clientId: string },
  at: number,
  more: Partial<UsageCounts>,
): Promise<void> {
  const day = new Date(at).toISOString().slice(0, 10);
  const counts = { calls: 0, answered: 0, seconds: 0, registrations: 0, messages: 0, ...more };
  await db
    .insertInto("usage_day")
    .values({ tenant, client_id: clientId, day, ...counts })
    .onConflict((on) =>
      on.columns(["tenant", "client_id", "day"]).doUpdateSet((eb) => ({
        calls: eb("usage_day.calls", "+", counts.calls),
        answered: eb("usage_day.answered", "+", counts.answered),
        seconds: eb("usage_day.seconds", "+", counts.seconds),
        registrations: eb("usage_day.registrations", "+", counts.registrations),
        messages: eb("usage_day.messages", "+", counts.messages),
      })),
    )
    .execute();
}
