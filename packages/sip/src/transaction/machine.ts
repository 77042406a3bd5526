import type { Clock } from "../ports.ts";
import type { Lingering } from "./storage.ts";
import type { Timers } from "./timers.ts";

/** What a transaction borrows from the layer that owns it. */
export interface MachineContext {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Non-INVITE transactions that wait for timer K, or J, to end. */
  readonly clientsDone: Lingering;
  readonly serversDone: Lingering;
  /** A fresh tag, branch or other token of letters and digits. */
  token(length: number): string;
  /** Runs a listener; what it throws goes to the layer's `onError` and no further. */
  guard(run: () => void): boolean;
}
