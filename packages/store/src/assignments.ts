import { sql } from "kysely";
import { atomically, locks } from "./atomically.ts";
import { hold, letGo } from "./entryState.ts";
import type { AssignmentRow, Database } from "./schema.ts";
import { unanswered } from "./unanswered.ts";

/** A user of a tenant, as the tenant's identity provider knows her. */
export interface UserKey {
  readonly tenant: string;
  readonly issuer: string;
  readonly subject: string;
}

/** The key of a user in the audit. */
export const personOf = ({ issuer, subject }: Omit<UserKey, "tenant">): string => `${issuer} ${subject}`;

/** User and IMPU bound together: until the third party ends it (sticky) or the last lease ends (dynamic). */
export interface Assignment extends UserKey {
  readonly id: string;
  readonly impu: string;
  readonly pseudonym: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly endReason: string | undefined;
}

/** Which assignments to list; every field given must match. */
export interface AssignmentFilter {
  readonly tenant: string;
  readonly impu?: string;
  readonly issuer?: string;
  readonly subject?: string;
  readonly live?: boolean;
  /** Only those older than this place. */
  readonly before?: { readonly startedAt: number; readonly id: string };
}

/** Owner of table `assignment`; ended ones stay as the record of who held which identity from when to when. */
export class Assignments {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The user's live assignment. In a transaction nobody else begins one for her until its end. */
  async of(user: UserKey): Promise<Assignment | undefined> {
    if (locks(this.#db)) {
      // There is no row to lock before she has her first. A statement of its own: the next one sees what was waited for.
      const key = JSON.stringify([user.tenant, user.issuer, user.subject]);
      const lock = sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`;
      await unanswered(this.#db, { compile: () => lock.compile(this.#db) });
    }
    const row = await this.#db
      .selectFrom("assignment")
      .selectAll()
      .where("tenant", "=", user.tenant)
      .where("issuer", "=", user.issuer)
      .where("subject", "=", user.subject)
      .where("ended_at", "is", null)
      .$if(locks(this.#db), (query) => query.forUpdate())
      .executeTakeFirst();
    return row && fromRow(row);
  }

  async get(id: string): Promise<Assignment | undefined> {
    const row = await this.#db
      .selectFrom("assignment")
      .selectAll()
      .where("id", "=", id)
      .$if(locks(this.#db), (query) => query.forUpdate())
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** The live assignment of the identity. */
  async holding(impu: string): Promise<Assignment | undefined> {
    const row = await this.#db
      .selectFrom("assignment")
      .selectAll()
      .where("impu", "=", impu)
      .where("ended_at", "is", null)
      .$if(locks(this.#db), (query) => query.forUpdate())
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** Binds user and identity. Neither may be bound already: the table refuses it. */
  async begin(assignment: Omit<Assignment, "endedAt" | "endReason">): Promise<void> {
    const { startedAt, ...rest } = assignment;
    await atomically(this.#db, async (db) => {
      const open = { ended_at: null, end_reason: null, quarantined_until: null };
      await unanswered(db, db.insertInto("assignment").values({ ...rest, started_at: startedAt, ...open }));
      await hold(db, rest.impu, rest.id);
    });
  }

  /**
   * Ends a live assignment; its identity rests until `quarantinedUntil`, or longer (WWSF-06).
   * @returns false when it had ended before
   */
  async end(id: string, at: number, reason: string, quarantinedUntil: number): Promise<boolean> {
    return await atomically(this.#db, async (db) => {
      const row = await db
        .updateTable("assignment")
        .set({ ended_at: at, end_reason: reason, quarantined_until: quarantinedUntil })
        .where("id", "=", id)
        .where("ended_at", "is", null)
        .returning("impu")
        .executeTakeFirst();
      if (row !== undefined) await letGo(db, row.impu);
      return row !== undefined;
    });
  }

  /** All that a user has held, latest first. */
  async allOf(user: UserKey): Promise<Assignment[]> {
    const rows = await this.#db
      .selectFrom("assignment")
      .selectAll()
      .where("tenant", "=", user.tenant)
      .where("issuer", "=", user.issuer)
      .where("subject", "=", user.subject)
      .orderBy("started_at", "desc")
      .execute();
    return rows.map(fromRow);
  }

  /** Forgets who held an identity; that it was held, and when, stays. Only of an assignment that has ended. */
  async anonymise(id: string): Promise<void> {
    await this.#db
      .updateTable("assignment")
      .set({ issuer: "", subject: id })
      .where("id", "=", id)
      .where("ended_at", "is not", null)
      .execute();
  }

  /** Ended assignments of whom it is still known who held them; the oldest first. */
  async endedBefore(at: number, limit: number): Promise<Assignment[]> {
    const rows = await this.#db
      .selectFrom("assignment")
      .selectAll()
      .where("ended_at", "<", at)
      .where("issuer", "!=", "")
      .orderBy("ended_at")
      .limit(limit)
      .execute();
    return rows.map(fromRow);
  }

  /** Live assignments of a tenant. */
  async count(tenant: string): Promise<number> {
    const { live } = await this.#db
      .selectFrom("assignment")
      .select((eb) => eb.fn.countAll<number>().as("live"))
      .where("tenant", "=", tenant)
      .where("ended_at", "is", null)
      .executeTakeFirstOrThrow();
    return live;
  }

  /** Newest first. */
  async page(filter: AssignmentFilter, limit: number): Promise<Assignment[]> {
    const { tenant, impu, issuer, subject, live, before } = filter;
    let query = this.#db.selectFrom("assignment").selectAll().where("tenant", "=", tenant);
    if (impu !== undefined) query = query.where("impu", "=", impu);
    if (issuer !== undefined) query = query.where("issuer", "=", issuer);
    if (subject !== undefined) query = query.where("subject", "=", subject);
    if (live !== undefined) query = query.where("ended_at", live ? "is" : "is not", null);
    if (before !== undefined) {
      query = query.where((eb) => eb(eb.refTuple("started_at", "id"), "<", eb.tuple(before.startedAt, before.id)));
    }
    return (await query.orderBy("started_at", "desc").orderBy("id", "desc").limit(limit).execute()).map(fromRow);
  }

  /** All holders of an identity, latest first. */
  async history(impu: string, limit: number): Promise<Assignment[]> {
    const rows = await this.#db
      .selectFrom("assignment")
      .selectAll()
      .where("impu", "=", impu)
      .orderBy("started_at", "desc")
      .limit(limit)
      .execute();
    return rows.map(fromRow);
  }
}

function fromRow(row: AssignmentRow): Assignment {
  return {
    id: row.id,
    tenant: row.tenant,
    issuer: row.issuer,
    subject: row.subject,
    impu: row.impu,
    pseudonym: row.pseudonym,
    startedAt: row.started_at,
    endedAt: row.ended_at ?? undefined,
    endReason: row.end_reason ?? undefined,
  };
}
