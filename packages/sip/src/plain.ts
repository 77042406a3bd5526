import { sameName } from "./headerNames.ts";
import { alphanumeric, charTable, code, isSpace, isTokenChar, skipSpace } from "./scan.ts";

/*
 * Recognisers of the forms nearly all messages have, which read in place and allocate nothing. True means that the full
 * parser accepts the text, too; false means nothing, and the full parser decides.
 */

const mark = "-_.!~*'()";
const userChars = charTable(`${alphanumeric}${mark}&=+$,;?/`);
const uriParamChars = charTable(`${alphanumeric}${mark}[]/:&+$`);
const hostChars = charTable(`${alphanumeric}-._`);
// RFC 3986 §2, as of a URI between angle brackets.
const bracketedChars = charTable(`${alphanumeric}-._~:/?#[]@!$&'()*+,;=%|^\`{}`);
// Without brackets a comma, question mark or semicolon ends the URI (RFC 3261 §20.10).
const bareChars = charTable(`${alphanumeric}-._~:/#[]@!$&'()*+=%|^\`{}`);
const paramValueChars = charTable(`${alphanumeric}-.!%*_+\`'~[]:/=@`);

/** First position from `at` on, up to `to`, whose char does not stand in `table`. */
function skipChars(text: string, table: Uint8Array, at: number, to: number): number {
  let i = at;
  // Sources are octets: the mask tells the compiler that no char lies outside the table.
  while (i < to && table[text.charCodeAt(i) & 255] === 1) i++;
  return i;
}

/** Position after the quoted-string at `at`, -1 when it has no end or is not ASCII. */
function skipPlainQuoted(text: string, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    const char = text.charCodeAt(i);
    if (char === code.quote) return i + 1;
    if (char === code.backslash || char > 126) return -1;
  }
  return -1;
}

/** Visible ASCII without white space, as a Call-ID. */
export function plainWord(text: string, at: number, to: number): boolean {
  for (let i = at; i < to; i++) {
    const char = text.charCodeAt(i);
    if (char <= 32 || char > 126) return false;
  }
  return to > at;
}

/** Position after `:port` at `at`, `at` when there is no colon, -1 when it is no port. */
function skipPort(text: string, at: number, to: number): number {
  if (text.charCodeAt(at) !== code.colon || at >= to) return at;
  let port = 0;
  let i = at + 1;
  for (; i < to && i < at + 6; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) break;
    port = port * 10 + digit;
  }
  return port > 0 && port <= 65_535 ? i : -1;
}

/** Position after `;name=value;name` that begins at `at`, -1 when it is not plain. */
export function skipParams(text: string, at: number, to: number): number {
  let i = at;
  while (i >= 0 && i < to && text.charCodeAt(i) === code.semicolon) i = skipParam(text, i, to);
  return i;
}

function skipParam(text: string, at: number, to: number): number {
  let i = at + 1;
  while (i < to && isTokenChar(text.charCodeAt(i))) i++;
  if (i === at + 1) return -1;
  if (i >= to || text.charCodeAt(i) !== code.equals) return i;
  const value = ++i;
  if (text.charCodeAt(i) === code.quote) return skipPlainQuoted(text, i, to);
  i = skipChars(text, paramValueChars, i, to);
  return i === value ? -1 : i;
}

/** Position after a parameter value that is not quoted. */
export function skipValue(text: string, at: number, to: number): number {
  return skipChars(text, paramValueChars, at, to);
}

/** Position of `=value` of the first parameter of this name, given in lower case; -1 when there is none or not plain. */
export function findParam(text: string, at: number, to: number, name: string): number {
  for (let i = at; i >= 0 && i < to; ) {
    const end = i + 1 + name.length;
    if (sameName(text, i + 1, end, name) && text.charCodeAt(end) === code.equals) return end;
    i = skipParam(text, i, to);
  }
  return -1;
}

/** A list of Via elements, as `SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1`. */
export function plainVias(text: string, at: number, to: number): boolean {
  for (let i = at; ; i = skipSpace(text, i + 1, to)) {
    if (!text.startsWith("SIP/2.0/", i)) return false;
    let end = i + 8;
    while (isTokenChar(text.charCodeAt(end))) end++;
    if (end === i + 8 || text.charCodeAt(end) !== code.space) return false;
    const host = skipSpace(text, end, to);
    end = skipChars(text, hostChars, host, to);
    if (end === host) return false;
    end = skipPort(text, end, to);
    if (end < 0) return false;
    i = skipParams(text, end, to);
    if (i === to) return true;
    if (i < 0 || text.charCodeAt(i) !== code.comma) return false;
  }
}

/** A list of addresses, as `"Mary" <sip:mary@acme.example>;tag=1`. */
export function plainAddresses(text: string, at: number, to: number): boolean {
  for (let i = at; ; i = skipSpace(text, i + 1, to)) {
    i = skipAddress(text, i, to);
    if (i === to) return true;
    if (i < 0 || text.charCodeAt(i) !== code.comma) return false;
  }
}

function skipAddress(text: string, at: number, to: number): number {
  const end = skipAddressUri(text, at, to);
  return end < 0 ? -1 : skipParams(text, end, to);
}

/** Position of the parameters of the address at `at`, -1 when it is not plain. */
export function skipAddressUri(text: string, at: number, to: number): number {
  let start = at;
  const first = text.charCodeAt(at);
  if (first === code.quote) {
    start = skipPlainQuoted(text, at, to);
    if (start < 0) return -1;
    start = skipSpace(text, start, to);
    if (text.charCodeAt(start) !== code.less) return -1;
  } else if (first !== code.less) {
    const end = skipChars(text, bareChars, at, to);
    if (end < to && isSpace(text.charCodeAt(end))) {
      // Words of a display name.
      start = end;
      while (start < to && (isTokenChar(text.charCodeAt(start)) || isSpace(text.charCodeAt(start)))) start++;
      if (text.charCodeAt(start) !== code.less) return -1;
    } else {
      if (end < to && text.charCodeAt(end) !== code.semicolon) return -1;
      return hasScheme(text, at, end) ? end : -1;
    }
  }
  const end = skipChars(text, bracketedChars, start + 1, to);
  if (end >= to || text.charCodeAt(end) !== code.greater || !hasScheme(text, start + 1, end)) return -1;
  return end + 1;
}

/** True when a colon stands in the text, though not first. */
function hasScheme(text: string, at: number, to: number): boolean {
  for (let i = at; i < to; i++) if (text.charCodeAt(i) === code.colon) return i > at;
  return false;
}

/** A Request-URI as `sip:mary@acme.example:5060;transport=tcp` or `tel:+12125550100`. */
export function plainRequestUri(text: string, at: number, to: number): boolean {
  if (text.startsWith("tel:+", at)) {
    let i = at + 5;
    while (i < to && text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
    return i === to && i > at + 5;
  }
  let i = text.startsWith("sip:", at) ? at + 4 : text.startsWith("sips:", at) ? at + 5 : to;
  if (i >= to) return false;
  const afterUser = skipChars(text, userChars, i, to);
  if (text.charCodeAt(afterUser) === 64) {
    if (afterUser === i) return false;
    i = afterUser + 1;
  }
  const host = i;
  i = skipChars(text, hostChars, host, to);
  if (i === host) return false;
  i = skipPort(text, i, to);
  if (i < 0) return false;
  // Of several parameters none may be repeated: the full parser looks at that.
  if (i < to && text.charCodeAt(i) === code.semicolon) {
    const name = i + 1;
    i = skipChars(text, uriParamChars, name, to);
    if (i === name) return false;
    if (text.charCodeAt(i) === code.equals) i = skipChars(text, uriParamChars, i + 1, to);
  }
  return i === to;
}

/** Position of the method of a CSeq value as `314159 INVITE`, -1 when it is not plain. */
export function plainCSeq(text: string, at: number, to: number): number {
  let number = 0;
  let i = at;
  for (; i < to && i < at + 10; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) break;
    number = number * 10 + digit;
  }
  if (i === at || number > 0x7fff_ffff || text.charCodeAt(i) !== code.space) return -1;
  const method = i + 1;
  for (i = method; i < to; i++) if (!isTokenChar(text.charCodeAt(i))) return -1;
  return i > method ? method : -1;
}
