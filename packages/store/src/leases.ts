import { atomically, locks } from "./atomically.ts";
import { settle } from "./entryState.ts";
import type { Database, LeaseRow } from "./schema.ts";
import { unanswered } from "./unanswered.ts";

/** Live use of an assignment by one web session; several devices of a user hold several leases. */
export interface Lease {
  /** Also the `sid` of the access tokens issued under it. */
  readonly id: string;
  readonly assignmentId: string;
  readonly tenant: string;
  readonly impu: string;
  readonly clientId: string;
  /** SHA-256 of the web session's id. */
  readonly webSession: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly tokenUntil: number;
  readonly endedAt: number | undefined;
}

/** Which leases to list; every field given must match. */
export interface LeaseFilter {
  readonly tenant: string;
  readonly impu?: string;
  readonly assignmentId?: string;
  readonly live?: boolean;
  /** Only those older than this place. */
  readonly before?: { readonly startedAt: number; readonly id: string };
}

/** Owner of table `lease`. */
export class Leases {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(id: string): Promise<Lease | undefined> {
    const row = await this.#db.selectFrom("lease").selectAll().where("id", "=", id).executeTakeFirst();
    return row && fromRow(row);
  }

  /** The live lease of a web session. */
  async ofWebSession(clientId: string, webSession: string): Promise<Lease | undefined> {
    const row = await this.#db
      .selectFrom("lease")
      .selectAll()
      .where("client_id", "=", clientId)
      .where("web_session", "=", webSession)
      .where("ended_at", "is", null)
      .executeTakeFirst();
    return row && fromRow(row);
  }

  /** Live leases of an assignment, or of a tenant, oldest first; or those whose time is over, in that order. */
  async live(which: { assignmentId: string } | { tenant: string } | { expiredAt: number }): Promise<Lease[]> {
    const live = this.#db.selectFrom("lease").selectAll().where("ended_at", "is", null);
    if ("expiredAt" in which) {
      const expired = live.where("expires_at", "<=", which.expiredAt).orderBy("expires_at");
      return (await expired.execute()).map(fromRow);
    }
    const [column, value] =
      "tenant" in which ? (["tenant", which.tenant] as const) : (["assignment_id", which.assignmentId] as const);
    return (await live.where(column, "=", value).orderBy("started_at").execute()).map(fromRow);
  }

  /** Newest first. */
  async page({ tenant, impu, assignmentId, live, before }: LeaseFilter, limit: number): Promise<Lease[]> {
    let query = this.#db.selectFrom("lease").selectAll().where("tenant", "=", tenant);
    if (impu !== undefined) query = query.where("impu", "=", impu);
    if (assignmentId !== undefined) query = query.where("assignment_id", "=", assignmentId);
    if (live !== undefined) query = query.where("ended_at", live ? "is" : "is not", null);
    if (before !== undefined) {
      query = query.where((eb) => eb(eb.refTuple("started_at", "id"), "<", eb.tuple(before.startedAt, before.id)));
    }
    return (await query.orderBy("started_at", "desc").orderBy("id", "desc").limit(limit).execute()).map(fromRow);
  }

  /** Leases that ended while an access token of theirs is still unexpired. */
  async endedWithLiveToken(now: number): Promise<Lease[]> {
    const rows = await this.#db
      .selectFrom("lease")
      .selectAll()
      .where("ended_at", "is not", null)
      .where("token_until", ">", now)
      .execute();
    return rows.map(fromRow);
  }

  async begin(lease: Omit<Lease, "endedAt">): Promise<void> {
    await unanswered(
      this.#db,
      this.#db.insertInto("lease").values({
        id: lease.id,
        assignment_id: lease.assignmentId,
        tenant: lease.tenant,
        impu: lease.impu,
        client_id: lease.clientId,
        web_session: lease.webSession,
        started_at: lease.startedAt,
        expires_at: lease.expiresAt,
        token_until: lease.tokenUntil,
        registered_until: null,
        ended_at: null,
        end_reason: null,
      }),
    );
  }

  /** Notes that a token was issued, and how long the lease now lives. */
  async extend(id: string, expiresAt: number, tokenUntil: number): Promise<void> {
    await unanswered(
      this.#db,
      this.#db
        .updateTable("lease")
        .set((eb) => ({
          expires_at: expiresAt,
          token_until: eb
            .case()
            .when("token_until", ">", tokenUntil)
            .then(eb.ref("token_until"))
            .else(tokenUntil)
            .end(),
        }))
        .where("id", "=", id),
    );
  }

  /** Notes until when a registration made under the lease may live; null: none does. */
  async register(id: string, until: number | null): Promise<void> {
    await atomically(this.#db, async (db) => {
      // The assignment stands for all under it: who ends it at the same time must see this registration, or be seen.
      // Read first: for a RETURNING SQLite makes a table of its own, 90 kB at a time, which every registration would pay.
      const held = await db
        .selectFrom("lease")
        .innerJoin("assignment", "assignment.id", "lease.assignment_id")
        .select("lease.impu")
        .where("lease.id", "=", id)
        .$if(locks(db), (query) => query.forUpdate("assignment"))
        .executeTakeFirst();
      if (held === undefined) return;
      await unanswered(db, db.updateTable("lease").set({ registered_until: until }).where("id", "=", id));
      await settle(db, held.impu);
    });
  }

  /** Live leases of a tenant. */
  async count(tenant: string): Promise<number> {
    const { live } = await this.#db
      .selectFrom("lease")
      .select((eb) => eb.fn.countAll<number>().as("live"))
      .where("tenant", "=", tenant)
      .where("ended_at", "is", null)
      .executeTakeFirstOrThrow();
    return live;
  }

  /** Forgets leases that ended before, once no token of theirs is remembered: a clock that was set back leaves some longer. */
  async purge(endedBefore: number): Promise<void> {
    await this.#db
      .deleteFrom("lease")
      .where("ended_at", "<", endedBefore)
      .where((eb) =>
        eb.not(
          eb.exists(eb.selectFrom("refresh_token").select("hash").whereRef("refresh_token.lease_id", "=", "lease.id")),
        ),
      )
      .where((eb) =>
        eb.not(
          eb.exists(eb.selectFrom("issued_token").select("jti").whereRef("issued_token.lease_id", "=", "lease.id")),
        ),
      )
      .execute();
  }

  /** @returns false when it had ended before. */
  async end(id: string, at: number, reason: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("lease")
      .set({ ended_at: at, end_reason: reason })
      .where("id", "=", id)
      .where("ended_at", "is", null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}

function fromRow(row: LeaseRow): Lease {
  return {
    id: row.id,
    assignmentId: row.assignment_id,
    tenant: row.tenant,
    impu: row.impu,
    clientId: row.client_id,
    webSession: row.web_session,
    startedAt: row.started_at,
    expiresAt: row.expires_at,
    tokenUntil: row.token_until,
    endedAt: row.ended_at ?? undefined,
  };
}
