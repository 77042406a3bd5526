import { SipError } from "./errors.ts";
import { guessedName, headerIdAt } from "./headerNames.ts";
import { code, endOfText, isSpace, isTokenChar } from "./scan.ts";

/** Most header lines of a message. */
export const maxLines: number = 512;

/** Numbers a header line takes in the index: its header's number, its first octet, where its value begins and ends. */
export const stride: number = 4;

// Room for the lines of most messages, copied in one go. A plain array: an Int32Array of this size lives outside the heap,
// and to make one costs as much as a third of all parsing.
const blank: readonly number[] = Array.from({ length: 24 * stride }, () => 0);

/**
 * Where the parts of a head stand. For line `n`, `lines[n * stride]` is the header's number, then its first octet and those
 * of its value; the end of a value on several lines is given as its complement. After the last line stands a mark whose
 * first octet is that of the empty line.
 */
export interface LineIndex {
  readonly lines: number[];
  /** Number of lines. */
  readonly count: number;
  /** First octet of the body. */
  readonly body: number;
  /** A bit for each header number whose values all are of a plain form: on one line, ASCII (plain.ts). */
  plain: number;
}

/** An index of no lines. */
export function emptyIndex(): LineIndex {
  return { lines: [0, 0], count: 0, body: 0, plain: 0 };
}

/** The CR that ends the line beginning at `from`: both octets of CRLF, neither of them alone (RFC 3261 §7). */
export function endOfLine(octets: string, from: number): number {
  const cr = octets.indexOf("\r", from);
  // A lone CR or LF might be a line's end to the next element, which then would see other header lines than this one.
  if (cr < 0 || octets.indexOf("\n", from) !== cr + 1) throw new SipError("sip/header", "line end");
  return cr;
}

/**
 * Finds the header lines from `from` to the empty line in one pass. A folded line belongs to the one it continues.
 * @throws SipError `sip/header`, `sip/too-large`
 */
export function indexLines(octets: string, from: number): LineIndex {
  const lines = blank.slice();
  let count = 0;
  let at = from;
  for (;;) {
    const cr = endOfLine(octets, at);
    if (cr === at) break;
    if (isSpace(octets.charCodeAt(at))) {
      if (count === 0) throw new SipError("sip/header", "continuation of nothing");
      lines[(count - 1) * stride + 3] = ~endOfText(octets, at, cr);
    } else {
      if (count === maxLines) throw new SipError("sip/too-large", "header lines");
      // Most names are told by their first letters; what is guessed is compared to the colon.
      let id = guessedName(octets, at);
      let colon = at + (id >> 8);
      id &= 0xff;
      if (id === 0) {
        while (isTokenChar(octets.charCodeAt(colon))) colon++;
        if (colon === at) throw new SipError("sip/header", "name");
        id = headerIdAt(octets, at, colon);
        while (isSpace(octets.charCodeAt(colon))) colon++;
        if (octets.charCodeAt(colon) !== code.colon) throw new SipError("sip/header", "name");
      }
      let value = colon + 1;
      while (isSpace(octets.charCodeAt(value))) value++;
      const entry = count * stride;
      lines[entry] = id;
      lines[entry + 1] = at;
      lines[entry + 2] = value;
      lines[entry + 3] = endOfText(octets, value, cr);
      count++;
    }
    at = cr + 2;
  }
  lines[count * stride + 1] = at;
  return { lines, count, body: at + 2, plain: 0 };
}
