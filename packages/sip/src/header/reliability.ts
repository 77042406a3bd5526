import { parseCSeq } from "../cseq.ts";
import { SipError } from "../errors.ts";
import { isSpace, skipSpace } from "../scan.ts";
import { numberOf } from "./field.ts";

/** RAck (RFC 3262 §7.2). */
export interface RAck {
  /** RSeq of the response that is acknowledged. */
  readonly rseq: number;
  /** CSeq of the request it answered. */
  readonly cseq: number;
  readonly method: string;
}

/**
 * Reads RSeq (RFC 3262 §7.1): 1 to 2^32 - 1; to write it, the number will do.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseRSeq("988789"); // 988789
 * ```
 */
export function parseRSeq(text: string): number {
  return numberOf(text, "RSeq", 1);
}

/**
 * Reads RAck.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseRAck("776656 1 INVITE"); // { rseq: 776656, cseq: 1, method: "INVITE" }
 * ```
 */
export function parseRAck(text: string): RAck {
  let end = 0;
  while (end < text.length && !isSpace(text.charCodeAt(end))) end++;
  if (end === text.length) throw new SipError("sip/value", "RAck");
  const { number, method } = parseCSeq(text.slice(skipSpace(text, end, text.length)));
  return { rseq: numberOf(text.slice(0, end), "RAck"), cseq: number, method };
}

/**
 * Writes RAck.
 * @example
 * ```ts
 * formatRAck({ rseq: 1, cseq: 2, method: "INVITE" }); // "1 2 INVITE"
 * ```
 */
export function formatRAck(rack: RAck): string {
  return `${rack.rseq} ${rack.cseq} ${rack.method}`;
}
