import type { ApiKeyRow, Database } from "./schema.ts";

/** What a key may do: everything, everything of one tenant, or read. */
export type ApiRole = "operator" | "tenant-admin" | "auditor";

/** A key of the admin API. */
export interface ApiKey {
  readonly id: string;
  /** SHA-256 of the secret, which is never stored. */
  readonly hash: string;
  readonly name: string;
  readonly role: ApiRole;
  /** The tenant it is confined to; undefined: none. */
  readonly tenant: string | undefined;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly expiresAt: number | undefined;
  readonly revokedAt: number | undefined;
  readonly lastUsedAt: number | undefined;
}

/** Owner of table `api_key`. */
export class ApiKeys {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async add(key: Omit<ApiKey, "revokedAt" | "lastUsedAt">): Promise<void> {
    const { createdAt, expiresAt, tenant, ...rest } = key;
    await this.#db
      .insertInto("api_key")
      .values({
        ...rest,
        tenant: tenant ?? null,
        created_at: createdAt,
        expires_at: expiresAt ?? null,
        revoked_at: null,
        last_used_at: null,
      })
      .execute();
  }

  async get(id: string): Promise<ApiKey | undefined> {
    const row = await this.#db.selectFrom("api_key").selectAll().where("id", "=", id).executeTakeFirst();
    return row && fromRow(row);
  }

  /** The key of a secret, live or not, by the secret's hash. */
  async ofHash(hash: string): Promise<ApiKey | undefined> {
    const row = await this.#db.selectFrom("api_key").selectAll().where("hash", "=", hash).executeTakeFirst();
    return row && fromRow(row);
  }

  /** All keys, or those confined to a tenant, oldest first. */
  async all(tenant?: string): Promise<ApiKey[]> {
    const rows = await this.#db
      .selectFrom("api_key")
      .selectAll()
      .$if(tenant !== undefined, (query) => query.where("tenant", "=", tenant ?? ""))
      .orderBy("created_at")
      .orderBy("id")
      .execute();
    return rows.map(fromRow);
  }

  /** @returns false when there is no such key or it was revoked before. */
  async revoke(id: string, at: number): Promise<boolean> {
    const { numUpdatedRows } = await this.#db
      .updateTable("api_key")
      .set({ revoked_at: at })
      .where("id", "=", id)
      .where("revoked_at", "is", null)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Notes a use; the caller spares writes by noting one a minute or so. */
  async touch(id: string, at: number): Promise<void> {
    await this.#db.updateTable("api_key").set({ last_used_at: at }).where("id", "=", id).execute();
  }
}

function fromRow(row: ApiKeyRow): ApiKey {
  return {
    id: row.id,
    hash: row.hash,
    name: row.name,
    role: row.role,
    tenant: row.tenant ?? undefined,
    createdAt: row.created_at,
    expiresAt: row.expires_at ?? undefined,
    revokedAt: row.revoked_at ?? undefined,
    lastUsedAt: row.last_used_at ?? undefined,
  };
}
