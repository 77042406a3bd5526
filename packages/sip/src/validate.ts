import { parseCSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import { valueOf } from "./fold.ts";
import { header } from "./headerNames.ts";
import type { LineIndex } from "./lineIndex.ts";
import { stride } from "./lineIndex.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { plainAddress, plainAddresses, plainCSeq, plainVias, plainWord } from "./plain.ts";
import { firstElement, parseNumber, parseNumberAt, splitList } from "./scan.ts";
import { parseVia } from "./via.ts";

// RFC 3261 §8.1.1
const mandatory: readonly (readonly [number, string])[] = [
  [header.via, "Via"],
  [header.from, "From"],
  [header.to, "To"],
  [header.callId, "Call-ID"],
  [header.cseq, "CSeq"],
];
const mandatoryBits = mandatory.reduce((mask, [id]) => mask | (1 << id), 0);

// RFC 3261 §7.3.1: of what is no list there may be one.
const single = [
  header.from,
  header.to,
  header.callId,
  header.cseq,
  header.maxForwards,
  header.contentLength,
  header.contentType,
].reduce((mask, id) => mask | (1 << id), 0);

/**
 * Checks what RFC 3261 §8.1.1 demands of every message and what the message's accessors read, so that they do not throw
 * later. Header fields that only some elements use are left to them (§8.2: a malformed one is ignored).
 *
 * Values of a plain form are looked at where they stand; only others are taken out and parsed.
 * @returns where the body ends by Content-Length (RFC 3261 §18.3: octets beyond are dropped, fewer than promised make the
 * message malformed), -1 when there is none
 * @throws SipError
 */
export function validate(source: string, index: LineIndex): number {
  const { lines, count } = index;
  let seen = 0;
  let odd = 0;
  let end = -1;
  for (let entry = 0; entry < count * stride; entry += stride) {
    const id = lines[entry] ?? 0;
    // The numbers up to this one are those looked at here (headerNames.ts).
    if (id === 0 || id > header.recordRoute) continue;
    const bit = 1 << id;
    if ((single & seen & bit) !== 0)
      throw new SipError("sip/header-repeated", mandatory.find(([one]) => one === id)?.[1]);
    seen |= bit;
    const from = lines[entry + 2] ?? 0;
    const to = lines[entry + 3] ?? 0;
    if (id === header.contentLength) end = endOfBody(source, from, to, index.body);
    else if (to < 0 || !isPlain(id, source, from, to)) {
      odd |= bit;
      checkValue(id, valueOf(source, from, to));
    }
  }
  if ((seen & mandatoryBits) !== mandatoryBits)
    for (const [id, name] of mandatory) if ((seen & (1 << id)) === 0) throw new SipError("sip/header-missing", name);
  index.plain = seen & ~odd;
  return end;
}

function endOfBody(source: string, from: number, to: number, body: number): number {
  const length = to < 0 ? parseNumber(valueOf(source, from, to)) : parseNumberAt(source, from, to);
  if (length < 0 || body + length > source.length) throw new SipError("sip/content-length");
  return body + length;
}

/** True when the value is known to be right; false says nothing. */
function isPlain(id: number, source: string, from: number, to: number): boolean {
  switch (id) {
    case header.via:
      return plainVias(source, from);
    case header.from:
    case header.to:
      return plainAddress(source, from);
    case header.contact:
    case header.route:
    case header.recordRoute:
      return plainAddresses(source, from);
    case header.callId:
      return plainWord(source, from);
    case header.cseq:
      return plainCSeq(source, from);
    case header.maxForwards: {
      // RFC 3261 §20.22: 0 to 255
      const hops = parseNumberAt(source, from, to);
      return hops >= 0 && hops <= 255;
    }
    default:
      return false;
  }
}

function checkValue(id: number, value: string): void {
  switch (id) {
    case header.via:
      if (firstElement(value) === "") throw new SipError("sip/value", "Via");
      for (const element of splitList(value)) parseVia(element);
      break;
    case header.from:
    case header.to:
      checkAddress(value);
      break;
    case header.route:
    case header.recordRoute:
      for (const element of splitList(value)) checkAddress(element);
      break;
    case header.contact:
      for (const element of splitList(value)) parseNameAddr(element);
      break;
    case header.callId:
      if (value === "") throw new SipError("sip/value", "Call-ID");
      break;
    case header.cseq:
      parseCSeq(value);
      break;
    case header.maxForwards: {
      const hops = parseNumber(value);
      if (hops < 0 || hops > 255) throw new SipError("sip/value", "Max-Forwards");
      break;
    }
  }
}

function checkAddress(value: string): void {
  if (parseNameAddr(value).uri === "*") throw new SipError("sip/value", "address URI");
}
