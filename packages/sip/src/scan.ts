import { SipError } from "./errors.ts";

/** Most octets of one message, body included. */
export const maxOctets: number = 65_536;

// Char codes that scanners compare with.
export const charTab = 9;
export const charLf = 10;
export const charCr = 13;
export const charSpace = 32;
export const charQuote = 34;
export const charComma = 44;
export const charColon = 58;
export const charSemicolon = 59;
export const charLess = 60;
export const charEquals = 61;
export const charGreater = 62;
export const charBackslash = 92;

/** A table of 256 flags, one for each octet that occurs in `chars`. */
export function charTable(chars: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < chars.length; i++) table[chars.charCodeAt(i)] = 1;
  return table;
}

export const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// RFC 3261 §25.1: token
export const tokenChars: Uint8Array = charTable(`${alphanumeric}-.!%*_+\`'~`);

/** True for a char code that a token may hold. */
export function isTokenChar(char: number): boolean {
  return tokenChars[char] === 1;
}

/** True when every char of `text` stands in `table`. */
export function consistsOf(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false;
  return true;
}

/** RFC 3261 §25.1: token. */
export function isToken(text: string): boolean {
  return text.length > 0 && consistsOf(text, tokenChars);
}

// This module's own: plain.ts tells why.
const space = charSpace;
const tab = charTab;

/** True for SP and HTAB. */
export function isSpace(char: number): boolean {
  return char === space || char === tab;
}

/** True for a decimal digit. */
function isDigit(char: number): boolean {
  return char >= 48 && char <= 57;
}

/** First position from `at` on, up to `end`, that holds neither SP nor HTAB. */
export function skipSpace(text: string, at: number, end: number): number {
  let i = at;
  while (i < end && isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** `text` from `from` to `to` without SP and HTAB at its ends; other white space, as U+00A0, may be half a character. */
export function trimmed(text: string, from: number, to: number): string {
  const start = skipSpace(text, from, to);
  return text.slice(start, endOfText(text, start, to));
}

/** Position after the last char of `text` between `from` and `to` that is neither SP nor HTAB. */
export function endOfText(text: string, from: number, to: number): number {
  let end = to;
  while (end > from && isSpace(text.charCodeAt(end - 1))) end--;
  return end;
}

/** Number of a string of 1 to 10 digits (leading zeros apart), or -1. */
export function parseNumber(text: string): number {
  return parseNumberAt(text, 0, text.length);
}

/** As {@link parseNumber}, of the digits from `from` to `to`. */
export function parseNumberAt(text: string, from: number, to: number): number {
  if (from >= to) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const char = text.charCodeAt(i);
    if (!isDigit(char)) return -1;
    value = value * 10 + char - 48;
    if (value > 9_999_999_999) return -1;
  }
  return value;
}

/** Position after the quoted-string that begins at `at`, or -1 when it has no end. */
export function skipQuoted(text: string, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    const char = text.charCodeAt(i);
    if (char === charQuote) return i + 1;
    if (char === charBackslash) i++;
  }
  return -1;
}

/**
 * Position of the first comma from `at` on that parts two list elements, or the length of the text.
 * Commas inside quoted strings and angle brackets belong to the element (RFC 3261 §7.3.1).
 */
export function endOfElement(text: string, at: number): number {
  if (!text.includes(",", at)) return text.length;
  let bracketed = false;
  for (let i = at; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === charQuote && !bracketed) {
      const next = skipQuoted(text, i, text.length);
      if (next < 0) return text.length;
      i = next - 1;
    } else if (char === charLess) bracketed = true;
    else if (char === charGreater) bracketed = false;
    else if (char === charComma && !bracketed) return i;
  }
  return text.length;
}

/** Position of the first element of a comma-separated value; empty elements before it are none. */
export function startOfList(text: string): number {
  let at = 0;
  while (text.charCodeAt(at) === charComma || isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** First element of a comma-separated value; empty when there is none. */
export function firstElement(text: string): string {
  const start = startOfList(text);
  return trimmed(text, start, endOfElement(text, start));
}

/** Elements of a comma-separated value, trimmed, empty ones left out. */
export function splitList(text: string): string[] {
  const elements: string[] = [];
  for (let at = 0; at <= text.length;) {
    const end = endOfElement(text, at);
    const element = trimmed(text, at, end);
    if (element.length > 0) elements.push(element);
    at = end + 1;
  }
  return elements;
}

/**
 * Checks that a text is an octet string of at most 64 KiB.
 * @throws SipError `sip/too-large`, `sip/octets`
 */
export function checkOctets(source: string): void {
  if (source.length > maxOctets) throw new SipError("sip/too-large");
  if (/[\u0100-\uffff]/.test(source)) throw new SipError("sip/octets");
}
