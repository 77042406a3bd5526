import { getAttribute, getAttributes } from "./description.ts";
import type { MediaDescription, SessionDescription } from "./description.ts";

/** One side's DTLS parameters for one medium (RFC 8842 §5). */
export interface DtlsParameters {
  /** RFC 4145 §4 */
  setup: "active" | "passive" | "actpass" | "holdconn";
  fingerprints: Fingerprint[];
  /** RFC 8842 §4 */
  tlsId?: string;
}

export interface Fingerprint {
  /** Lower-case: "sha-256". */
  algorithm: string;
  /** Upper-case pairs of hexadecimal digits with colons. */
  value: string;
}

/** The DTLS parameters of a medium, its own before the session's; undefined without a role and a readable fingerprint. */
export function dtlsOf(session: SessionDescription, media: MediaDescription): DtlsParameters | undefined {
  const setup = getAttribute(media, "setup") ?? getAttribute(session, "setup");
  if (setup !== "active" && setup !== "passive" && setup !== "actpass" && setup !== "holdconn") return undefined;
  const own = getAttributes(media, "fingerprint");
  // RFC 8122 §5: one at media level stands in place of those at session level.
  const written = own.length > 0 ? own : getAttributes(session, "fingerprint");
  const fingerprints = written.map(readFingerprint).filter((fingerprint) => fingerprint !== undefined);
  if (fingerprints.length === 0) return undefined;
  const tlsId = getAttribute(media, "tls-id") ?? getAttribute(session, "tls-id");
  return tlsId === undefined ? { setup, fingerprints } : { setup, fingerprints, tlsId };
}

function readFingerprint(text: string): Fingerprint | undefined {
  const blank = text.indexOf(" ");
  const value = text
    .slice(blank + 1)
    .trim()
    .toUpperCase();
  if (blank < 1 || !/^[0-9A-F]{2}(?::[0-9A-F]{2}){15,63}$/.test(value)) return undefined;
  return { algorithm: text.slice(0, blank).toLowerCase(), value };
}
