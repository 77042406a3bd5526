import { ApiKeys } from "./apiKeys.ts";
import { SeenAssertions } from "./assertions.ts";
import { Assignments } from "./assignments.ts";
import { atomically } from "./atomically.ts";
import { Audit } from "./audit.ts";
import { Blocks } from "./blocks.ts";
import { Calls } from "./calls.ts";
import { Changes } from "./changes.ts";
import { connect, migrate, type StoreTarget } from "./database.ts";
import { Idempotency } from "./idempotency.ts";
import { IssuedTokens } from "./issuedTokens.ts";
import { KeptKeysTable } from "./keptKeys.ts";
import { Leases } from "./leases.ts";
import { Messages } from "./messages.ts";
import { Nodes } from "./nodes.ts";
import { RefreshTokens } from "./refreshTokens.ts";
import { RegistrationRecords } from "./registrationRecords.ts";
import { StoredRegistrations } from "./registrations.ts";
import type { Database } from "./schema.ts";
import { SubscriptionRecords } from "./subscriptionRecords.ts";
import { Suspensions } from "./suspensions.ts";
import { Tenants } from "./tenants.ts";
import { Usage } from "./usage.ts";

/** One owner for each table. */
export interface Tables {
  readonly blocks: Blocks;
  readonly assignments: Assignments;
  readonly leases: Leases;
  readonly refreshTokens: RefreshTokens;
  readonly issuedTokens: IssuedTokens;
  readonly assertions: SeenAssertions;
  readonly suspensions: Suspensions;
  readonly registrations: StoredRegistrations;
  readonly tenants: Tenants;
  readonly apiKeys: ApiKeys;
  readonly idempotency: Idempotency;
  readonly audit: Audit;
  readonly changes: Changes;
  readonly calls: Calls;
  readonly messages: Messages;
  readonly registrationRecords: RegistrationRecords;
  readonly subscriptionRecords: SubscriptionRecords;
  readonly usage: Usage;
  readonly keptKeys: KeptKeysTable;
  readonly nodes: Nodes;
}

/** An open database. What a call has written when its promise resolves survives a kill and a loss of power. */
export interface Store extends Tables {
  /**
   * Runs `work` as one: all of it is kept, or nothing when it throws. Inside, use the tables it is given. On SQLite
   * transactions run one after the other. On PostgreSQL they run side by side: what is read of an assignment is locked,
   * and with it all leases and tokens under it, so read these after it. Where two get in each other's way `work` is run
   * again, so it must have no effects beside what it writes.
   *
   * @throws StoreError `store/busy`, `store/unreachable`: after the latter nobody knows whether it was kept
   */
  transaction<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  /** Waits for the transactions that have begun. */
  settled(): Promise<void>;
  /** Waits for the transactions that have begun, and closes the database. May be called again. */
  close(): Promise<void>;
}

/**
 * Opens the database and brings its tables up to date.
 *
 * @throws StoreError `store/open`, `store/unreachable`, `store/newer`, `store/migration`
 * @example
 * const store = await openStore({ sqlite: ":memory:" });
 * await store.suspensions.add("acme", Date.now());
 * await store.close();
 */
export async function openStore(target: StoreTarget): Promise<Store> {
  const db = await openMigrated(target);
  const running = new Set<Promise<unknown>>();
  const settled = async (): Promise<void> => void (await Promise.allSettled(running));
  return {
    ...tablesOf(db),
    transaction(work) {
      const result = atomically(db, (transaction) => work(tablesOf(transaction)));
      running.add(result);
      return result.finally(() => running.delete(result));
    },
    settled,
    async close() {
      await settled();
      await db.destroy();
    },
  };
}

async function openMigrated(target: StoreTarget): Promise<Database> {
  const db = connect(target, false);
  try {
    await migrate(db, target);
    // What is in memory alone would be gone with its connection.
    if ("sqlite" in target) return db;
  } catch (error) {
    await db.destroy();
    throw error;
  }
  await db.destroy();
  return connect(target, true);
}

/** The owners of all tables, on a database or one transaction on it. */
export function tablesOf(db: Database): Tables {
  return {
    blocks: new Blocks(db),
    assignments: new Assignments(db),
    leases: new Leases(db),
    refreshTokens: new RefreshTokens(db),
    issuedTokens: new IssuedTokens(db),
    assertions: new SeenAssertions(db),
    suspensions: new Suspensions(db),
    tenants: new Tenants(db),
    apiKeys: new ApiKeys(db),
    idempotency: new Idempotency(db),
    audit: new Audit(db),
    changes: new Changes(db),
    registrations: new StoredRegistrations(db),
    calls: new Calls(db),
    messages: new Messages(db),
    registrationRecords: new RegistrationRecords(db),
    subscriptionRecords: new SubscriptionRecords(db),
    usage: new Usage(db),
    keptKeys: new KeptKeysTable(db),
    nodes: new Nodes(db),
  };
}
