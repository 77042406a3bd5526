import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { formatParams, quote, unquote } from "../params.ts";
import { isToken, splitList } from "../scan.ts";
import { numberParam, parseField } from "./field.ts";

/** One reason of a Reason header field (RFC 3326 §2). */
export interface Reason {
  /** `SIP`, `Q.850`, `RELEASE_CAUSE` or another token, as written. */
  readonly protocol: string;
  readonly cause?: number;
  readonly text?: string;
}

/**
 * Reads Reason: one element for each protocol.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseReasons('Q.850;cause=16;text="Normal call clearing"')[0]?.cause; // 16
 * ```
 */
export function parseReasons(text: string): Reason[] {
  return splitList(text).map(readReason);
}

function readReason(element: string): Reason {
  const { value: protocol, params } = parseField(element, "Reason");
  if (!isToken(protocol)) throw new SipError("sip/value", "Reason");
  const cause = numberParam(params, "cause");
  const said = params.get("text");
  return {
    protocol,
    ...(cause === undefined ? {} : { cause }),
    ...(said === undefined ? {} : { text: unquote(said) }),
  };
}

/**
 * Writes Reason.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatReasons([{ protocol: "SIP", cause: 200, text: "Call completed elsewhere" }]);
 * // 'SIP;cause=200;text="Call completed elsewhere"'
 * ```
 */
export function formatReasons(reasons: readonly Reason[]): string {
  return reasons
    .map(({ protocol, cause, text }) => {
      if (!isToken(protocol)) throw new SipError("sip/injection", "reason protocol");
      const params: Params = new Map();
      if (cause !== undefined) params.set("cause", String(cause));
      if (text !== undefined) params.set("text", quote(text));
      return `${protocol}${formatParams(params)}`;
    })
    .join(", ");
}
