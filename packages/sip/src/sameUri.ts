import { SipError } from "./errors.ts";
import { alphanumeric, charTable } from "./scan.ts";
import type { SipUri } from "./uri.ts";
import { parseUri } from "./uri.ts";

// RFC 3261 §19.1.4: an escaped character equals itself unless it is reserved.
const unreserved = charTable(`${alphanumeric}-_.!~*'()`);

// RFC 3261 §19.1.4: these parameters must match even when one URI lacks them.
const decisive = ["user", "ttl", "method", "maddr", "transport"];

/** One spelling for all that mean the same: escapes in capitals, those of unreserved characters resolved. */
function normal(text: string | undefined): string | undefined {
  return text?.replaceAll(/%../g, (escape) => {
    const char = Number.parseInt(escape.slice(1), 16);
    return unreserved[char] === 1 ? String.fromCharCode(char) : escape.toUpperCase();
  });
}

function normalParam(value: string | undefined): string | undefined {
  return normal(value)?.toLowerCase();
}

/** Names have no capitals that count, and the order does not count (RFC 3261 §19.1.4). */
function headerSet(headers: string | undefined): string | undefined {
  return normal(headers)
    ?.split("&")
    .map((field) => field.replace(/^[^=]*/, (name) => name.toLowerCase()))
    .toSorted()
    .join("&");
}

function sameSip(a: SipUri, b: SipUri): boolean {
  for (const [name, value] of a.params)
    if (b.params.has(name) && normalParam(value) !== normalParam(b.params.get(name))) return false;
  return (
    decisive.every((name) => a.params.has(name) === b.params.has(name)) &&
    normal(a.user) === normal(b.user) &&
    normal(a.password) === normal(b.password) &&
    a.host.toLowerCase() === b.host.toLowerCase() &&
    a.port === b.port &&
    headerSet(a.headers) === headerSet(b.headers)
  );
}

// RFC 3966 §3: visual-separator
function digits(number = ""): string {
  return number.replaceAll(/[-.()]/g, "").toLowerCase();
}

/** RFC 3966 §4: separators do not count, parameters are a set, and each must be on both sides. */
function sameTel(a: SipUri, b: SipUri): boolean {
  if (digits(a.user) !== digits(b.user) || a.params.size !== b.params.size) return false;
  for (const [name, value] of a.params) {
    const other = b.params.get(name);
    const isNumber = name === "ext" || (name === "phone-context" && value?.startsWith("+"));
    if (!b.params.has(name) || (isNumber ? digits(value) !== digits(other) : normalParam(value) !== normalParam(other)))
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
