import { SipError } from "./errors.ts";
import { isToken, parseNumberAt } from "./scan.ts";

/** Number and method of a CSeq header field. */
export interface CSeq {
  /** 0 to 2^31 - 1. */
  readonly number: number;
  readonly method: string;
}

/**
 * RFC 3261 §20.16: a number below 2^31, white space, a method.
 * @throws SipError `sip/value`
 */
export function parseCSeq(value: string): CSeq {
  let end = 0;
  while (end < value.length && value.charCodeAt(end) > 32) end++;
  const number = parseNumberAt(value, 0, end);
  let start = end;
  while (start < value.length && value.charCodeAt(start) <= 32) start++;
  const method = value.slice(start);
  if (number < 0 || number > 0x7fff_ffff || !isToken(method)) throw new SipError("sip/value", "CSeq");
  return { number, method };
}
