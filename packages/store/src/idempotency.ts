import type { Database } from "./schema.ts";

/** A request made under a key, and what was answered. */
export interface IdempotentRequest {
  /** SHA-256 of the request: under one key only the same request may come again. */
  readonly requestHash: string;
  /** HTTP status; undefined while the first request is still at work. */
  readonly status: number | undefined;
  readonly body: string | undefined;
  /** When the key was taken, milliseconds since the epoch. */
  readonly createdAt: number;
}

/** Owner of table `idempotency`: answers kept so that a repeated request is answered and not done again. */
export class Idempotency {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /**
   * Takes the key for a request. In the transaction of what the request does, a second one waits here for its end.
   * @returns undefined when the key is now taken; the former request when it was taken before.
   */
  async claim(principal: string, key: string, requestHash: string, at: number): Promise<IdempotentRequest | undefined> {
    const { numInsertedOrUpdatedRows } = await this.#db
      .insertInto("idempotency")
      .values({ principal, key, request_hash: requestHash, status: null, body: null, created_at: at })
      .onConflict((on) => on.doNothing())
      .executeTakeFirst();
    if ((numInsertedOrUpdatedRows ?? 0n) > 0n) return undefined;
    const row = await this.#db
      .selectFrom("idempotency")
      .selectAll()
      .where("principal", "=", principal)
      .where("key", "=", key)
      .executeTakeFirstOrThrow();
    return {
      requestHash: row.request_hash,
      status: row.status ?? undefined,
      body: row.body ?? undefined,
      createdAt: row.created_at,
    };
  }

  /** Keeps the answer to a request whose key was taken. */
  async answer(principal: string, key: string, status: number, body: string): Promise<void> {
    await this.#db
      .updateTable("idempotency")
      .set({ status, body })
      .where("principal", "=", principal)
      .where("key", "=", key)
      .execute();
  }

  /** Gives the key of a request back that was not answered: it failed, or its process died. */
  async release(principal: string, key: string, claimedAt: number): Promise<void> {
    await this.#db
      .deleteFrom("idempotency")
      .where("principal", "=", principal)
      .where("key", "=", key)
      .where("created_at", "=", claimedAt)
      .where("status", "is", null)
      .execute();
  }

  async purge(createdBefore: number): Promise<void> {
    await this.#db.deleteFrom("idempotency").where("created_at", "<", createdBefore).execute();
  }
}
