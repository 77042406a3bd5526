import { changing } from "./changes.ts";
import type { Database } from "./schema.ts";

/** Owner of table `suspension`: tenants the operator has suspended at run time. A change counts as one of `suspensions`. */
export class Suspensions {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async all(): Promise<string[]> {
    return (await this.#db.selectFrom("suspension").select("tenant").execute()).map((row) => row.tenant);
  }

  async add(tenant: string, since: number): Promise<void> {
    await changing(this.#db, "suspensions", async (db) => {
      await db
        .insertInto("suspension")
        .values({ tenant, since })
        .onConflict((on) => on.doNothing())
        .execute();
    });
  }

  async remove(tenant: string): Promise<void> {
    await changing(this.#db, "suspensions", async (db) => {
      await db.deleteFrom("suspension").where("tenant", "=", tenant).execute();
    });
  }
}
