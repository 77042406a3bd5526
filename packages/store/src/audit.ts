import { randomBytes } from "node:crypto";
import { atomically } from "./atomically.ts";
import { type AuditEvent, type AuditRecord, chainOf, linkHash, personRef, tenantOf } from "./auditChain.ts";
import type { AuditRow, Database } from "./schema.ts";
import { unanswered } from "./unanswered.ts";

/** The end of a chain. */
export interface AuditHead {
  readonly tenant: string | undefined;
  readonly seq: number;
  readonly hash: string;
}

/** Which records to read; every field given must match. */
export interface AuditFilter {
  /** Only records before this place. */
  readonly before?: number;
  readonly actor?: string;
  readonly action?: string;
  readonly subject?: string;
  readonly person?: string;
  /** First instant, and the one after the last, milliseconds since the epoch. */
  readonly from?: number;
  readonly until?: number;
}

/**
 * Owner of tables `audit`, `audit_head` and `audit_person`: what was done, one hash chain a tenant and one for the
 * operator, appended to and never changed (WWSF-16). A person stands in a chain as a salted hash; her key and the salt
 * are kept apart, and erasing them leaves the chain whole (PRV-03).
 */
export class Audit {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Appends in the transaction of the change it records, as its last step: others of the chain wait for its end. */
  append(event: AuditEvent): Promise<AuditRecord> {
    return atomically(this.#db, async (db) => {
      const chain = chainOf(event.tenant);
      const { seq, hash: previous } = await lastOf(db, chain);
      const person = event.person === undefined ? null : await refOf(db, chain, event.person, event.at);
      const { at, actor, action, subject } = event;
      const link = { chain, seq, at, actor, action, subject, person, detail: JSON.stringify(event.detail ?? {}) };
      const hash = linkHash({ ...link, previous });
      await unanswered(db, db.insertInto("audit").values({ ...link, prev_hash: previous, hash }));
      await unanswered(db, db.updateTable("audit_head").set({ hash }).where("chain", "=", chain));
      return { ...event, seq, previous, hash };
    });
  }

  /** Records of a chain, newest first. */
  async page(tenant: string | undefined, limit: number, filter: AuditFilter = {}): Promise<AuditRecord[]> {
    let query = joined(this.#db).where("audit.chain", "=", chainOf(tenant));
    if (filter.before !== undefined) query = query.where("audit.seq", "<", filter.before);
    if (filter.actor !== undefined) query = query.where("audit.actor", "=", filter.actor);
    if (filter.action !== undefined) query = query.where("audit.action", "=", filter.action);
    if (filter.subject !== undefined) query = query.where("audit.subject", "=", filter.subject);
    if (filter.person !== undefined) query = query.where("who.person", "=", filter.person);
    if (filter.from !== undefined) query = query.where("audit.at", ">=", filter.from);
    if (filter.until !== undefined) query = query.where("audit.at", "<", filter.until);
    const rows = await query.orderBy("audit.seq", "desc").limit(limit).execute();
    return rows.map(({ who, ...row }) => fromRow(row, who));
  }

  /** The ends of all chains. */
  async heads(): Promise<AuditHead[]> {
    const rows = await this.#db.selectFrom("audit_head").selectAll().orderBy("chain").execute();
    return rows.map(({ chain, seq, hash }) => ({ tenant: tenantOf(chain), seq, hash }));
  }

  /** The tenants of all chains that hold a record; undefined among them: the operator's. */
  async chains(): Promise<(string | undefined)[]> {
    const rows = await this.#db.selectFrom("audit").select("chain").distinct().execute();
    return rows.map(({ chain }) => tenantOf(chain));
  }

  /** Links of a chain as they are stored, oldest first, for checking them. */
  async links(tenant: string | undefined, after: number, limit: number): Promise<AuditLink[]> {
    const rows = await joined(this.#db)
      .where("audit.chain", "=", chainOf(tenant))
      .where("audit.seq", ">", after)
      .orderBy("audit.seq")
      .limit(limit)
      .execute();
    return rows.map(linkOf);
  }

  /** Forgets who a person was; what happened stays. @returns false when the chain does not know her. */
  async erase(tenant: string | undefined, person: string): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom("audit_person")
      .where("chain", "=", chainOf(tenant))
      .where("person", "=", person)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Forgets who those were of whom nothing was recorded since. */
  async forget(lastBefore: number): Promise<void> {
    await this.#db.deleteFrom("audit_person").where("last_at", "<", lastBefore).execute();
  }
}

/** A stored link, with what tells whom it concerns unless that was erased. */
export interface AuditLink extends Omit<AuditRow, "prev_hash"> {
  readonly previous: string;
  readonly identified: { readonly person: string; readonly salt: string } | undefined;
}

// oxlint-disable-next-line typescript/explicit-function-return-type: Kysely's type of this query fills a page
const joined = (db: Database) =>
  db
    .selectFrom("audit")
    .leftJoin("audit_person as who", "who.ref", "audit.person")
    .selectAll("audit")
    .select(["who.person as who", "who.salt as salt"]);

function linkOf({
  prev_hash: previous,
  who: person,
  salt,
  ...row
}: AuditRow & { readonly who: string | null; readonly salt: string | null }): AuditLink {
  return { ...row, previous, identified: person === null || salt === null ? undefined : { person, salt } };
}

/** Takes the next place of a chain, whose row keeps others out until the transaction ends. */
async function lastOf(db: Database, chain: string): Promise<{ seq: number; hash: string }> {
  return await db
    .insertInto("audit_head")
    .values({ chain, seq: 1, hash: "" })
    .onConflict((on) => on.column("chain").doUpdateSet((eb) => ({ seq: eb("audit_head.seq", "+", 1) })))
    .returning(["seq", "hash"])
    .executeTakeFirstOrThrow();
}

async function refOf(db: Database, chain: string, person: string, at: number): Promise<string> {
  const salt = randomBytes(16).toString("base64url");
  const { ref } = await db
    .insertInto("audit_person")
    .values({ ref: personRef(salt, chain, person), chain, person, salt, last_at: at })
    .onConflict((on) => on.columns(["chain", "person"]).doUpdateSet({ last_at: at }))
    .returning("ref")
    .executeTakeFirstOrThrow();
  return ref;
}

function fromRow(row: AuditRow, person: string | null): AuditRecord {
  return {
    tenant: tenantOf(row.chain),
    seq: row.seq,
    at: row.at,
    actor: row.actor,
    action: row.action,
    subject: row.subject,
    person: person ?? undefined,
    detail: JSON.parse(row.detail) as NonNullable<AuditRecord["detail"]>,
    previous: row.prev_hash,
    hash: row.hash,
  };
}
