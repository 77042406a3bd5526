/** Stable name of an error of this package, for `switch (error.code)`. */
export type SipErrorCode =
  | "sip/too-large"
  | "sip/start-line"
  | "sip/version"
  | "sip/header"
  | "sip/header-missing"
  | "sip/header-repeated"
  | "sip/value"
  | "sip/uri"
  | "sip/content-length"
  | "sip/injection"
  | "sip/octets"
  | "sip/bad-response";

/** Statuses other than 400: what is too large or of another version, and faults on our own side. */
const statuses: Partial<Record<SipErrorCode, number>> = {
  "sip/too-large": 513,
  "sip/version": 505,
  "sip/injection": 500,
  "sip/octets": 500,
  "sip/bad-response": 500,
};

/**
 * The one error this package throws; `explainSipError` tells what leads to it and what to do.
 *
 * `detail`, part of the message, says where it went wrong and never holds a header value, so that tokens and names do not
 * reach a log.
 *
 * @example
 * ```ts
 * try {
 *   parseUri("sip:");
 * } catch (error) {
 *   if (error instanceof SipError) console.log(error.code, error.status); // sip/uri 400
 * }
 * ```
 */
export class SipError extends Error {
  override readonly name = "SipError";
  readonly code: SipErrorCode;
  /** SIP status (400 to 699) to answer with when a request caused the error. */
  readonly status: number;

  constructor(code: SipErrorCode, detail?: string) {
    super(detail === undefined ? code : `${code}: ${detail}`);
    this.code = code;
    this.status = statuses[code] ?? 400;
  }
}
