import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { formatParams } from "../params.ts";
import { isToken } from "../scan.ts";
import { parseField } from "./field.ts";

/** Event (RFC 6665 §8.2.1). */
export interface EventField {
  /** Event package with its templates, in lower case: `reg`, `presence.winfo`. */
  readonly type: string;
  readonly id?: string;
  /** All parameters, `id` among them. */
  readonly params: Params;
}

/**
 * Reads Event.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseEvent("reg;id=1").type; // "reg"
 * ```
 */
export function parseEvent(text: string): EventField {
  const { value, params } = parseField(text, "Event");
  if (!isToken(value)) throw new SipError("sip/value", "Event");
  const id = params.get("id");
  return { type: value.toLowerCase(), ...(id === undefined ? {} : { id }), params };
}

/**
 * Writes Event.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatEvent({ type: "reg", params: new Map() }); // "reg"
 * ```
 */
export function formatEvent(event: EventField): string {
  if (!isToken(event.type)) throw new SipError("sip/injection", "event type");
  const params = event.id === undefined ? event.params : new Map(event.params).set("id", event.id);
  return `${event.type}${formatParams(params)}`;
}
