import { SipError } from "./errors.ts";
import { headerIdAt } from "./headerNames.ts";
import { code, isSpace, isTokenChar } from "./scan.ts";

const maxLines = 512;

/** Ints a header line takes in the index: its header's number, its first octet, its colon. */
export const stride: number = 3;

// One message at a time is indexed, so one buffer serves all; what is kept of it is copied.
const scratch = new Int32Array((maxLines + 1) * stride);

/**
 * Where the lines of a head stand. For line `n`, `lines[n * stride]` is the header's number, then its first octet and its
 * colon; after the last line stands a mark whose first octet is that of the empty line.
 */
export interface LineIndex {
  readonly lines: Int32Array;
  /** First octet of the body. */
  readonly body: number;
}

/** The CR that ends the line beginning at `from`: both octets of CRLF, neither of them alone (RFC 3261 §7). */
export function endOfLine(octets: string, from: number): number {
  const cr = octets.indexOf("\r", from);
  const lf = octets.indexOf("\n", from);
  // A lone CR or LF might be a line's end to the next element, which then would see other header lines than this one.
  if (cr < 0 || lf !== cr + 1) throw new SipError("sip/header", "line end");
  return cr;
}

/**
 * Finds the header lines from `from` to the empty line in one pass. A folded line belongs to the one it continues.
 * @throws SipError `sip/header`, `sip/too-large`
 */
export function indexLines(octets: string, from: number): LineIndex {
  let count = 0;
  let at = from;
  for (;;) {
    const cr = endOfLine(octets, at);
    if (cr === at) break;
    if (isSpace(octets.charCodeAt(at))) {
      if (count === 0) throw new SipError("sip/header", "continuation of nothing");
    } else {
      if (count === maxLines) throw new SipError("sip/too-large", "header lines");
      let end = at;
      while (isTokenChar(octets.charCodeAt(end))) end++;
      let colon = end;
      while (isSpace(octets.charCodeAt(colon))) colon++;
      if (end === at || octets.charCodeAt(colon) !== code.colon) throw new SipError("sip/header", "name");
      const entry = count * stride;
      scratch[entry] = headerIdAt(octets, at, end);
      scratch[entry + 1] = at;
      scratch[entry + 2] = colon;
      count++;
    }
    at = cr + 2;
  }
  scratch[count * stride + 1] = at;
  return { lines: scratch.slice(0, count * stride + 2), body: at + 2 };
}
