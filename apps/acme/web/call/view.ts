import type { CallEnd } from "./endings.ts";
import type { Party, Path } from "./line.ts";

/**
 *     calling -> ringing -> connecting -> active <-> held -> ended
 *     incoming -> connecting -> active ...
 */
export type Phase = "incoming" | "calling" | "ringing" | "connecting" | "active" | "held" | "ended";

/** The one call of this page, as it is shown. */
export interface CallView {
  readonly phase: Phase;
  readonly direction: "out" | "in";
  readonly path: Path;
  readonly party: Party;
  readonly muted: boolean;
  /** A word on what is going on, e.g. that the path has changed. */
  readonly note?: string;
  /** When it was answered, in milliseconds of `performance.now`. */
  readonly since?: number;
  /** Seconds that were talked, once ended. */
  readonly seconds?: number;
  readonly end?: CallEnd;
  /** The network itself plays the ringing. */
  readonly early?: boolean;
}
