import { parseCSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import type { Head } from "./head.ts";
import { header } from "./headerNames.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { firstElement, parseNumber, splitList } from "./scan.ts";
import { parseVia } from "./via.ts";

// RFC 3261 §8.1.1
const mandatory: readonly (readonly [number, string])[] = [
  [header.via, "Via"],
  [header.from, "From"],
  [header.to, "To"],
  [header.callId, "Call-ID"],
  [header.cseq, "CSeq"],
];

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
 * @throws SipError
 */
export function validate(head: Head): void {
  let seen = 0;
  for (let at = 0; at < head.size; at++) {
    const id = head.idAt(at);
    // The numbers up to this one are those looked at here (headerNames.ts).
    if (id === 0 || id > header.recordRoute) continue;
    const bit = 1 << id;
    if ((single & seen & bit) !== 0) throw new SipError("sip/header-repeated", head.nameAt(at));
    seen |= bit;
    checkValue(id, head.valueAt(at));
  }
  for (const [id, name] of mandatory) if ((seen & (1 << id)) === 0) throw new SipError("sip/header-missing", name);
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
      // RFC 3261 §20.22: 0 to 255
      const hops = parseNumber(value);
      if (hops < 0 || hops > 255) throw new SipError("sip/value", "Max-Forwards");
      break;
    }
  }
}

function checkAddress(value: string): void {
  if (parseNameAddr(value).uri === "*") throw new SipError("sip/value", "address URI");
}

/**
 * The body of a message whose head ends at `start`.
 * RFC 3261 §18.3: octets beyond Content-Length are dropped; fewer than promised make the message malformed.
 */
export function takeBody(source: string, start: number, head: Head): string {
  const at = head.findId(header.contentLength);
  if (at < 0) return source.slice(start);
  const length = parseNumber(head.valueAt(at));
  if (length < 0 || start + length > source.length) throw new SipError("sip/content-length");
  return source.slice(start, start + length);
}
