import { SipError } from "./errors.ts";
import {
  charTable,
  alphanumeric,
  charBackslash,
  charEquals,
  charQuote,
  charSemicolon,
  isToken,
  isTokenChar,
  skipQuoted,
  skipSpace,
} from "./scan.ts";

/**
 * Parameters of a header field or URI, in their order; names in lower case.
 *
 * Values stand as they were written, quotation marks included, so that formatting gives back what was parsed:
 * {@link unquote} reads a quoted one, {@link quote} makes one.
 */
export type Params = Map<string, string | undefined>;

// RFC 3261 §25.1: gen-value = token / host / quoted-string; a host may be an IPv6reference, and received= goes without brackets.
// `/` and `=` are beyond the grammar but harmless, and met in the wild.
export const valueChars: Uint8Array = charTable(`${alphanumeric}-.!%*_+\`'~[]:/=@`);

/**
 * Reads `;name=value;name` from `at` to the end of the text.
 * @throws SipError `sip/value`
 */
export function parseParams(text: string, at: number, what: string): Params {
  const params: Params = new Map();
  const end = text.length;
  let i = skipSpace(text, at, end);
  while (i < end) {
    if (text.charCodeAt(i) !== charSemicolon) throw new SipError("sip/value", `${what} parameters`);
    const nameStart = skipSpace(text, i + 1, end);
    i = nameStart;
    while (i < end && isTokenChar(text.charCodeAt(i))) i++;
    if (i === nameStart) throw new SipError("sip/value", `${what} parameter name`);
    const name = text.slice(nameStart, i).toLowerCase();
    i = skipSpace(text, i, end);
    let value: string | undefined;
    if (text.charCodeAt(i) === charEquals) {
      const valueStart = skipSpace(text, i + 1, end);
      i = endOfValue(text, valueStart);
      if (i <= valueStart) throw new SipError("sip/value", `${what} parameter value`);
      value = text.slice(valueStart, i);
      i = skipSpace(text, i, end);
    }
    // A repeated name: the first stands, so that nothing appended later can override it.
    if (!params.has(name)) params.set(name, value);
  }
  return params;
}

/** Position after the value that begins at `at`; `at` or less when there is none. */
function endOfValue(text: string, at: number): number {
  if (text.charCodeAt(at) === charQuote) return skipQuoted(text, at, text.length);
  let i = at;
  while (i < text.length && valueChars[text.charCodeAt(i)] === 1) i++;
  return i;
}

/**
 * Writes header parameters as `;name=value;name`; a value that can stand neither bare nor as it is quoted gets quoted.
 * @throws SipError `sip/injection` when a name is no token
 *
 * @example
 * formatParams(new Map([["expires", "600"], ["lr", undefined]])); // ";expires=600;lr"
 */
export function formatParams(params: Params): string {
  let text = "";
  for (const [name, value] of params) {
    if (!isToken(name)) throw new SipError("sip/injection", "parameter name");
    text +=
      value === undefined
        ? `;${name}`
        : `;${name}=${endOfValue(value, 0) === value.length && value !== "" ? value : quote(value)}`;
  }
  return text;
}

/**
 * The text of a quoted-string (RFC 3261 §25.1); any other value comes back as it is.
 *
 * @example
 * unquote('"Mary \\"M\\" Jones"'); // Mary "M" Jones
 */
export function unquote(value: string): string {
  if (value.length < 2 || value.charCodeAt(0) !== charQuote || !value.endsWith('"')) return value;
  let text = "";
  let from = 1;
  for (let i = 1; i < value.length - 1; i++) {
    if (value.charCodeAt(i) !== charBackslash) continue;
    text += value.slice(from, i);
    from = ++i;
  }
  return text + value.slice(from, -1);
}

/**
 * A quoted-string that holds `text`.
 *
 * @example
 * quote('Mary "M" Jones'); // "Mary \\"M\\" Jones"
 */
export function quote(text: string): string {
  let quoted = '"';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char !== charQuote && char !== charBackslash) continue;
    quoted += `${text.slice(from, i)}\\`;
    from = i;
  }
  return `${quoted}${text.slice(from)}"`;
}
