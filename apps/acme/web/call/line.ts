/** How a call travels: between two browsers, or by IMS. */
export type Path = "direct" | "ims";

/**
 *     dialling -> ringing -> [connecting] -> active <-> held -> ended
 *
 * `ringing` is also an incoming call that waits for an answer; `early`: the network plays something before the answer;
 * `connecting`: answered, the audio path is not there yet.
 */
export type LineState = "dialling" | "ringing" | "early" | "connecting" | "active" | "held" | "ended";

/** Why a call on a line is over. */
export type EndCause =
  | "hangup"
  | "moved"
  | "declined"
  | "busy"
  | "unreachable"
  | "no-answer"
  | "answered-elsewhere"
  | "lost"
  | "failed"
  | "refused"
  | "emergency";

/** Who is at the other end. */
export interface Party {
  /** Set for a colleague. */
  readonly user?: string;
  readonly name?: string;
  readonly number?: string;
}

/** One call on one path; the arbiter treats both paths alike. */
export interface LineCall {
  readonly path: Path;
  readonly party: Party;
  readonly state: LineState;
  /** Once ended. */
  readonly end: { readonly cause: EndCause; readonly text?: string } | undefined;
  /** What to play. */
  readonly stream: MediaStream | undefined;
  onChange(listener: () => void): () => void;
  answer(microphone: MediaStream): void;
  /** @param cause `busy`: this page is taken, other pages may ring on. */
  decline(cause: "declined" | "busy"): void;
  /** @param cause `moved`: the same call goes on by the other path. */
  hangUp(cause: "hangup" | "moved"): void;
  setMuted(muted: boolean): void;
  /** @returns false when it could not be sent. */
  sendDigit(digit: string): boolean;
}
