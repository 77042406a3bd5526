import type { Random } from "../ports.ts";
import { LinkedQueue } from "./queue.ts";
import type { TransactionQueue, TransactionStorage } from "./storage.ts";
import { HashedTable, tableSecret } from "./table.ts";

/**
 * Five seconds of transactions would be the most of what a server keeps, and of what its collector of garbage moves. A copy that
 * comes after all belongs to nobody, and is dropped as it would have been.
 */
const unawaited: TransactionQueue = {
  add: (one) => {
    one.expire();
    return undefined;
  },
  clear() {},
};

/**
 * For a server, through which thousands of transactions pass a second: tables that leave no garbage behind, one timer for all
 * that linger, and nobody who lingers for copies of a response. A page does without.
 *
 * @example
 * const ua = new UserAgent({ clock, random, storage: largeStorage(random), onRequest: (tx) => tx.reply(501) });
 */
export function largeStorage(random: Random): TransactionStorage {
  const secret = tableSecret(random);
  return {
    table: () => new HashedTable(secret),
    queue: (clock, ms) => new LinkedQueue(clock, ms),
    copies: () => unawaited,
  };
}
