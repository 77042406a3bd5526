import type { Database } from "./schema.ts";

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
}

/** Owner of table `refresh_token`. */
export class RefreshTokens {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(hash: string): Promise<RefreshToken | undefined> {
    const row = await this.#db.selectFrom("refresh_token").selectAll().where("hash", "=", hash).executeTakeFirst();
    return (
      row && {
        hash: row.hash,
        leaseId: row.lease_id,
        scope: row.scope,
        issuedAt: row.issued_at,
        expiresAt: row.expires_at,
        rotatedAt: row.rotated_at ?? undefined,
      }
    );
  }

  async add(token: Omit<RefreshToken, "rotatedAt">): Promise<void> {
    await this.#db
      .insertInto("refresh_token")
      .values({
        hash: token.hash,
        lease_id: token.leaseId,
        scope: token.scope,
        issued_at: token.issuedAt,
        expires_at: token.expiresAt,
        rotated_at: null,
      })
      .execute();
  }

  async rotate(hash: string, at: number): Promise<void> {
    await this.#db.updateTable("refresh_token").set({ rotated_at: at }).where("hash", "=", hash).execute();
  }

  /** Forgets all but the newest `keep` tokens of a lease. */
  async trim(leaseId: string, keep: number): Promise<void> {
    const newest = this.#db
      .selectFrom("refresh_token")
      .select("hash")
      .where("lease_id", "=", leaseId)
      .orderBy("issued_at", "desc")
      .limit(keep);
    await this.#db
      .deleteFrom("refresh_token")
      .where("lease_id", "=", leaseId)
      .where("hash", "not in", newest)
      .execute();
  }

  async purge(expiredAt: number): Promise<void> {
    await this.#db.deleteFrom("refresh_token").where("expires_at", "<=", expiredAt).execute();
  }
}
