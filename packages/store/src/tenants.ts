import { changing } from "./changes.ts";
import type { Database, TenantRow } from "./schema.ts";

/** Where a tenant was defined: in the configuration file, or over the admin API. */
export type TenantSource = "file" | "api";

/** A tenant as it is stored; what the document says is not the store's concern. */
export interface StoredTenant {
  readonly id: string;
  /** Rises with every change of any tenant and is never given twice, not even when an id is removed and made anew. */
  readonly version: number;
  readonly source: TenantSource;
  /** JSON. */
  readonly document: string;
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Owner of table `tenant`. Every write counts as a change of topic `tenants`. */
export class Tenants {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** All tenants, by id. */
  async all(): Promise<StoredTenant[]> {
    return (await this.#db.selectFrom("tenant").selectAll().orderBy("id").execute()).map(fromRow);
  }

  async get(id: string): Promise<StoredTenant | undefined> {
    const row = await this.#db.selectFrom("tenant").selectAll().where("id", "=", id).executeTakeFirst();
    return row && fromRow(row);
  }

  /** @returns its version, or undefined when there is a tenant of this id. */
  insert(tenant: Pick<StoredTenant, "id" | "source" | "document">, at: number): Promise<number | undefined> {
    return changing(this.#db, "tenants", async (db, version) => {
      const row = await db
        .insertInto("tenant")
        .values({ ...tenant, version, created_at: at, updated_at: at })
        .onConflict((on) => on.column("id").doNothing())
        .returning("version")
        .executeTakeFirst();
      return row?.version;
    });
  }

  /** @returns the new version, or undefined when the tenant is gone or no longer of the expected version. */
  replace(id: string, expectedVersion: number, document: string, at: number): Promise<number | undefined> {
    return changing(this.#db, "tenants", async (db, version) => {
      const row = await db
        .updateTable("tenant")
        .set({ version, document, updated_at: at })
        .where("id", "=", id)
        .where("version", "=", expectedVersion)
        .returning("version")
        .executeTakeFirst();
      return row?.version;
    });
  }

  /** @returns false when the tenant is gone or no longer of the expected version. */
  remove(id: string, expectedVersion: number): Promise<boolean> {
    return changing(this.#db, "tenants", async (db) => {
      const { numDeletedRows } = await db
        .deleteFrom("tenant")
        .where("id", "=", id)
        .where("version", "=", expectedVersion)
        .executeTakeFirst();
      return numDeletedRows > 0n;
    });
  }
}

function fromRow(row: TenantRow): StoredTenant {
  return {
    id: row.id,
    version: row.version,
    source: row.source,
    document: row.document,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
