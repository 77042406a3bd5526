import { SipError } from "../errors.ts";
import type { Params } from "../params.ts";
import { formatParams } from "../params.ts";
import { isToken, splitList } from "../scan.ts";
import { parseField } from "./field.ts";

/** One access of P-Access-Network-Info (RFC 7315 §4.4). */
export interface AccessNetworkInfo {
  /** For example `IEEE-802.11`, `3GPP-E-UTRAN-FDD`. */
  readonly type: string;
  /** The network itself says so, not the terminal (`network-provided`). */
  readonly networkProvided: boolean;
  /** Access information and others, as written. */
  readonly params: Params;
}

/**
 * Reads P-Access-Network-Info: one element for each access.
 * @throws SipError `sip/value`
 * @example
 * ```ts
 * parseAccessNetworkInfo('IEEE-802.11;i-wlan-node-id="00:11"')[0]?.type; // "IEEE-802.11"
 * ```
 */
export function parseAccessNetworkInfo(text: string): AccessNetworkInfo[] {
  return splitList(text).map((element) => {
    const { value: type, params } = parseField(element, "P-Access-Network-Info");
    if (!isToken(type)) throw new SipError("sip/value", "access type");
    const networkProvided = params.has("network-provided") || params.has("np");
    return { type, networkProvided, params };
  });
}

/**
 * Writes P-Access-Network-Info.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatAccessNetworkInfo([{ type: "IEEE-802.11", networkProvided: true, params: new Map() }]);
 * // "IEEE-802.11;network-provided"
 * ```
 */
export function formatAccessNetworkInfo(accesses: readonly AccessNetworkInfo[]): string {
  return accesses
    .map(({ type, networkProvided, params }) => {
      if (!isToken(type)) throw new SipError("sip/injection", "access type");
      const flag = networkProvided && !params.has("network-provided") && !params.has("np") ? ";network-provided" : "";
      return `${type}${formatParams(params)}${flag}`;
    })
    .join(", ");
}
