import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { formatParams } from "../params.ts";
import { splitList } from "../scan.ts";
import { parseField } from "./field.ts";

/**
 * Reads Feature-Caps (RFC 6809 §6.2): the capabilities of each node, names in lower case, values as written.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseFeatureCaps("*;+g.3gpp.atcf").some((caps) => caps.has("+g.3gpp.atcf")); // true
 * ```
 */
export function parseFeatureCaps(text: string): Params[] {
  return splitList(text).map((element) => {
    const { value, params } = parseField(element, "Feature-Caps");
    if (value !== "*") throw new SipError("sip/value", "Feature-Caps");
    return params;
  });
}

/**
 * Writes Feature-Caps.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatFeatureCaps([new Map([["+g.3gpp.atcf", undefined]])]); // "*;+g.3gpp.atcf"
 * ```
 */
export function formatFeatureCaps(nodes: readonly Params[]): string {
  return nodes.map((params) => `*${formatParams(params)}`).join(", ");
}
