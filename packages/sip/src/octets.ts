// Of browsers and of Node alike; this room has the types of neither.
declare const TextEncoder: new () => {
  encode(text: string): Uint8Array;
  encodeInto(text: string, to: Uint8Array): { read: number; written: number };
};
declare const TextDecoder: new (
  label: string,
  options: { fatal: boolean; ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

export const encoder: InstanceType<typeof TextEncoder> = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const chunk = 8192;
const beyondAscii = /[^\0-\x7f]/;

/** Undefined when the octets are no UTF-8. */
function decoded(octets: string): string | undefined {
  try {
    return decoder.decode(toBytes(octets));
  } catch {
    return undefined;
  }
}

function isUtf8(octets: string): boolean {
  return !beyondAscii.test(octets) || decoded(octets) !== undefined;
}

function toText(octets: string): string {
  // What is not UTF-8 is read as Latin-1, where each octet already is its character.
  return beyondAscii.test(octets) ? (decoded(octets) ?? octets) : octets;
}

function fromText(text: string): string {
  return beyondAscii.test(text) ? fromBytes(encoder.encode(text)) : text;
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
