import type { Clock } from "../ports.ts";
import type { TransactionQueue } from "./storage.ts";
import type { Timers } from "./timers.ts";

/** What a transaction borrows from the layer that owns it. */
export interface MachineContext {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Non-INVITE transactions for 64*T1: those that wait for an answer (timer F), and servers that wait for copies (timer J). */
  readonly waiting: TransactionQueue;
  /** Clients that have had their answer, for T4 (timer K). */
  readonly clientsDone: TransactionQueue;
  /** A fresh tag, branch or other token of letters and digits. */
  token(length: number): string;
  /** Runs a listener; what it throws goes to the layer's `onError` and no further. */
  guard(run: () => void): boolean;
}
