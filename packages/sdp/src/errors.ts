/** Stable name of an error of this package, for `switch (error.code)`. */
export type SdpErrorCode = "sdp/too-large" | "sdp/too-many-media" | "sdp/version" | "sdp/syntax" | "sdp/unsafe-text";

/** The SIP statuses that answer them. */
const statuses: Record<SdpErrorCode, number> = {
  "sdp/too-large": 413,
  "sdp/too-many-media": 488,
  "sdp/version": 488,
  "sdp/syntax": 400,
  "sdp/unsafe-text": 500,
};

/**
 * A session description that cannot be read or written. `status` is the SIP status of the answer; `explainSdpError` tells what
 * leads to it and what to do.
 *
 * @example
 * ```ts
 * try {
 *   parseSdp("hello");
 * } catch (error) {
 *   if (error instanceof SdpError) console.log(error.code, error.status); // sdp/version 488
 * }
 * ```
 */
export class SdpError extends Error {
  override readonly name: string = "SdpError";
  readonly code: SdpErrorCode;
  readonly status: number;

  /** @param detail where and what: no personal data beyond the line's type letter */
  constructor(code: SdpErrorCode, detail?: string) {
    super(detail === undefined ? code : `${code}: ${detail}`);
    this.code = code;
    this.status = statuses[code];
  }
}
