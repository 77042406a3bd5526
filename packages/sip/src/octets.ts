const chunk = 8192;

/** Index of the first char outside ASCII, or -1. */
function firstNonAscii(text: string): number {
  // Beyond some length the search of the platform is quicker than a loop.
  if (text.length > 24 && !/[^\0-\x7f]/.test(text)) return -1;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return i;
  return -1;
}

/**
 * Length of the well-formed UTF-8 sequence at `at`, or 0.
 * RFC 3629 §4: no overlong form, no surrogate, nothing above U+10FFFF.
 */
function sequenceLength(octets: string, at: number): number {
  const lead = octets.charCodeAt(at);
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > octets.length) return 0;
  const second = octets.charCodeAt(at + 1);
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i++) {
    const next = octets.charCodeAt(at + i);
    if (next < 0x80 || next > 0xbf) return 0;
  }
  return length;
}

function isUtf8(octets: string): boolean {
  let at = firstNonAscii(octets);
  if (at < 0) return true;
  while (at < octets.length) {
    const length = sequenceLength(octets, at);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

function toText(octets: string): string {
  let at = firstNonAscii(octets);
  if (at < 0) return octets;
  let text = octets.slice(0, at);
  while (at < octets.length) {
    const length = sequenceLength(octets, at);
    // Not UTF-8: the Latin-1 reading, where each octet already is its character.
    if (length === 0) return octets;
    let code = octets.charCodeAt(at);
    if (length > 1) code &= 0xff >> (length + 1);
    for (let i = 1; i < length; i++) code = (code << 6) | (octets.charCodeAt(at + i) & 0x3f);
    text += String.fromCodePoint(code);
    at += length;
  }
  return text;
}

function fromText(text: string): string {
  const first = firstNonAscii(text);
  if (first < 0) return text;
  let octets = text.slice(0, first);
  for (let i = first; i < text.length; i++) {
    let code = text.codePointAt(i) ?? 0;
    if (code > 0xffff) i++;
    // A lone surrogate has no UTF-8 form.
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) octets += String.fromCharCode(code);
    else if (code < 0x800) octets += String.fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 0x3f));
    else if (code < 0x10000)
      octets += String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
    else
      octets += String.fromCharCode(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 0x3f),
        0x80 | ((code >> 6) & 0x3f),
        0x80 | (code & 0x3f),
      );
  }
  return octets;
}

function fromBytes(bytes: Uint8Array): string {
  let octets = "";
  for (let at = 0; at < bytes.length; at += chunk)
    octets += String.fromCharCode.apply(null, bytes.subarray(at, at + chunk) as unknown as number[]);
  return octets;
}

function toBytes(octets: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(octets.length);
  for (let i = 0; i < octets.length; i++) bytes[i] = octets.charCodeAt(i);
  return bytes;
}

/**
 * Octet strings: one char (U+0000 to U+00FF) for each octet of a message.
 *
 * A message keeps this form from socket to socket, so that octets which are no UTF-8, such as a Latin-1 display name,
 * leave as they came.
 */
export const octets: {
  /** Encodes text as UTF-8; a lone surrogate becomes U+FFFD. */
  readonly fromText: (text: string) => string;
  /** Decodes UTF-8; octets that are no UTF-8 are read as Latin-1. */
  readonly toText: (octets: string) => string;
  /** Takes over bytes from a socket. */
  readonly fromBytes: (bytes: Uint8Array) => string;
  /** Gives bytes for a socket; only the low eight bits of each char count. */
  readonly toBytes: (octets: string) => Uint8Array<ArrayBuffer>;
  /** True when the octets may go out as a WebSocket text frame (RFC 6455 §8.1). */
  readonly isUtf8: (octets: string) => boolean;
} = { fromText, toText, fromBytes, toBytes, isUtf8 };
