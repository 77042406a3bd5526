/** What can be wrong with a session description, what to do about it, and the SIP status that answers it. */
const catalogue = {
  "sdp-too-large": {
    status: 413,
    cause: "The session description is longer than 32 KiB.",
    remedy: "Offer fewer media, codecs or candidates.",
  },
  "sdp-too-many-media": {
    status: 488,
    cause: "The session description has more than 64 m-lines.",
    remedy: "Offer fewer media.",
  },
  "sdp-version": {
    status: 488,
    cause: "The session description does not begin with v=0.",
    remedy: "Send SDP of version 0 (RFC 8866).",
  },
  "sdp-syntax": {
    status: 400,
    cause: "A line of the session description breaks the grammar of RFC 8866.",
    remedy: "Correct the line that the message names.",
  },
  "sdp-unsafe-text": {
    status: 500,
    cause: "A value to be written holds CR, LF or NUL and would begin a line of its own.",
    remedy: "Remove the character before the value goes into the model.",
  },
} as const;

/** The codes of {@link SdpError}. */
export type SdpErrorCode = keyof typeof catalogue;

/**
 * A session description that cannot be read or written. `status` is the SIP status of the answer.
 *
 * @example
 * ```ts
 * try {
 *   parseSdp("hello");
 * } catch (error) {
 *   if (error instanceof SdpError) console.log(error.code, error.status); // sdp-version 488
 * }
 * ```
 */
export class SdpError extends Error {
  override readonly name: string = "SdpError";
  readonly code: SdpErrorCode;
  readonly status: number;
  override readonly cause: string;
  readonly remedy: string;

  /** @param detail where and what: no personal data beyond the line's type letter */
  constructor(code: SdpErrorCode, detail?: string) {
    const { status, cause, remedy } = catalogue[code];
    super(detail === undefined ? cause : `${cause} ${detail}`);
    this.code = code;
    this.status = status;
    this.cause = cause;
    this.remedy = remedy;
  }
}
