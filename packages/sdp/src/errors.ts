/** What can be wrong with a session description, and the SIP status that answers it; explain.ts says more. */
const catalogue = {
  "sdp-too-large": [413, "The SDP is longer than 32 KiB."],
  "sdp-too-many-media": [488, "The SDP has more than 64 m-lines."],
  "sdp-version": [488, "The SDP does not begin with v=0."],
  "sdp-syntax": [400, "A line of the SDP is malformed."],
  "sdp-unsafe-text": [500, "A value has CR, LF or NUL."],
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

  /** @param detail where and what: no personal data beyond the line's type letter */
  constructor(code: SdpErrorCode, detail?: string) {
    const [status, message] = catalogue[code];
    super(detail === undefined ? message : `${message} ${detail}`);
    this.code = code;
    this.status = status;
  }
}
