import type { SdpErrorCode } from "./errors.ts";

// Apart from the errors, so that a page that shows none of this does not carry it.
const explanations: Record<SdpErrorCode, { cause: string; remedy: string }> = {
  "sdp/too-large": {
    cause: "The description is longer than 32 KiB: more than any endpoint needs, or no session description.",
    remedy: "Offer fewer media, codecs or candidates.",
  },
  "sdp/too-many-media": {
    cause: "It has more than 64 m-lines; those that have gone keep their m-lines (RFC 3264 §8).",
    remedy: "Offer fewer media; use the lines of port 0 again for new ones.",
  },
  "sdp/version": {
    cause: "The body is no session description, or one of a later version.",
    remedy: "Send SDP of version 0 (RFC 8866).",
  },
  "sdp/syntax": {
    cause: "A line has no letter with an equals sign, stands twice, or its value is none of its kind (RFC 8866 §9).",
    remedy: "Correct the line that the message names.",
  },
  "sdp/unsafe-text": {
    cause:
      "A value has CR, LF or NUL: text from elsewhere went into the model unchecked, or one line was meant to be two.",
    remedy: "Remove the character before the value goes into the model.",
  },
};

/**
 * What leads to an error, and what to do about it: for operators and developers.
 *
 * @example
 * ```ts
 * explainSdpError("sdp/syntax").remedy; // "Correct the line that the message names."
 * ```
 */
export function explainSdpError(code: SdpErrorCode): { cause: string; remedy: string } {
  return explanations[code];
}
