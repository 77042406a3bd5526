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

/** Status to answer a request with that led to the error, 500 where the fault is on our own side; and its message. */
const catalogue: Record<SipErrorCode, readonly [status: number, message: string]> = {
  "sip/too-large": [513, "Message too large"],
  "sip/start-line": [400, "Malformed start line"],
  "sip/version": [505, "Not SIP/2.0"],
  "sip/header": [400, "Malformed header line"],
  "sip/header-missing": [400, "Header field missing"],
  "sip/header-repeated": [400, "Header field repeated"],
  "sip/value": [400, "Malformed header value"],
  "sip/uri": [400, "Malformed URI"],
  "sip/content-length": [400, "Content-Length does not fit"],
  "sip/injection": [500, "Unsafe name or value"],
  "sip/octets": [500, "Not an octet string"],
  "sip/bad-response": [500, "Malformed response"],
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
    const [status, message] = catalogue[code];
    super(detail === undefined ? message : `${message}: ${detail}`);
    this.code = code;
    this.status = status;
  }
}
