import type { SipErrorCode } from "./errors.ts";

// Apart from the errors, so that a page that shows none of this does not carry it.
const explanations: Record<SipErrorCode, { cause: string; remedy: string }> = {
  "sip/too-large": {
    cause: "The peer sent, or a caller built, a message larger than 64 KiB or with too many header lines",
    remedy: "Send a smaller body; put large content behind a URL",
  },
  "sip/start-line": {
    cause: "The octets are not SIP, or spaces stand where RFC 3261 §7.1 and §7.2 allow none",
    remedy: "Correct the start line at the sender",
  },
  "sip/version": {
    cause: "The start line names another protocol version",
    remedy: "Use SIP/2.0",
  },
  "sip/header": {
    cause: "A header line lacks its colon, has an illegal name, or the head has no end",
    remedy: "Correct the header line at the sender",
  },
  "sip/header-missing": {
    cause: "RFC 3261 §8.1.1 demands To, From, CSeq, Call-ID and Via in every message",
    remedy: "Add the header field at the sender",
  },
  "sip/header-repeated": {
    cause: "Two values of one single-value header field contradict each other (RFC 3261 §7.3.1)",
    remedy: "Send the header field once",
  },
  "sip/value": {
    cause: "The value breaks the grammar of RFC 3261 §25 or its range",
    remedy: "Correct the value at the sender",
  },
  "sip/uri": {
    cause: "The text breaks the grammar of RFC 3261 §19.1, RFC 3966 or RFC 3986",
    remedy: "Correct the URI; escape characters with a meaning of their own",
  },
  "sip/content-length": {
    cause: "The value is no number, or promises more octets than there are (RFC 3261 §18.3)",
    remedy: "Send the exact number of octets of the body",
  },
  "sip/injection": {
    cause: "Text handed to a setter holds CR, LF or NUL, or a header name is no token",
    remedy: "Check the text where it enters the system",
  },
  "sip/octets": {
    cause: "A character above U+00FF stands where octets are expected",
    remedy: "Convert text with octets.fromText first",
  },
  "sip/bad-response": {
    cause: "A status outside 100 to 699, or a value a response cannot carry",
    remedy: "Drop the response",
  },
};

/**
 * What leads to an error, and what to do about it: fixed texts for operators and developers.
 *
 * @example
 * ```ts
 * explainSipError("sip/version").remedy; // "Use SIP/2.0"
 * ```
 */
export function explainSipError(code: SipErrorCode): { cause: string; remedy: string } {
  return explanations[code];
}
