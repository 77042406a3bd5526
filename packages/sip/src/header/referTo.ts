import { SipError } from "../errors.ts";
import type { NameAddr } from "../nameAddr.ts";
import { formatNameAddr, parseNameAddr } from "../nameAddr.ts";
import { parseUri } from "../uri.ts";
import type { Replaces } from "./replaces.ts";
import { formatReplaces, parseReplaces } from "./replaces.ts";

/** Refer-To (RFC 3515 §2.1). */
export interface ReferTo extends NameAddr {
  /** Of the URI's headers (RFC 5589 §7): the dialog the referred call takes the place of. */
  readonly replaces?: Replaces;
}

/**
 * Reads Refer-To. The URI is given without its `Replaces`.
 * @throws SipError `sip/value`, `sip/uri`
 * @example
 * ```ts
 * parseReferTo("<sip:ken@a.example?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>").replaces?.toTag; // "2"
 * ```
 */
export function parseReferTo(text: string): ReferTo {
  const address = parseNameAddr(text);
  const scheme = address.uri.slice(0, address.uri.indexOf(":")).toLowerCase();
  const { headers } = scheme === "sip" || scheme === "sips" ? parseUri(address.uri) : {};
  if (headers === undefined) return address;
  const fields = headers.split("&");
  const found = fields.find((field) => /^replaces=/i.test(field));
  if (found === undefined) return address;
  const rest = fields.filter((field) => field !== found).join("&");
  const uri = `${address.uri.slice(0, address.uri.indexOf("?"))}${rest === "" ? "" : `?${rest}`}`;
  return { ...address, uri, replaces: parseReplaces(unescaped(found.slice("replaces=".length))) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SipError("sip/value", "Replaces");
  }
}

/**
 * Writes Refer-To, `replaces` as a header of the URI.
 * @throws SipError `sip/value`, `sip/injection`
 * @example
 * ```ts
 * formatReferTo({ uri: "sip:ken@acme.example", params: new Map() }); // "<sip:ken@acme.example>"
 * ```
 */
export function formatReferTo(field: ReferTo): string {
  if (field.replaces === undefined) return formatNameAddr(field);
  const mark = field.uri.includes("?") ? "&" : "?";
  const uri = `${field.uri}${mark}Replaces=${encodeURIComponent(formatReplaces(field.replaces))}`;
  return formatNameAddr({ ...field, uri });
}
