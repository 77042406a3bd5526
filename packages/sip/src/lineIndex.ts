import { bytes } from "./bytes.ts";
import { SipError } from "./errors.ts";
import {
  idCallId,
  idContact,
  idContentLength,
  idContentType,
  idCseq,
  idFrom,
  idMaxForwards,
  idRecordRoute,
  idRoute,
  idTo,
  idVia,
  headerId,
  nameAt,
} from "./headerNames.ts";
import {
  endOfToken,
  numberAt,
  plainAddress,
  plainAddresses,
  plainCSeq,
  plainNumber,
  plainVias,
  plainWord,
  tagEnd,
  tagStart,
} from "./plain.ts";
import { charColon, charCr, charLf, charSpace, charTab, endOfText, isSpace } from "./scan.ts";

/** Most header lines of a message. */
export const maxLines: number = 512;

/** Numbers a header line takes in the index: its header's number, its first octet, where its value begins and ends. */
export const stride: number = 4;

// The lines of the message that is being read, of which it keeps a copy as long as it needs. A plain array: an Int32Array of
// that size lives outside the heap, and to make one costs as much as a third of all parsing.
const scratch: number[] = Array.from({ length: (maxLines + 1) * stride }, () => 0);

/**
 * Where the parts of a head stand. For line `n`, `lines[n * stride]` is the header's number, then its first octet and those
 * of its value; the end of a value on several lines is given as its complement. After the last line stands a mark whose
 * first octet is that of the empty line.
 */
export interface LineIndex {
  lines: readonly number[];
  /** Number of lines. */
  count: number;
  /** First octet of the body. */
  body: number;
  /** All octets are ASCII. */
  readonly ascii: boolean;
  /** A bit for each header number up to that of Record-Route that occurs. */
  seen: number;
  /** Those of which some value is not of a plain form (plain.ts), or which stand twice where one may. */
  odd: number;
  /** Where the tags of a plain From and To stand; 0 when there is none, -1 when the value must be parsed to tell. */
  fromTag: number;
  fromTagEnd: number;
  toTag: number;
  toTagEnd: number;
  /** Of Content-Length; -1 without one. */
  length: number;
  /** Of a plain CSeq: its number, where its method begins and ends. */
  cseq: number;
  method: number;
  methodEnd: number;
}

// RFC 3261 §7.3.1: of what is no list there may be one.
export const single: number = [idFrom, idTo, idCallId, idCseq, idMaxForwards, idContentLength, idContentType].reduce(
  (mask, id) => mask | (1 << id),
  0,
);

const none: readonly number[] = [0, 0];

/** An index of no lines. */
export function emptyIndex(): LineIndex {
  return indexOf(false);
}

function indexOf(ascii: boolean): LineIndex {
  return {
    lines: none,
    count: 0,
    body: 0,
    ascii,
    seen: 0,
    odd: 0,
    fromTag: -1,
    fromTagEnd: 0,
    toTag: -1,
    toTagEnd: 0,
    length: -1,
    cseq: -1,
    method: 0,
    methodEnd: 0,
  };
}

/**
 * The CR that ends the line which goes on at `from`: both octets of CRLF, neither of them alone (RFC 3261 §7). A lone one might be a
 * line's end to the next element, which then would see other header lines than this one.
 */
export function endOfLine(source: string, from: number): number {
  const cr = source.indexOf("\r", from);
  if (cr < 0 || source.indexOf("\n", from) !== cr + 1) throw new SipError("sip/header", "line end");
  return cr;
}

function isLineEnd(at: number): boolean {
  return bytes[at] === charCr && bytes[at + 1] === charLf;
}

function skipBlanks(at: number): number {
  let i = at;
  while (bytes[i] === charSpace || bytes[i] === charTab) i++;
  return i;
}

/** Position after a value of a plain form, -1 when it is of another. */
function endOfPlain(id: number, at: number): number {
  switch (id) {
    case idVia:
      return plainVias(at);
    case idFrom:
    case idTo:
      return plainAddress(at);
    case idContact:
    case idRoute:
    case idRecordRoute:
      return plainAddresses(at);
    case idCallId:
      return plainWord(at);
    case idCseq:
      return plainCSeq(at);
    case idContentLength:
      return plainNumber(at);
    case idMaxForwards: {
      // RFC 3261 §20.22: 0 to 255
      const end = plainNumber(at);
      return end >= 0 && numberAt(at, end) <= 255 ? end : -1;
    }
    default:
      return -1;
  }
}

/** Keeps what a plain value says. */
function note(index: LineIndex, id: number, from: number, to: number): void {
  if (id === idFrom) {
    index.fromTag = tagStart;
    index.fromTagEnd = tagEnd;
  } else if (id === idTo) {
    index.toTag = tagStart;
    index.toTagEnd = tagEnd;
  } else if (id === idContentLength) index.length = numberAt(from, to);
  else if (id === idCseq) {
    const space = plainNumber(from);
    index.cseq = numberAt(from, space);
    index.method = space + 1;
    index.methodEnd = to;
  }
}

/**
 * Finds the header lines from `from` to the empty line in one pass over {@link bytes}, which hold `source`, and looks at the values
 * that every message has. A folded line belongs to the one it continues.
 * @throws SipError `sip/header`, `sip/too-large`
 */
export function indexLines(source: string, from: number, ascii: boolean): LineIndex {
  const lines = scratch;
  const index = indexOf(ascii);
  let count = 0;
  let at = from;
  let seen = 0;
  let odd = 0;
  while (!isLineEnd(at)) {
    if (isSpace(bytes[at] ?? 0)) {
      if (count === 0) throw new SipError("sip/header", "continuation of nothing");
      const entry = (count - 1) * stride;
      const cr = endOfLine(source, at);
      lines[entry + 3] = ~endOfText(source, at, cr);
      if ((lines[entry] ?? 0) <= idRecordRoute) odd |= 1 << (lines[entry] ?? 0);
      at = cr + 2;
      continue;
    }
    if (count === maxLines) throw new SipError("sip/too-large", "header lines");
    let id = nameAt(at);
    let colon = at + (id >> 8);
    id &= 0xff;
    if (id === 0) {
      colon = endOfToken(at);
      if (colon === at) throw new SipError("sip/header", "name");
      id = colon - at > 3 && bytes[colon] === charColon ? 0 : headerId(source.slice(at, colon));
      colon = skipBlanks(colon);
      if (bytes[colon] !== charColon) throw new SipError("sip/header", "name");
    }
    const value = skipBlanks(colon + 1);
    let end = -1;
    let cr = -1;
    if (id !== 0 && id <= idRecordRoute) {
      const bit = 1 << id;
      if ((single & seen & bit) !== 0) odd |= bit;
      seen |= bit;
      end = endOfPlain(id, value);
      cr = end < 0 ? -1 : skipBlanks(end);
      if (cr >= 0 && isLineEnd(cr)) note(index, id, value, end);
      else {
        // Nobody but its readers asks what a Content-Type says.
        if (id !== idContentType) odd |= bit;
        cr = -1;
      }
    }
    if (cr < 0) {
      cr = endOfLine(source, value);
      end = endOfText(source, value, cr);
    }
    const entry = count * stride;
    lines[entry] = id;
    lines[entry + 1] = at;
    lines[entry + 2] = value;
    lines[entry + 3] = end;
    count++;
    at = cr + 2;
  }
  lines[count * stride + 1] = at;
  index.lines = lines.slice(0, (count + 1) * stride);
  index.count = count;
  index.body = at + 2;
  index.seen = seen;
  index.odd = odd;
  return index;
}
