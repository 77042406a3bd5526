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
import { charColon, charCr, charLf, charSpace, charTab, isSpace, skipSpace } from "./scan.ts";

/** Most header lines of a message. */
const maxLines = 512;

/*
 * A header line is one number: its header's number, the octets from its start to its value, and its first octet. All else is
 * looked up when it is asked for. Of 30 bits, so that no engine keeps it outside the list.
 */
const idBits = 6;
const gapBits = 7;
const idMask = (1 << idBits) - 1;
/** The value begins this far behind the start of the line, or farther: then it must be looked for. */
const gapMask = (1 << gapBits) - 1;

/** Number of a line's header. */
export function idOf(line: number): number {
  return line & idMask;
}

/** First octet of a line. */
export function startOf(line: number): number {
  return line >> (idBits + gapBits);
}

/** First octet of a line's value. */
export function valueStart(source: string, line: number): number {
  const start = startOf(line);
  const gap = (line >> idBits) & gapMask;
  return gap < gapMask ? start + gap : skipSpace(source, source.indexOf(":", start) + 1, source.length);
}

/** Places behind the last line, for those that edits add, as an edge of the network does: lists that grow are copied whole. */
const spare = 10;

// The lines of the message that is being read, of which it keeps a copy as long as it needs. A plain array: an Int32Array of
// that size lives outside the heap, and to make one costs as much as a third of all parsing. Not of numbers alone to begin with,
// since the copies take other things, and a list that changes its kind is slow to write to.
const scratch: (number | undefined)[] = Array.from({ length: maxLines + spare }, () => undefined);

/** Where a piece of the message stands: its first octet and its length, in one number; 0 when there is none, {@link unknown} when it must be looked for. */
export type Spot = number;
export const unknown: Spot = -1;
const none: readonly number[] = [0];

function spot(from: number, to: number): Spot {
  return to - from < 0x2000 ? from | ((to - from) << 17) : unknown;
}

export function atSpot(source: string, where: Spot): string {
  const from = where & 0x1ffff;
  return source.slice(from, from + (where >> 17));
}

/** What the pass over a head finds beside its lines: of the message read last, whose {@link Head} takes over what it needs. */
export const found: {
  /** Number of lines. Their list holds one number more, which begins at the empty line, and spare places. */
  count: number;
  /** First octet of the body. */
  body: number;
  /** Where the body ends; `validate` tells. */
  end: number;
  /** A bit for each header number up to that of Record-Route that occurs. */
  seen: number;
  /** Those of which some value is not of a plain form (plain.ts), or which stand twice where one may. */
  odd: number;
  /** Of Content-Length; -1 without one. */
  length: number;
  /** What most readers ask, where it is of a plain form. */
  fromTag: Spot;
  toTag: Spot;
  cseqNumber: number;
  cseqMethod: Spot;
} = {
  count: 0,
  body: 0,
  end: 0,
  seen: 0,
  odd: 0,
  length: -1,
  fromTag: -1,
  toTag: -1,
  cseqNumber: 0,
  cseqMethod: -1,
};

// RFC 3261 §7.3.1: of what is no list there may be one. Their numbers are neighbours.
export const single: number = (2 << idContentType) - (1 << idFrom);

/**
 * The CR that ends the line which goes on at `from`: both octets of CRLF, neither of them alone (RFC 3261 §7). A lone one might be a
 * line's end to the next element, which then would see other header lines than this one.
 */
export function endOfLine(source: string, from: number, fault: "sip/header" | "sip/start-line" = "sip/header"): number {
  const cr = source.indexOf("\r", from);
  if (cr < 0 || source.indexOf("\n", from) !== cr + 1) throw new SipError(fault, "line end");
  return cr;
}

// Names of this module's own: plain.ts tells why.
const input = bytes;
const cr = charCr;
const space = charSpace;
const colon = charColon;

// Headers by the form of their values, a bit for each number.
const vias = 1 << idVia;
const fromBit = 1 << idFrom;
const toBit = 1 << idTo;
const addresses = (1 << idContact) | (1 << idRoute) | (1 << idRecordRoute);
const callId = 1 << idCallId;
const cseqBit = 1 << idCseq;
const lengthBit = 1 << idContentLength;
const hopsBit = 1 << idMaxForwards;
const typeBit = 1 << idContentType;

function isLineEnd(at: number): boolean {
  return input[at] === cr && input[at + 1] === charLf;
}

function skipBlanks(at: number): number {
  let i = at;
  while (input[i] === space || input[i] === charTab) i++;
  return i;
}

/** Position after a value of a plain form, -1 when it is of another. */
function endOfPlain(bit: number, at: number): number {
  if (bit === fromBit || bit === toBit) return plainAddress(at);
  if ((bit & addresses) !== 0) return plainAddresses(at);
  if (bit === vias) return plainVias(at);
  if (bit === callId) return plainWord(at);
  if (bit === cseqBit) return plainCSeq(at);
  if (bit === typeBit) return -1;
  const end = plainNumber(at);
  // RFC 3261 §20.22: 0 to 255
  return end >= 0 && bit === hopsBit && numberAt(at, end) > 255 ? -1 : end;
}

/** Keeps what a plain value says. */
function note(bit: number, from: number, to: number): void {
  if (bit === fromBit) found.fromTag = tagSpot();
  else if (bit === toBit) found.toTag = tagSpot();
  else if (bit === lengthBit) found.length = numberAt(from, to);
  else if (bit === cseqBit) {
    const end = plainNumber(from);
    found.cseqNumber = numberAt(from, end);
    found.cseqMethod = spot(end + 1, to);
  }
}

function tagSpot(): Spot {
  return tagStart > 0 ? spot(tagStart, tagEnd) : tagStart;
}

function forget(): void {
  found.fromTag = found.toTag = found.cseqMethod = -1;
}

/** The index of no message. */
export function indexNothing(): readonly number[] {
  forget();
  found.count = 0;
  return none;
}

/**
 * Finds the header lines from `from` to the empty line in one pass over {@link bytes}, which hold `source`, and looks at the values
 * that every message has. A folded line belongs to the one it continues.
 * @returns the lines; {@link found} tells the rest
 * @throws SipError `sip/header`, `sip/too-large`
 */
export function indexLines(source: string, from: number): readonly number[] {
  const lines = scratch;
  let count = 0;
  let at = from;
  let seen = 0;
  let odd = 0;
  found.length = -1;
  forget();
  while (!isLineEnd(at)) {
    if (isSpace(input[at] ?? 0)) {
      if (count === 0) throw new SipError("sip/header", "continuation");
      const id = idOf(lines[count - 1] ?? 0);
      if (id <= idRecordRoute) odd |= 1 << id;
      // What was noted of the line's beginning may not be all.
      forget();
      at = endOfLine(source, at) + 2;
      continue;
    }
    if (count === maxLines) throw new SipError("sip/too-large", "header lines");
    let id = nameAt(at);
    let nameEnd = at + (id >> 8);
    id &= 0xff;
    if (id === 0) {
      nameEnd = endOfToken(at);
      if (nameEnd === at) throw new SipError("sip/header", "name");
      id = nameEnd - at > 3 && input[nameEnd] === colon ? 0 : headerId(source.slice(at, nameEnd));
      nameEnd = skipBlanks(nameEnd);
      if (input[nameEnd] !== colon) throw new SipError("sip/header", "name");
    }
    const value = skipBlanks(nameEnd + 1);
    let lineEnd = -1;
    if (id !== 0 && id <= idRecordRoute) {
      const bit = 1 << id;
      if ((single & seen & bit) !== 0) odd |= bit;
      seen |= bit;
      const end = endOfPlain(bit, value);
      lineEnd = end < 0 ? -1 : skipBlanks(end);
      if (lineEnd >= 0 && isLineEnd(lineEnd)) note(bit, value, end);
      else {
        // Nobody but its readers asks what a Content-Type says.
        if (bit !== typeBit) odd |= bit;
        lineEnd = -1;
      }
    }
    if (lineEnd < 0) lineEnd = endOfLine(source, value);
    lines[count++] = id | (Math.min(value - at, gapMask) << idBits) | (at << (idBits + gapBits));
    at = lineEnd + 2;
  }
  lines[count] = at << (idBits + gapBits);
  found.count = count;
  found.body = at + 2;
  found.seen = seen;
  found.odd = odd;
  return lines.slice(0, count + spare) as number[];
}
