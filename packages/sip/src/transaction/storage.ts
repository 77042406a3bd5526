import type { Clock } from "../ports.ts";

/**
 * What lives for the time of a transaction, by keys made of a message's own words. A `Map` is one.
 *
 * @example
 * const table: TransactionTable<ServerTransaction> = new Map();
 */
export interface TransactionTable<T> {
  readonly size: number;
  get(key: string): T | undefined;
  set(key: string, value: T): unknown;
  delete(key: string): unknown;
  clear(): void;
  values(): Iterable<T>;
}

/**
 * A transaction that waits for its time to end.
 *
 * @example
 * const late: Waiting = { expire: () => console.log("nothing more will come") };
 * clock.setTimer(accessTimers.t4, () => late.expire());
 */
export interface Waiting {
  /** Its time is over. It may have ended before. */
  expire(): void;
}

/**
 * Transactions that wait all equally long: for a final response, or after it for copies of it or of the request (timers F, K and
 * J).
 *
 * @example
 * // One timer for all would do as well; this is one each.
 * function queue(ms: number): TransactionQueue {
 *   const waiting = new Set<() => void>();
 *   return {
 *     add(one) {
 *       const stop = clock.setTimer(ms, () => one.expire());
 *       waiting.add(stop);
 *       return stop;
 *     },
 *     clear: () => waiting.forEach((stop) => stop()),
 *   };
 * }
 */
export interface TransactionQueue {
  /** Returns how to forget it before its time, where that is worth it. */
  add(one: Waiting): (() => void) | undefined;
  /** Forgets all that could not be forgotten one by one. */
  clear(): void;
}

/** Where a transaction layer keeps its transactions. */
export interface TransactionStorage {
  table<T>(): TransactionTable<T>;
  queue(clock: Clock, ms: number): TransactionQueue;
  /** For clients that have had their final response over an unreliable way (timer K): whether copies of it are awaited at all. */
  copies(clock: Clock, ms: number): TransactionQueue;
}

const oneByOne = (clock: Clock, ms: number): TransactionQueue => ({
  add: (one) => clock.setTimer(ms, () => one.expire()),
  clear() {},
});

/** For the few transactions of a user's own. */
export const smallStorage: TransactionStorage = { table: () => new Map(), queue: oneByOne, copies: oneByOne };
