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

// The engine compiles a module's own constant into its code and looks an imported one up at each use: a seventh of all
// parsing. So this module and the others of the pass have names of their own for what they use per octet.
const input = bytes;
const colon = charColon;
const space = charSpace;

// RFC 3261 §25.1, in parts of what the full parsers take: one bit of an octet's classes for each.
const digit = 1;
const token = 2;
const value = 4;
const host = 8;
const letter = 16;
const opaque = 32;
const visible = 64;
/** Neither quotation marks nor what is escaped. */
const quotable = 128;
const word = 256;
/** Without brackets a comma, question mark or semicolon ends the URI (RFC 3261 §20.10). */
const bareUri = 512;
/** Without `%`, whose digits the full parser checks. */
const user = 1024;

const classes = new Uint16Array(256);
for (const [bit, table] of [
  charTable("0123456789"),
  tokenChars,
  valueChars,
  hostChars,
  letters,
  opaqueChars,
  new Uint8Array(256).fill(1, 33, 127),
  new Uint8Array(256).fill(1, 32, 127).fill(0, 34, 35).fill(0, 92, 93),
  charTable(`${alphanumeric}_ .-`),
  charTable(`${alphanumeric}_-.~:/#[]@!$&'()*+=%|^\`{}`),
  charTable(`${alphanumeric}_-.!~*'()&=+$,;?/`),
].entries())
  for (const [char, flag] of table.entries()) classes[char] = (classes[char] ?? 0) | (flag << bit);

/** First position from `at` on whose octet is not of the class. */
function skip(at: number, bit: number): number {
  let i = at;
  while (((classes[input[i] ?? 0] ?? 0) & bit) !== 0) i++;
  return i;
}

/** Where the tag of the address recognised last begins: 0 when it has none, -1 when only the full parser can tell. */
export let tagStart = 0;
export let tagEnd = 0;

function quoted(at: number): number {
  const i = skip(at + 1, quotable);
  return input[i] === charQuote ? i + 1 : -1;
}

/** The octets at `at` are those of `lower`, whatever their capitals. */
export function isText(at: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) if (small(input[at + i] ?? 0) !== lower.charCodeAt(i)) return false;
  return true;
}

/** `;name=value;name="value";name` */
function params(at: number): number {
  let i = at;
  let tagged = false;
  tagStart = 0;
  tagEnd = 0;
  while (input[i] === charSemicolon) {
    const name = i + 1;
    i = skip(name, token);
    if (i === name) return -1;
    // The first of a name stands (params.ts).
    const tag: boolean = !tagged && i - name === 3 && isText(name, "tag");
    tagged ||= tag;
    if (input[i] !== charEquals) continue;
    const start = i + 1;
    if (input[start] === charQuote) {
      i = quoted(start);
      if (i < 0) return -1;
      if (tag) tagStart = -1;
    } else {
      i = skip(start, value);
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
  const end = skip(at, host);
  if (end === at) return -1;
  if (input[end] !== colon) return end;
  const port = end + 1;
  const i = skip(port, digit);
  const sure = i - port <= 4 || (i - port === 5 && numberAt(port, i) <= 65_535);
  return i > port && sure && input[port] !== 48 ? i : -1;
}

function via(at: number): number {
  if (!isText(at, "sip/2.0/")) return -1;
  let i = skip(at + 8, token);
  if (i === at + 8 || input[i] !== space) return -1;
  while (input[i] === space) i++;
  i = hostPort(i);
  return i < 0 ? -1 : params(i);
}

/** One address, as `"Mary" <sip:mary@acme.example>;tag=1`. */
export function plainAddress(at: number): number {
  let i = at;
  if (input[i] === charQuote) {
    i = quoted(i);
    if (i < 0) return -1;
    if (input[i] === space) i++;
  } else if (((classes[input[i] ?? 0] ?? 0) & letter) !== 0) {
    i = skip(i, letter);
    if (input[i] === colon) return params(skip(i + 1, bareUri));
    i = skip(i, word);
  }
  if (input[i] !== charLess) return -1;
  const scheme = i + 1;
  i = skip(scheme, letter);
  if (i === scheme || input[i] !== colon) return -1;
  i = skip(i, opaque);
  return input[i] === charGreater ? params(i + 1) : -1;
}

/** Elements parted by a comma and at most one space. */
function list(at: number, element: (at: number) => number): number {
  let i = element(at);
  while (i >= 0 && input[i] === charComma) i = element(input[i + 1] === space ? i + 2 : i + 1);
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
  for (let i = from; i < to; i++) number = number * 10 + (input[i] ?? 0) - 48;
  return number;
}

/** A CSeq value as `314159 INVITE`. */
export function plainCSeq(at: number): number {
  const end = plainNumber(at);
  if (end < 0 || input[end] !== space) return -1;
  const methodEnd = skip(end + 1, token);
  return methodEnd > end + 1 ? methodEnd : -1;
}

/** Position after a method or another token. */
export function endOfToken(at: number): number {
  return skip(at, token);
}

/** A Request-URI from `at` to `to`, as `sip:mary@acme.example:5060;transport=tcp`: one parameter can't be repeated. */
export function plainRequestUri(at: number, to: number): boolean {
  if (!isText(at, "sip")) return false;
  let i = input[at + 3] === 115 ? at + 4 : at + 3;
  if (input[i] !== colon) return false;
  i++;
  const userEnd = skip(i, user);
  if (input[userEnd] === 64 && userEnd > i) i = userEnd + 1;
  i = hostPort(i);
  if (i < 0) return false;
  if (input[i] === charSemicolon) {
    const name = i + 1;
    i = skip(name, host);
    if (i === name) return false;
    if (input[i] === charEquals) i = skip(i + 1, host);
  }
  return i === to;
}
