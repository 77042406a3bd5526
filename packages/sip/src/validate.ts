import { parseCSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import { valueFrom } from "./fold.ts";
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
import { found, idOf, single, valueStart } from "./lineIndex.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { firstElement, parseNumber, splitList } from "./scan.ts";
import { parseVia } from "./via.ts";

// RFC 3261 §8.1.1, in the order of their numbers, which begin with 1.
const mandatory = ["Via", "From", "To", "Call-ID", "CSeq"];
const mandatoryBits = (2 << mandatory.length) - 2;

/**
 * Checks what RFC 3261 §8.1.1 demands of the message whose lines were found last and what the message's accessors read, so that they do not throw
 * later. Header fields that only some elements use are left to them (§8.2: a malformed one is ignored).
 *
 * Values of a plain form have been looked at where they stand; only others are taken out and parsed.
 * Sets where the body ends: by Content-Length (RFC 3261 §18.3: octets beyond are dropped, fewer than promised make the
 * message malformed), else with the source.
 * @throws SipError
 */
export function validate(source: string, lines: readonly number[]): void {
  const { seen, odd, body } = found;
  if (odd !== 0) checkOdd(source, lines);
  if ((seen & mandatoryBits) !== mandatoryBits)
    throw new SipError(
      "sip/header-missing",
      mandatory.find((_, index) => (seen & (2 << index)) === 0),
    );
  found.end = found.length < 0 ? source.length : body + found.length;
  if (found.end > source.length) throw new SipError("sip/content-length");
}

/** The full parsers decide about all values of a header field of which one is not plain. */
function checkOdd(source: string, lines: readonly number[]): void {
  const { count, odd } = found;
  let seen = 0;
  for (let i = 0; i < count; i++) {
    const line = lines[i] ?? 0;
    const id = idOf(line);
    const bit = 1 << id;
    if (id === 0 || id > idRecordRoute || (odd & bit) === 0) continue;
    if ((single & seen & bit) !== 0) throw new SipError("sip/header-repeated", mandatory[id - 1]);
    seen |= bit;
    const value = valueFrom(source, valueStart(source, line));
    if (id === idContentLength) found.length = lengthOf(value);
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
      splitList(value).forEach(parseVia);
      break;
    case idFrom:
    case idTo:
      checkAddress(value);
      break;
    case idRoute:
    case idRecordRoute:
      splitList(value).forEach(checkAddress);
      break;
    case idContact:
      splitList(value).forEach(parseNameAddr);
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
    }
  }
}

function checkAddress(value: string): void {
  if (parseNameAddr(value).uri === "*") throw new SipError("sip/value", "address URI");
}
