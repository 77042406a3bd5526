import { SipError } from "./errors.ts";
import { encoder } from "./octets.ts";
import { maxOctets } from "./scan.ts";

/**
 * The octets of the message that is being read. A loop over bytes costs a third of one over the chars of a string. Nothing of it
 * is kept: what a message holds on to is positions in its own string.
 */
export const bytes: Uint8Array<ArrayBuffer> = new Uint8Array(maxOctets + 2);

/**
 * Puts the octets of a message into {@link bytes}. A CR stands behind the last one, and no LF behind that, so that no scan for a
 * line's end runs on into what was there before.
 * @returns whether they all are ASCII
 * @throws SipError `sip/too-large`, `sip/octets`
 */
export function load(source: string): boolean {
  const { length } = source;
  if (length > maxOctets) throw new SipError("sip/too-large");
  // UTF-8 has one octet for each char of ASCII, and more for any other.
  const { read, written } = encoder.encodeInto(source, bytes);
  const ascii = read === length && written === length;
  if (!ascii)
    for (let i = 0; i < length; i++) {
      const char = source.charCodeAt(i);
      if (char > 0xff) throw new SipError("sip/octets");
      bytes[i] = char;
    }
  bytes[length] = 13;
  bytes[length + 1] = 0;
  return ascii;
}

/** An octet with its letter in lower case. Letters alone have one: setting a bit of any octet would make a hyphen of a CR. */
export function small(char: number): number {
  return char | ((char & 0x40) >> 1);
}
