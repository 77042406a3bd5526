import type { NameAddr } from "../nameAddr.ts";
import { formatNameAddr } from "../nameAddr.ts";
import { unquote } from "../params.ts";
import { parseAddressList } from "./addressList.ts";
import { numberParam } from "./field.ts";

/** One binding of a Contact header field. */
export interface Contact extends NameAddr {
  /** Seconds. */
  readonly expires?: number;
  /** Preference, 0 to 1. */
  readonly q?: number;
  /** The URN of `+sip.instance` (RFC 5626 §4.1), without brackets. */
  readonly instance?: string;
  /** `reg-id` (RFC 5626 §4.2). */
  readonly regId?: number;
}

/**
 * Reads Contact (RFC 3261 §20.10): its bindings, or `"*"`. Parameters whose value makes no sense are left out of the typed
 * ones and stay in `params`.
 * @param lines one value, or one for each header line
 * @throws SipError `sip/value`, `sip/too-large`
 * @example
 * ```ts
 * const contacts = parseContacts("<sip:mary@192.0.2.1>;expires=600");
 * if (contacts !== "*") contacts[0]?.expires; // 600
 * ```
 */
export function parseContacts(lines: string | readonly string[]): Contact[] | "*" {
  const all = typeof lines === "string" ? [lines] : lines;
  if (all.length === 1 && all[0]?.trim() === "*") return "*";
  return parseAddressList(all).map(readContact);
}

function readContact(address: NameAddr): Contact {
  const { params } = address;
  const expires = numberParam(params, "expires");
  const regId = numberParam(params, "reg-id");
  const q = params.get("q");
  const instance = params.get("+sip.instance");
  return {
    ...address,
    ...(expires === undefined ? {} : { expires }),
    ...(q !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(q) ? { q: Number(q) } : {}),
    ...(instance === undefined ? {} : { instance: unquote(instance).replace(/^<(.*)>$/, "$1") }),
    ...(regId === undefined || regId === 0 ? {} : { regId }),
  };
}

/**
 * Writes a Contact from its address and `params`.
 * @throws SipError as {@link formatNameAddr}
 * @example
 * ```ts
 * formatContacts([{ uri: "sip:mary@192.0.2.1", params: new Map([["expires", "0"]]) }]); // "<sip:mary@192.0.2.1>;expires=0"
 * ```
 */
export function formatContacts(contacts: readonly Contact[] | "*"): string {
  return contacts === "*" ? "*" : contacts.map(formatNameAddr).join(", ");
}
