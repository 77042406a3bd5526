import { bytes, small } from "./bytes.ts";
import { valueChars } from "./params.ts";
import {
  alphanumeric,
  charTable,
  charColon,
  charComma,
  charEquals,
  charGreater,
  charLess,
  charQuote,
  charSemicolon,
  charSpace,
  tokenChars,
} from "./scan.ts";
import { hostChars, letters, opaqueChars } from "./uri.ts";

/*
 * Recognisers of the forms nearly all messages have. They look at a value in `bytes`, where it stands, and allocate nothing.
 * The position they return is that after the value; the full parser accepts what stands before it. -1 says nothing, and the
 * full parser decides. What they take is ASCII without line ends; each octet is looked at once or twice, whatever it holds.
 */

// RFC 3261 §25.1, in parts of what the full parsers take.
const digit = charTable("0123456789");
const visible = new Uint8Array(256).fill(1, 33, 127);
// Neither quotation marks nor what is escaped.
const quotable = visible.slice();
quotable[32] = 1;
quotable[34] = quotable[92] = 0;
const words = charTable(`${alphanumeric}_ .-`);
// Without brackets a comma, question mark or semicolon ends the URI (RFC 3261 §20.10).
const bareUri = charTable(`${alphanumeric}_-.~:/#[]@!$&'()*+=%|^\`{}`);
// Without `%`, whose digits the full parser checks.
const user = charTable(`${alphanumeric}_-.!~*'()&=+$,;?/`);

/** First position from `at` on whose octet is not in the table. */
function skip(at: number, table: Uint8Array): number {
  let i = at;
  while (table[bytes[i] ?? 0] === 1) i++;
  return i;
}

/** Where the tag of the address recognised last begins: 0 when it has none, -1 when only the full parser can tell. */
export let tagStart = 0;
export let tagEnd = 0;

function quoted(at: number): number {
  const i = skip(at + 1, quotable);
  return bytes[i] === charQuote ? i + 1 : -1;
}

/** The octets at `at` are those of `lower`, whatever their capitals. */
export function isText(at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) if (small(bytes[at + i] ?? 0) !== lower.charCodeAt(i)) return false;
  return true;
}

/** `;name=value;name="value";name` */
function params(at: number): number {
  let i = at;
  let tagged = false;
  tagStart = 0;
  tagEnd = 0;
  while (bytes[i] === charSemicolon) {
    const name = i + 1;
    i = skip(name, tokenChars);
    if (i === name) return -1;
    // The first of a name stands (params.ts).
    const tag: boolean = !tagged && i - name === 3 && isText(name, "tag");
    tagged ||= tag;
    if (bytes[i] !== charEquals) continue;
    const start = i + 1;
    if (bytes[start] === charQuote) {
      i = quoted(start);
      if (i < 0) return -1;
      if (tag) tagStart = -1;
    } else {
      i = skip(start, valueChars);
      if (i === start) return -1;
      if (tag) {
        tagStart = start;
        tagEnd = i;
      }
    }
  }
  return i;
}

/** A host, and 1 to 65 535 after it. */
function hostPort(at: number): number {
  const end = skip(at, hostChars);
  if (end === at) return -1;
  if (bytes[end] !== charColon) return end;
  const port = end + 1;
  const i = skip(port, digit);
  const sure = i - port <= 4 || (i - port === 5 && numberAt(port, i) <= 65_535);
  return i > port && sure && bytes[port] !== 48 ? i : -1;
}

function via(at: number): number {
  if (!isText(at, "sip/2.0/")) return -1;
  let i = skip(at + 8, tokenChars);
  if (i === at + 8 || bytes[i] !== charSpace) return -1;
  while (bytes[i] === charSpace) i++;
  i = hostPort(i);
  return i < 0 ? -1 : params(i);
}

/** One address, as `"Mary" <sip:mary@acme.example>;tag=1`. */
export function plainAddress(at: number): number {
  let i = at;
  if (bytes[i] === charQuote) {
    i = quoted(i);
    if (i < 0) return -1;
    if (bytes[i] === charSpace) i++;
  } else if (letters[bytes[i] ?? 0] === 1) {
    i = skip(i, letters);
    if (bytes[i] === charColon) return params(skip(i + 1, bareUri));
    i = skip(i, words);
  }
  if (bytes[i] !== charLess) return -1;
  const scheme = i + 1;
  i = skip(scheme, letters);
  if (i === scheme || bytes[i] !== charColon) return -1;
  i = skip(i, opaqueChars);
  return bytes[i] === charGreater ? params(i + 1) : -1;
}

/** Elements parted by a comma and at most one space. */
function list(at: number, element: (at: number) => number): number {
  let i = element(at);
  while (i >= 0 && bytes[i] === charComma) i = element(bytes[i + 1] === charSpace ? i + 2 : i + 1);
  return i;
}

/** A list of addresses. */
export function plainAddresses(at: number): number {
  return list(at, plainAddress);
}

/** A list of Via elements, as `SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1`. */
export function plainVias(at: number): number {
  return list(at, via);
}

/** Visible ASCII without white space, as a Call-ID. */
export function plainWord(at: number): number {
  const end = skip(at, visible);
  return end > at ? end : -1;
}

/** Position after a number of at most nine digits. */
export function plainNumber(at: number): number {
  const end = skip(at, digit);
  return end > at && end - at <= 9 ? end : -1;
}

/** The number from `from` to `to`. */
export function numberAt(from: number, to: number): number {
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + (bytes[i] ?? 0) - 48;
  return number;
}

/** A CSeq value as `314159 INVITE`. */
export function plainCSeq(at: number): number {
  const space = plainNumber(at);
  if (space < 0 || bytes[space] !== charSpace) return -1;
  const end = skip(space + 1, tokenChars);
  return end > space + 1 ? end : -1;
}

/** Position after a method or another token. */
export function endOfToken(at: number): number {
  return skip(at, tokenChars);
}

/** A Request-URI from `at` to `to`, as `sip:mary@acme.example:5060;transport=tcp`: one parameter can't be repeated. */
export function plainRequestUri(at: number, to: number): boolean {
  if (!isText(at, "sip")) return false;
  let i = bytes[at + 3] === 115 ? at + 4 : at + 3;
  if (bytes[i] !== charColon) return false;
  i++;
  const userEnd = skip(i, user);
  if (bytes[userEnd] === 64 && userEnd > i) i = userEnd + 1;
  i = hostPort(i);
  if (i < 0) return false;
  if (bytes[i] === charSemicolon) {
    const name = i + 1;
    i = skip(name, hostChars);
    if (i === name) return false;
    if (bytes[i] === charEquals) i = skip(i + 1, hostChars);
  }
  return i === to;
}
