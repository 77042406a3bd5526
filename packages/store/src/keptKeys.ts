import type { Database } from "./schema.ts";

/** Private keys that all nodes have, sealed by who keeps them here: the database alone opens none. */
export interface KeptKeys {
  /** Grows by one with each change. */
  readonly version: number;
  readonly sealed: string;
}

/** Owner of table `kept_keys`. */
export class KeptKeysTable {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async get(name: string): Promise<KeptKeys | undefined> {
    return await this.#db
      .selectFrom("kept_keys")
      .select(["version", "sealed"])
      .where("name", "=", name)
      .executeTakeFirst();
  }

  /** What {@link get} would tell, without the keys; undefined when there are none. */
  async version(name: string): Promise<number | undefined> {
    const row = await this.#db.selectFrom("kept_keys").select("version").where("name", "=", name).executeTakeFirst();
    return row?.version;
  }

  /**
   * Puts keys in the place of others.
   * @param former version that they were made from; undefined: there were none
   * @returns the new version; undefined when another node has been quicker, and then nothing is changed
   */
  async replace(name: string, sealed: string, former: number | undefined): Promise<number | undefined> {
    if (former === undefined) {
      const { numInsertedOrUpdatedRows = 0n } = await this.#db
        .insertInto("kept_keys")
        .values({ name, version: 1, sealed })
        .onConflict((on) => on.doNothing())
        .executeTakeFirst();
      return numInsertedOrUpdatedRows > 0n ? 1 : undefined;
    }
    const version = former + 1;
    const { numUpdatedRows } = await this.#db
      .updateTable("kept_keys")
      .set({ version, sealed })
      .where("name", "=", name)
      .where("version", "=", former)
      .executeTakeFirst();
    return numUpdatedRows > 0n ? version : undefined;
  }
}
