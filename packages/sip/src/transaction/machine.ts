import type { Clock } from "../ports.ts";
import type { Lingering } from "./storage.ts";
import type { Timers } from "./timers.ts";

/** What a transaction borrows from the layer that owns it. */
export interface MachineContext {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Non-INVITE transactions for 64*T1: clients that wait for an answer (timer F); servers for theirs, and then for copies (timer J). */
  readonly clients: Lingering;
  readonly servers: Lingering;
  /** Requests over an unreliable way, for T1 until they are sent again first (timer E). */
  readonly resends: Lingering;
  /** Clients that have had their answer, for T4 (timer K); undefined: they wait no longer. */
  readonly clientsDone: Lingering | undefined;
  /** A fresh tag, branch or other token of letters and digits. */
  token(length: number): string;
  /** Runs a listener; what it throws goes to the layer's `onError` and no further. */
  guard(run: () => void): boolean;
}
