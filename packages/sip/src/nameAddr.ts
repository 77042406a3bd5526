import { SipError } from "./errors.ts";
import type { Params } from "./params.ts";
import { formatParams, parseParams, quote, unquote } from "./params.ts";
import { charLess, charQuote, consistsOf, skipQuoted, skipSpace, trimmed } from "./scan.ts";
import { opaqueChars } from "./uri.ts";

/** An address with an optional display name and the header field's parameters: From, To, Contact, Route and others. */
export interface NameAddr {
  /** Without quotation marks. */
  display?: string;
  /** As written; `*` only in Contact (RFC 3261 §10.2.2). */
  uri: string;
  /** Header parameters such as `tag`; those inside the angle brackets belong to the URI. */
  params: Params;
}

function fail(part: string): never {
  throw new SipError("sip/value", `address ${part}`);
}

function checkUri(uri: string): string {
  const colon = uri.indexOf(":");
  if (colon < 1 || !consistsOf(uri, opaqueChars)) fail("URI");
  return uri;
}

/**
 * Reads one `name-addr` or `addr-spec` with its parameters (RFC 3261 §20.10).
 * @throws SipError `sip/value`
 * @example
 * parseNameAddr('"Mary" <sip:mary@acme.example>;tag=1').display; // "Mary"
 */
export function parseNameAddr(text: string): NameAddr {
  const start = skipSpace(text, 0, text.length);
  let less = start;
  let display: string | undefined;
  if (text.charCodeAt(start) === charQuote) {
    const end = skipQuoted(text, start, text.length);
    if (end < 0) fail("display name");
    display = unquote(text.slice(start, end));
    less = skipSpace(text, end, text.length);
    if (text.charCodeAt(less) !== charLess) fail("display name");
  } else {
    less = text.indexOf("<", start);
    if (less < 0) return parseAddrSpec(text, start);
    // Beyond the grammar, other characters than tokens are taken too (RFC 4475 §3.1.2.14), but no quotation marks.
    const words = trimmed(text, start, less);
    // The bracket of a quoted parameter, as in `sip:a@b;+sip.instance="<urn:…>"`.
    if (words.includes(";")) return parseAddrSpec(text, start);
    // A comma without them would part two addresses elsewhere (RFC 4475 §3.1.2.15).
    if (/[",>]/.test(words)) fail("display name");
    if (words.length > 0) display = words;
  }
  const greater = text.indexOf(">", less);
  if (greater < 0) fail("URI");
  const uri = checkUri(text.slice(less + 1, greater));
  const params = parseParams(text, greater + 1, "address");
  return display === undefined ? { uri, params } : { display, uri, params };
}

/** Without angle brackets every parameter belongs to the header field, and `,`, `?` and `;` may not stand in the URI. */
function parseAddrSpec(text: string, start: number): NameAddr {
  const semicolon = text.indexOf(";", start);
  const end = semicolon < 0 ? text.length : semicolon;
  const uri = trimmed(text, start, end);
  const params = parseParams(text, end, "address");
  if (uri === "*") return { uri, params };
  checkUri(uri);
  // RFC 3261 §20: a URI with a comma, question mark or semicolon must stand in angle brackets.
  if (uri.includes("?") || uri.includes(",")) fail("URI");
  return { uri, params };
}

/**
 * Writes a `name-addr`: always in angle brackets, the display name always quoted.
 * @throws SipError `sip/value` when the URI would not stay inside its brackets
 *
 * @example
 * formatNameAddr({ display: "Mary Jones", uri: "sip:mary@acme.example", params: new Map([["tag", "m4ry"]]) });
 * // "Mary Jones" <sip:mary@acme.example>;tag=m4ry
 */
export function formatNameAddr(address: NameAddr): string {
  if (address.uri === "*") return "*";
  const display = address.display === undefined || address.display === "" ? "" : `${quote(address.display)} `;
  return `${display}<${checkUri(address.uri)}>${formatParams(address.params)}`;
}
