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

interface Entry {
  readonly message: string;
  readonly cause: string;
  readonly remedy: string;
  /** Status to answer a request with that led to this error; 500 where the fault is on our own side. */
  readonly status: number;
}

const catalogue: Record<SipErrorCode, Entry> = {
  "sip/too-large": {
    message: "The message is larger than 64 KiB or has too many header lines",
    cause: "The peer sent, or a caller built, a message beyond the limits of this stack",
    remedy: "Send a smaller body; put large content behind a URL",
    status: 513,
  },
  "sip/start-line": {
    message: "The start line is neither a Request-Line nor a Status-Line",
    cause: "The octets are not SIP, or spaces stand where RFC 3261 §7.1 and §7.2 allow none",
    remedy: "Correct the start line at the sender",
    status: 400,
  },
  "sip/version": {
    message: "The SIP version is not 2.0",
    cause: "The start line names another protocol version",
    remedy: "Use SIP/2.0",
    status: 505,
  },
  "sip/header": {
    message: "A header line is malformed",
    cause: "A header line lacks its colon, has an illegal name, or the head has no end",
    remedy: "Correct the header line at the sender",
    status: 400,
  },
  "sip/header-missing": {
    message: "A mandatory header field is missing",
    cause: "RFC 3261 §8.1.1 demands To, From, CSeq, Call-ID and Via in every message",
    remedy: "Add the header field at the sender",
    status: 400,
  },
  "sip/header-repeated": {
    message: "A header field that may occur once occurs more often",
    cause: "Two values of one single-value header field contradict each other (RFC 3261 §7.3.1)",
    remedy: "Send the header field once",
    status: 400,
  },
  "sip/value": {
    message: "The value of a header field is malformed",
    cause: "The value breaks the grammar of RFC 3261 §25 or its range",
    remedy: "Correct the value at the sender",
    status: 400,
  },
  "sip/uri": {
    message: "The URI is malformed",
    cause: "The text breaks the grammar of RFC 3261 §19.1, RFC 3966 or RFC 3986",
    remedy: "Correct the URI; escape characters with a meaning of their own",
    status: 400,
  },
  "sip/content-length": {
    message: "Content-Length does not fit the message",
    cause: "The value is no number, or promises more octets than there are (RFC 3261 §18.3)",
    remedy: "Send the exact number of octets of the body",
    status: 400,
  },
  "sip/injection": {
    message: "A name or value would break the structure of the message",
    cause: "Text handed to a setter holds CR, LF or NUL, or a header name is no token",
    remedy: "Check the text where it enters the system",
    status: 500,
  },
  "sip/octets": {
    message: "The text is not an octet string",
    cause: "A character above U+00FF stands where octets are expected",
    remedy: "Convert text with octets.fromText first",
    status: 500,
  },
  "sip/bad-response": {
    message: "The response is malformed",
    cause: "A status outside 100 to 699, or a value a response cannot carry",
    remedy: "Drop the response",
    status: 500,
  },
};

/**
 * The one error this package throws.
 *
 * `cause` and `remedy` are fixed texts for operators; `detail`, part of the message, says where it went wrong and never
 * holds a header value, so that tokens and names do not reach a log.
 */
export class SipError extends Error {
  override readonly name = "SipError";
  readonly code: SipErrorCode;
  /** SIP status (400 to 699) to answer with when a request caused the error. */
  readonly status: number;
  override readonly cause: string;
  readonly remedy: string;

  constructor(code: SipErrorCode, detail?: string) {
    const entry = catalogue[code];
    super(detail === undefined ? entry.message : `${entry.message}: ${detail}`);
    this.code = code;
    this.status = entry.status;
    this.cause = entry.cause;
    this.remedy = entry.remedy;
  }
}
