/*
 * Recognisers of the forms nearly all messages have. They look at a value where it stands, up to the line's end, and
 * allocate nothing. True means: ASCII on one line, and the full parser accepts it, too; false says nothing, and the full
 * parser decides.
 *
 * They are regular expressions because those run at a nanosecond an octet, a third of a loop's cost. No two neighbouring
 * parts can match the same octet, so that none tries a text twice: the time is linear in its length, whatever it holds.
 */

// RFC 3261 §25.1, in parts of what the full parsers take.
const token = "[\\w\\-.!%*+`'~]+";
const value = "[\\w\\-.!%*+`'~[\\]:/=@]+";
const quoted = '"[^"\\\\\\0-\\x1f\\x7f-\\uffff]*"';
const params = `(?:;${token}(?:=(?:${value}|${quoted}))?)*`;
// 1 to 9999 surely is a port.
const host = "[\\w.-]+(?::[1-9]\\d{0,3}(?!\\d))?";
const uriTail = "[\\w\\-.~:/?#[\\]@!$&'()*+,;=%|^`{}]*";
// Without brackets a comma, question mark or semicolon ends the URI (RFC 3261 §20.10).
const bareTail = "[\\w\\-.~:/#[\\]@!$&'()*+=%|^`{}]*";
const addressUri = `(?:(?:${quoted} ?|[A-Za-z][\\w .-]*)?<[A-Za-z]+:${uriTail}>|[A-Za-z]+:${bareTail})`;
const end = "[ \\t]*\\r";

const via = `SIP/2\\.0/${token} +${host}${params}`;
const vias = new RegExp(`${via}(?:, ?${via})*${end}`, "y");
const oneAddress = new RegExp(`${addressUri}${params}${end}`, "y");
const addresses = new RegExp(`${addressUri}${params}(?:, ?${addressUri}${params})*${end}`, "y");
const word = new RegExp(`[!-~]+${end}`, "y");
const sequence = new RegExp(`\\d{1,9} ${token}${end}`, "y");
const requestUri = new RegExp(
  `(?:sips?:(?:[\\w\\-.!~*'()&=+$,;?/]+@)?${host}(?:;[\\w\\-.!~*'()[\\]/:&+$]+(?:=[\\w\\-.!~*'()[\\]/:&+$]*)?)?|tel:\\+\\d+)`,
  "y",
);
const uriAlone = new RegExp(addressUri, "y");
const tagged = new RegExp(`(?:;(?!tag=)${token}(?:=(?:${value}|${quoted}))?)*;tag=(?!")`, "iy");
const valueAlone = new RegExp(value, "y");

function matches(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

/** A list of Via elements, as `SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1`. */
export function plainVias(text: string, at: number): boolean {
  return matches(vias, text, at);
}

/** One address, as `"Mary" <sip:mary@acme.example>;tag=1`. */
export function plainAddress(text: string, at: number): boolean {
  return matches(oneAddress, text, at);
}

/** A list of addresses. */
export function plainAddresses(text: string, at: number): boolean {
  return matches(addresses, text, at);
}

/** Visible ASCII without white space, as a Call-ID. */
export function plainWord(text: string, at: number): boolean {
  return matches(word, text, at);
}

/** A CSeq value as `314159 INVITE`. */
export function plainCSeq(text: string, at: number): boolean {
  return matches(sequence, text, at);
}

/** A Request-URI from `at` to `to`, as `sip:mary@acme.example:5060;transport=tcp`: one parameter can't be repeated. */
export function plainRequestUri(text: string, at: number, to: number): boolean {
  return matches(requestUri, text, at) && requestUri.lastIndex === to;
}

/** The tag of a plain address at `at`; empty when it has none, undefined when it is quoted. */
export function plainTag(text: string, at: number): string | undefined {
  if (!matches(uriAlone, text, at)) return undefined;
  const rest = uriAlone.lastIndex;
  if (text.charCodeAt(rest) !== 59) return "";
  let from = rest + 5;
  if (!text.startsWith(";tag=", rest) || text.charCodeAt(from) === 34) {
    if (!matches(tagged, text, rest)) return undefined;
    from = tagged.lastIndex;
  }
  return matches(valueAlone, text, from) ? text.slice(from, valueAlone.lastIndex) : undefined;
}
