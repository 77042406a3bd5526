import { SipError } from "./errors.ts";
import type { Params } from "./params.ts";
import { alphanumeric, charTable, consistsOf, parseNumber } from "./scan.ts";

/**
 * A URI in its parts. Each part stands as written, escapes included, so that {@link formatUri} gives back the same text.
 *
 * `tel:` has its number in `user` and an empty `host`; a scheme other than sip, sips and tel has all behind the colon in
 * `user` (and no parameters).
 */
export interface SipUri {
  /** Lower case. */
  scheme: string;
  user?: string;
  password?: string;
  /** As written; an IPv6 address keeps its brackets. */
  host: string;
  /** 1 to 65535. */
  port?: number;
  /** Names in lower case. */
  params: Params;
  /** What follows the question mark. */
  headers?: string;
}

const mark = "-_.!~*'()";
const schemeChars = charTable(`${alphanumeric}+-.`);
export const letters: Uint8Array = charTable(alphanumeric.slice(0, 52));
// RFC 3261 §25.1: user, password, uri-parameter, header; `%` is checked apart.
const userChars = charTable(`${alphanumeric}${mark}&=+$,;?/%`);
const passwordChars = charTable(`${alphanumeric}${mark}&=+$,;?/%:`);
const paramChars = charTable(`${alphanumeric}${mark}[]/:&+$%`);
const headerChars = charTable(`${alphanumeric}${mark}[]/?:+$=&%;,@`);
export const hostChars: Uint8Array = charTable(`${alphanumeric}-._`);
const ipv6Chars = charTable("0123456789abcdefABCDEF:.");
// RFC 3966 §3: digits with visual separators; `*`, `#` and hex digits stand in local numbers.
// RFC 3966 §3 has # among the digits, RFC 3986 §2 has it escaped.
const telChars = charTable("0123456789+-.()*#%abcdefABCDEF");
const hexDigits = charTable("0123456789abcdefABCDEF");
// RFC 3986 §2: anything but controls, space, quotation marks and angle brackets.
export const opaqueChars: Uint8Array = charTable(`${alphanumeric}-._~:/?#[]@!$&'()*+,;=%|^\`{}`);

function fail(part: string): never {
  throw new SipError("sip/uri", part);
}

function checkEscapes(text: string): void {
  for (let i = text.indexOf("%"); i >= 0; i = text.indexOf("%", i + 1))
    if (hexDigits[text.charCodeAt(i + 1)] !== 1 || hexDigits[text.charCodeAt(i + 2)] !== 1) fail("escape");
}

function checked(text: string, table: Uint8Array, part: string): string {
  if (!consistsOf(text, table)) fail(part);
  return text;
}

/**
 * Reads a URI.
 * @throws SipError `sip/uri`
 * @example
 * parseUri("sip:mary@acme.example;transport=tcp").params.get("transport"); // "tcp"
 */
export function parseUri(text: string): SipUri {
  const colon = text.indexOf(":");
  if (colon < 1 || letters[text.charCodeAt(0)] !== 1) fail("scheme");
  const scheme = checked(text.slice(0, colon), schemeChars, "scheme").toLowerCase();
  const rest = text.slice(colon + 1);
  if (scheme === "sip" || scheme === "sips") {
    checkEscapes(rest);
    return parseSip(scheme, rest);
  }
  if (scheme === "tel") return parseTel(rest);
  if (rest.length === 0) fail("empty");
  return { scheme, user: checked(rest, opaqueChars, "character"), host: "", params: new Map() };
}

function parseSip(scheme: string, rest: string): SipUri {
  const uri: SipUri = { scheme, host: "", params: new Map() };
  // `@` may stand unescaped nowhere but after the user part (RFC 3261 §25.1), which itself may hold `;`, `?` and `/`.
  const at = rest.indexOf("@");
  if (at >= 0) {
    const info = rest.slice(0, at);
    const colon = info.indexOf(":");
    uri.user = checked(colon < 0 ? info : info.slice(0, colon), userChars, "user");
    if (uri.user.length === 0) fail("user");
    if (colon >= 0) uri.password = checked(info.slice(colon + 1), passwordChars, "password");
  }
  const question = rest.indexOf("?", at + 1);
  if (question >= 0) uri.headers = checked(rest.slice(question + 1), headerChars, "headers");
  const end = question < 0 ? rest.length : question;
  const semicolon = rest.indexOf(";", at + 1);
  const hostEnd = semicolon < 0 || semicolon > end ? end : semicolon;
  const { host, port } = parseHostPort(rest.slice(at + 1, hostEnd), "sip/uri");
  uri.host = host;
  if (port !== undefined) uri.port = port;
  if (hostEnd < end) uri.params = parseUriParams(rest.slice(hostEnd + 1, end));
  return uri;
}

function parseTel(rest: string): SipUri {
  const semicolon = rest.indexOf(";");
  const number = semicolon < 0 ? rest : rest.slice(0, semicolon);
  // RFC 3966 §3: separators alone are no number, and a plus sign stands first.
  if (!/[0-9a-f*#]/i.test(number) || number.lastIndexOf("+") > 0) fail("number");
  checkEscapes(rest);
  return {
    scheme: "tel",
    user: checked(number, telChars, "number"),
    host: "",
    params: semicolon < 0 ? new Map() : parseUriParams(rest.slice(semicolon + 1)),
  };
}

function parseUriParams(text: string): Params {
  const params: Params = new Map();
  for (const param of text.split(";")) {
    const equals = param.indexOf("=");
    const name = checked(equals < 0 ? param : param.slice(0, equals), paramChars, "parameter").toLowerCase();
    if (name.length === 0) fail("parameter");
    const value = equals < 0 ? undefined : checked(param.slice(equals + 1), paramChars, "parameter");
    // RFC 3261 §19.1.1: a parameter name occurs once.
    if (params.has(name)) fail("parameter repeated");
    params.set(name, value);
  }
  return params;
}

/** Reads `host[:port]`; the error carries the code of the place it was met in. */
export function parseHostPort(text: string, error: "sip/uri" | "sip/value"): { host: string; port?: number } {
  const bracket = text.startsWith("[") ? text.indexOf("]") : 0;
  const colon = bracket < 0 ? -1 : text.indexOf(":", bracket);
  const host = colon < 0 ? text : text.slice(0, colon);
  const valid = text.startsWith("[")
    ? host.endsWith("]") && host.length > 3 && consistsOf(host.slice(1, -1), ipv6Chars)
    : host.length > 0 && consistsOf(host, hostChars);
  if (!valid) throw new SipError(error, "host");
  if (colon < 0) return { host };
  const port = parseNumber(text.slice(colon + 1));
  if (port < 1 || port > 65_535) throw new SipError(error, "port");
  return { host, port };
}

/**
 * Writes a URI from its parts.
 * @throws SipError `sip/uri` when a part holds what must be escaped there
 *
 * @example
 * formatUri({ ...parseUri("sip:mary@acme.example"), params: new Map([["user", "phone"]]) }); // "sip:mary@acme.example;user=phone"
 */
export function formatUri(uri: SipUri): string {
  let text = `${uri.scheme}:`;
  if (uri.user !== undefined) {
    text += uri.user;
    if (uri.password !== undefined) text += `:${uri.password}`;
    if (uri.host !== "") text += "@";
  }
  text += uri.host;
  if (uri.port !== undefined) text += `:${uri.port}`;
  for (const [name, value] of uri.params) text += value === undefined ? `;${name}` : `;${name}=${value}`;
  if (uri.headers !== undefined) text += `?${uri.headers}`;
  // A part that holds another part's separator would make it another URI.
  parseUri(text);
  return text;
}
