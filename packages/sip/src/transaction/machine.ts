import type { Clock } from "../ports.ts";
import type { Timers } from "./timers.ts";

/** What a transaction borrows from the layer that owns it. */
export interface MachineContext {
  readonly clock: Clock;
  readonly timers: Timers;
  /** A fresh tag, branch or other token of letters and digits. */
  token(length: number): string;
  /** Runs a listener; what it throws goes to the layer's `onError` and no further. */
  guard(run: () => void): boolean;
}
