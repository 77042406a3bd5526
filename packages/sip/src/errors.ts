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
  "sip/too-large": [513, "The message is larger than 64 KiB or has too many header lines"],
  "sip/start-line": [400, "The start line is neither a Request-Line nor a Status-Line"],
  "sip/version": [505, "The SIP version is not 2.0"],
  "sip/header": [400, "A header line is malformed"],
  "sip/header-missing": [400, "A mandatory header field is missing"],
  "sip/header-repeated": [400, "A header field that may occur once occurs more often"],
  "sip/value": [400, "The value of a header field is malformed"],
  "sip/uri": [400, "The URI is malformed"],
  "sip/content-length": [400, "Content-Length does not fit the message"],
  "sip/injection": [500, "A name or value would break the structure of the message"],
  "sip/octets": [500, "The text is not an octet string"],
  "sip/bad-response": [500, "The response is malformed"],
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
