import type { Database } from "./schema.ts";

/** A node of the portal that works on this database. */
export interface StoredNode {
  /** Host and port on Mw. */
  readonly name: string;
  /** Where the other nodes reach its Admin API; undefined: it has none. */
  readonly adminUrl: string | undefined;
  /** When it last said that it lives, milliseconds since the epoch by its own clock. */
  readonly seenAt: number;
}

/** Owner of table `node`: who else there is. */
export class Nodes {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Notes that a node lives. */
  async seen({ name, adminUrl, seenAt }: StoredNode): Promise<void> {
    const row = { admin_url: adminUrl ?? null, seen_at: seenAt };
    await this.#db
      .insertInto("node")
      .values({ name, ...row })
      .onConflict((on) => on.column("name").doUpdateSet(row))
      .execute();
  }

  /** Those that have lived since, by name. */
  async since(time: number): Promise<StoredNode[]> {
    const rows = await this.#db.selectFrom("node").selectAll().where("seen_at", ">=", time).orderBy("name").execute();
    return rows.map(({ name, admin_url, seen_at }) => ({ name, adminUrl: admin_url ?? undefined, seenAt: seen_at }));
  }

  async remove(name: string): Promise<void> {
    await this.#db.deleteFrom("node").where("name", "=", name).execute();
  }
}
