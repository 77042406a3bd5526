import { SipError } from "../errors.ts";
import { isToken } from "../scan.ts";

/**
 * Reads Privacy (RFC 3323 §4.2): its values, such as `id`, `header`, `none`, in lower case. Commas part them as semicolons
 * do, for some write them so.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parsePrivacy("id; critical").has("id"); // true
 * ```
 */
export function parsePrivacy(text: string): Set<string> {
  const values = new Set<string>();
  for (const part of text.split(/[;,]/)) {
    const value = part.trim().toLowerCase();
    if (!isToken(value)) throw new SipError("sip/value", "Privacy");
    values.add(value);
  }
  return values;
}

/**
 * Writes Privacy.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatPrivacy(["id", "critical"]); // "id;critical"
 * ```
 */
export function formatPrivacy(values: Iterable<string>): string {
  const parts = [...values];
  if (!parts.every((part) => isToken(part))) throw new SipError("sip/injection", "Privacy");
  return parts.join(";");
}
