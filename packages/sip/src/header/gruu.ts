import type { NameAddr } from "../nameAddr.ts";
import { unquote } from "../params.ts";
import { parseUri } from "../uri.ts";

/** The GRUUs a registrar gave to a binding (RFC 5627 §4.2); URIs. */
export interface Gruus {
  readonly public?: string;
  readonly temporary?: string;
}

/**
 * Reads `pub-gruu` and `temp-gruu` of a Contact.
 * @example
 * ```ts
 * gruusOf(parseNameAddr('<sip:a@b.example>;pub-gruu="sip:a@home.example;gr=1"')).public; // "sip:a@home.example;gr=1"
 * ```
 */
export function gruusOf(contact: NameAddr): Gruus {
  const open = contact.params.get("pub-gruu");
  const temporary = contact.params.get("temp-gruu");
  return {
    ...(open === undefined ? {} : { public: unquote(open) }),
    ...(temporary === undefined ? {} : { temporary: unquote(temporary) }),
  };
}

/**
 * True when a URI is a GRUU: it has the parameter `gr` (RFC 5627 §3.1).
 * @throws SipError `sip/uri`
 * @example
 * ```ts
 * isGruu("sip:a@home.example;gr=urn:uuid:1"); // true
 * ```
 */
export function isGruu(uri: string): boolean {
  return parseUri(uri).params.has("gr");
}
