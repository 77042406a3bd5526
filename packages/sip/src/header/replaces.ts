import { SipError } from "../errors.ts";
import { formatParams } from "../params.ts";
import { parseField } from "./field.ts";

/** Replaces (RFC 3891 §6.1): the dialog a new INVITE takes the place of. */
export interface Replaces {
  readonly callId: string;
  readonly toTag: string;
  readonly fromTag: string;
  /** Only while that dialog is early. */
  readonly earlyOnly: boolean;
}

/**
 * Reads Replaces.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseReplaces("a@b;to-tag=1;from-tag=2").callId; // "a@b"
 * ```
 */
export function parseReplaces(text: string): Replaces {
  const { value: callId, params } = parseField(text, "Replaces");
  const toTag = params.get("to-tag");
  const fromTag = params.get("from-tag");
  if (!/^[!-~]+$/.test(callId) || toTag === undefined || fromTag === undefined)
    throw new SipError("sip/value", "Replaces");
  return { callId, toTag, fromTag, earlyOnly: params.has("early-only") };
}

/**
 * Writes Replaces.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatReplaces({ callId: "a@b", toTag: "1", fromTag: "2", earlyOnly: false }); // "a@b;to-tag=1;from-tag=2"
 * ```
 */
export function formatReplaces(field: Replaces): string {
  if (!/^[!-:<-~]+$/.test(field.callId)) throw new SipError("sip/injection", "Call-ID");
  const params = formatParams(
    new Map([
      ["to-tag", field.toTag],
      ["from-tag", field.fromTag],
    ]),
  );
  return `${field.callId}${params}${field.earlyOnly ? ";early-only" : ""}`;
}
