import type { Database, RefreshTokenRow } from "./schema.ts";
import { unanswered } from "./unanswered.ts";

/** A refresh token by its hash. A rotated one is kept until it expires, so that its reuse is noticed. */
export interface RefreshToken {
  readonly hash: string;
  readonly leaseId: string;
  /** Space-separated. */
  readonly scope: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly rotatedAt: number | undefined;
  /** Hash of the token in whose place it was given. */
  readonly parent: string | undefined;
  /** Another was given in its place before it was ever used, since its holder had not received it. */
  readonly superseded: boolean;
  /** What a renewed access token is restricted to, JSON. */
  readonly restrictions: string | undefined;
  /** Thumbprint of the key that must prove itself with it (RFC 9449 §5). */
  readonly proofKey: string | undefined;
}

/** Owner of table `refresh_token`. */
export class RefreshTokens {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(hash: string): Promise<RefreshToken | undefined> {
    const row = await this.#db.selectFrom("refresh_token").selectAll().where("hash", "=", hash).executeTakeFirst();
    return row && fromRow(row);
  }

  /** The tokens given in the place of one. */
  async childrenOf(hash: string): Promise<RefreshToken[]> {
    const rows = await this.#db.selectFrom("refresh_token").selectAll().where("parent", "=", hash).execute();
    return rows.map(fromRow);
  }

  async add(token: Omit<RefreshToken, "rotatedAt" | "superseded">): Promise<void> {
    await unanswered(
      this.#db,
      this.#db.insertInto("refresh_token").values({
        hash: token.hash,
        lease_id: token.leaseId,
        scope: token.scope,
        issued_at: token.issuedAt,
        expires_at: token.expiresAt,
        rotated_at: null,
        parent: token.parent ?? null,
        superseded: 0,
        restrictions: token.restrictions ?? null,
        proof_key: token.proofKey ?? null,
      }),
    );
  }

  async rotate(hash: string, at: number): Promise<void> {
    await unanswered(this.#db, this.#db.updateTable("refresh_token").set({ rotated_at: at }).where("hash", "=", hash));
  }

  /** Notes that another was given in the place of those given for one. */
  async supersede(parent: string, at: number): Promise<void> {
    const change = { rotated_at: at, superseded: 1 };
    await unanswered(this.#db, this.#db.updateTable("refresh_token").set(change).where("parent", "=", parent));
  }

  /** Forgets all but the newest `keep` tokens of a lease. */
  async trim(leaseId: string, keep: number): Promise<void> {
    const newest = this.#db
      .selectFrom("refresh_token")
      .select("hash")
      .where("lease_id", "=", leaseId)
      .orderBy("issued_at", "desc")
      .limit(keep);
    await unanswered(
      this.#db,
      this.#db.deleteFrom("refresh_token").where("lease_id", "=", leaseId).where("hash", "not in", newest),
    );
  }

  async purge(expiredAt: number): Promise<void> {
    await this.#db.deleteFrom("refresh_token").where("expires_at", "<=", expiredAt).execute();
  }
}

function fromRow(row: RefreshTokenRow): RefreshToken {
  return {
    hash: row.hash,
    leaseId: row.lease_id,
    scope: row.scope,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    rotatedAt: row.rotated_at ?? undefined,
    parent: row.parent ?? undefined,
    superseded: row.superseded === 1,
    restrictions: row.restrictions ?? undefined,
    proofKey: row.proof_key ?? undefined,
  };
}
