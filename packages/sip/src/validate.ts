import { parseCSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import { valueOf } from "./fold.ts";
import {
  idCallId,
  idContact,
  idContentLength,
  idCseq,
  idFrom,
  idMaxForwards,
  idRecordRoute,
  idRoute,
  idTo,
  idVia,
} from "./headerNames.ts";
import type { LineIndex } from "./lineIndex.ts";
import { single, stride } from "./lineIndex.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { firstElement, parseNumber, splitList } from "./scan.ts";
import { parseVia } from "./via.ts";

// RFC 3261 §8.1.1
const mandatory: readonly (readonly [number, string])[] = [
  [idVia, "Via"],
  [idFrom, "From"],
  [idTo, "To"],
  [idCallId, "Call-ID"],
  [idCseq, "CSeq"],
];
const mandatoryBits = mandatory.reduce((mask, [id]) => mask | (1 << id), 0);

/**
 * Checks what RFC 3261 §8.1.1 demands of every message and what the message's accessors read, so that they do not throw
 * later. Header fields that only some elements use are left to them (§8.2: a malformed one is ignored).
 *
 * Values of a plain form have been looked at where they stand; only others are taken out and parsed.
 * @returns where the body ends by Content-Length (RFC 3261 §18.3: octets beyond are dropped, fewer than promised make the
 * message malformed), -1 when there is none
 * @throws SipError
 */
export function validate(source: string, index: LineIndex): number {
  const { seen, odd, body } = index;
  if (odd !== 0) checkOdd(source, index);
  const { length } = index;
  if ((seen & mandatoryBits) !== mandatoryBits)
    for (const [id, name] of mandatory) if ((seen & (1 << id)) === 0) throw new SipError("sip/header-missing", name);
  if (length >= 0 && body + length > source.length) throw new SipError("sip/content-length");
  return length < 0 ? -1 : body + length;
}

/** The full parsers decide about all values of a header field of which one is not plain. */
function checkOdd(source: string, index: LineIndex): void {
  const { lines, count, odd } = index;
  let seen = 0;
  for (let entry = 0; entry < count * stride; entry += stride) {
    const id = lines[entry] ?? 0;
    const bit = 1 << id;
    if (id === 0 || id > idRecordRoute || (odd & bit) === 0) continue;
    if ((single & seen & bit) !== 0)
      throw new SipError("sip/header-repeated", mandatory.find(([one]) => one === id)?.[1]);
    seen |= bit;
    const value = valueOf(source, lines[entry + 2] ?? 0, lines[entry + 3] ?? 0);
    if (id === idContentLength) index.length = lengthOf(value);
    else checkValue(id, value);
  }
}

function lengthOf(value: string): number {
  const length = parseNumber(value);
  if (length < 0) throw new SipError("sip/content-length");
  return length;
}

function checkValue(id: number, value: string): void {
  switch (id) {
    case idVia:
      if (firstElement(value) === "") throw new SipError("sip/value", "Via");
      for (const element of splitList(value)) parseVia(element);
      break;
    case idFrom:
    case idTo:
      checkAddress(value);
      break;
    case idRoute:
    case idRecordRoute:
      for (const element of splitList(value)) checkAddress(element);
      break;
    case idContact:
      for (const element of splitList(value)) parseNameAddr(element);
      break;
    case idCallId:
      if (value === "") throw new SipError("sip/value", "Call-ID");
      break;
    case idCseq:
      parseCSeq(value);
      break;
    case idMaxForwards: {
      const hops = parseNumber(value);
      if (hops < 0 || hops > 255) throw new SipError("sip/value", "Max-Forwards");
      break;
    }
  }
}

function checkAddress(value: string): void {
  if (parseNameAddr(value).uri === "*") throw new SipError("sip/value", "address URI");
}
