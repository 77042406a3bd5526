import type { Database } from "./schema.ts";

/** Owner of table `seen_assertion`: ids of client assertions, each good for one use (RFC 7523 §3, item 7). */
export class SeenAssertions {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** @returns false when the client used this id before. */
  async add(clientId: string, jti: string, expiresAt: number): Promise<boolean> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto("seen_assertion")
      .values({ client_id: clientId, jti, expires_at: expiresAt })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    return (numInsertedOrUpdatedRows ?? 0n) > 0n;
  }

  async purge(expiredAt: number): Promise<void> {
    await this.#db.deleteFrom("seen_assertion").where("expires_at", "<=", expiredAt).execute();
  }
}
