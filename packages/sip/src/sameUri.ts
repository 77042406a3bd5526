import { SipError } from "./errors.ts";
import { alphanumeric, charTable } from "./scan.ts";
import type { SipUri } from "./uri.ts";
import { parseUri } from "./uri.ts";

// RFC 3261 §19.1.4: an escaped character equals itself unless it is reserved.
const unreserved = charTable(`${alphanumeric}-_.!~*'()`);

// RFC 3261 §19.1.4: these parameters must match even when one URI lacks them.
const decisive = ["user", "ttl", "method", "maddr", "transport"];

/** One spelling for all that mean the same: escapes in capitals, those of unreserved characters resolved. */
function normalEscapes(text: string): string {
  if (!text.includes("%")) return text;
  return text.replaceAll(/%[0-9a-fA-F]{2}/g, (escape) => {
    const char = Number.parseInt(escape.slice(1), 16);
    return unreserved[char] === 1 ? String.fromCharCode(char) : escape.toUpperCase();
  });
}

function normalParam(value: string | undefined): string | undefined {
  return value === undefined ? undefined : normalEscapes(value).toLowerCase();
}

function headerSet(headers: string | undefined): string {
  if (headers === undefined) return "";
  return headers
    .split("&")
    .map((field) => {
      const equals = field.indexOf("=");
      const name = equals < 0 ? field : field.slice(0, equals);
      return `${normalEscapes(name).toLowerCase()}=${normalEscapes(equals < 0 ? "" : field.slice(equals + 1))}`;
    })
    .toSorted()
    .join("&");
}

function sameParams(a: SipUri, b: SipUri): boolean {
  for (const [name, value] of a.params)
    if (b.params.has(name) && normalParam(value) !== normalParam(b.params.get(name))) return false;
  return decisive.every((name) => a.params.has(name) === b.params.has(name));
}

function sameOptional(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined ? a === b : normalEscapes(a) === normalEscapes(b);
}

function sameSip(a: SipUri, b: SipUri): boolean {
  return (
    sameOptional(a.user, b.user) &&
    sameOptional(a.password, b.password) &&
    a.host.toLowerCase() === b.host.toLowerCase() &&
    a.port === b.port &&
    sameParams(a, b) &&
    headerSet(a.headers) === headerSet(b.headers)
  );
}

// RFC 3966 §3: visual-separator
function digits(number: string): string {
  return number.replaceAll(/[-.()]/g, "").toLowerCase();
}

/** RFC 3966 §4: separators do not count, parameters are a set, and each must be on both sides. */
function sameTel(a: SipUri, b: SipUri): boolean {
  if (digits(a.user ?? "") !== digits(b.user ?? "") || a.params.size !== b.params.size) return false;
  for (const [name, value] of a.params) {
    if (!b.params.has(name)) return false;
    const other = b.params.get(name);
    const isNumber = name === "ext" || (name === "phone-context" && (value ?? "").startsWith("+"));
    if (isNumber ? digits(value ?? "") !== digits(other ?? "") : normalParam(value) !== normalParam(other))
      return false;
  }
  return true;
}

/**
 * True when two URIs mean the same resource: RFC 3261 §19.1.4 for sip and sips, RFC 3966 §4 for tel, else the same text.
 * Text that is no URI equals nothing.
 *
 * @example
 * sameUri("sip:%6Dary@ACME.example", "sip:mary@acme.example"); // true
 * sameUri("tel:+1-212-555-0100", "tel:+12125550100"); // true
 */
export function sameUri(a: string, b: string): boolean {
  try {
    const first = parseUri(a);
    const second = parseUri(b);
    if (first.scheme !== second.scheme) return false;
    if (first.scheme === "tel") return sameTel(first, second);
    if (first.scheme === "sip" || first.scheme === "sips") return sameSip(first, second);
    return first.user === second.user;
  } catch (error) {
    if (error instanceof SipError) return false;
    throw error;
  }
}
