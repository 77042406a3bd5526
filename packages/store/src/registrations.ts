import type { Selectable } from "kysely";
import { inPieces } from "./inPieces.ts";
import type { Database, Schema } from "./schema.ts";

/** A binding of the core that a node of the eP-CSCF has made. */
export interface StoredRegistration {
  /** User part of the Contact toward the core; unique on its node. */
  readonly key: string;
  readonly impu: string;
  readonly impi: string;
  readonly tenant: string;
  /** Id of the lease it was made under. */
  readonly sessionId: string;
  /** Contact value toward the core. */
  readonly contact: string;
  /** Path URI. */
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly grantedUntil: number;
}

/** Owner of table `registration`: what each node has bound in the core, for the time after its crash. */
export class StoredRegistrations {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  async all(node: string): Promise<StoredRegistration[]> {
    const rows = await this.#db.selectFrom("registration").selectAll().where("node", "=", node).execute();
    return rows.map(stored);
  }

  /**
   * Makes what other nodes have left of wildcarded blocks a node's own; the bindings of users stay, since their leases live on elsewhere.
   * @param seenBefore milliseconds since the epoch: a node that has not been seen since is gone
   * @returns what has become its own
   */
  async inherit(node: string, seenBefore: number): Promise<StoredRegistration[]> {
    const rows = await this.#db
      .updateTable("registration")
      .set({ node })
      .where("lease_id", "=", "")
      .where("node", "in", (eb) => eb.selectFrom("node").select("name").where("seen_at", "<", seenBefore))
      .where("node", "!=", node)
      .where("key", "not in", (eb) =>
        eb.selectFrom("registration as own").select("own.key").where("own.node", "=", node),
      )
      .returningAll()
      .execute();
    return rows.map(stored);
  }

  /** Writes anew what has the same key. */
  async save(node: string, registrations: readonly StoredRegistration[]): Promise<void> {
    for (const piece of inPieces(registrations)) {
      const rows = piece.map((one) => ({
        node,
        key: one.key,
        impu: one.impu,
        impi: one.impi,
        tenant: one.tenant,
        lease_id: one.sessionId,
        contact: one.contact,
        path: one.path,
        granted_until: one.grantedUntil,
      }));
      await this.#db
        .insertInto("registration")
        .values(rows)
        .onConflict((on) =>
          on.columns(["node", "key"]).doUpdateSet((eb) => ({
            impu: eb.ref("excluded.impu"),
            impi: eb.ref("excluded.impi"),
            tenant: eb.ref("excluded.tenant"),
            lease_id: eb.ref("excluded.lease_id"),
            contact: eb.ref("excluded.contact"),
            path: eb.ref("excluded.path"),
            granted_until: eb.ref("excluded.granted_until"),
          })),
        )
        .execute();
    }
  }

  async remove(node: string, keys: readonly string[]): Promise<void> {
    for (const piece of inPieces(keys)) {
      await this.#db.deleteFrom("registration").where("node", "=", node).where("key", "in", piece).execute();
    }
  }
}

function stored({
  key,
  impu,
  impi,
  tenant,
  lease_id: sessionId,
  contact,
  path,
  granted_until: grantedUntil,
}: Selectable<Schema["registration"]>): StoredRegistration {
  return { key, impu, impi, tenant, sessionId, contact, path, grantedUntil };
}
