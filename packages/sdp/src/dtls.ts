import { getAttribute, getAttributes } from "./description.ts";
import type { Attribute, MediaDescription, SessionDescription } from "./description.ts";

/** One side's DTLS parameters for one medium (RFC 8842 §5). */
export interface DtlsParameters {
  setup: SetupRole;
  fingerprints: Fingerprint[];
  /** RFC 8842 §4 */
  tlsId?: string;
}

/**
 * Which side opens the DTLS association: "active" is the client, "actpass" lets the answerer choose (RFC 4145 §4).
 *
 * @example
 * const answers: Record<SetupRole, SetupRole> = {
 *   actpass: "active", // RFC 8842 §5.3 recommends it
 *   active: "passive",
 *   passive: "active",
 *   holdconn: "holdconn",
 * };
 */
export type SetupRole = "active" | "passive" | "actpass" | "holdconn";

/**
 * The hash of a side's certificate (RFC 8122 §5).
 *
 * @example
 * const same = (a: Fingerprint, b: Fingerprint): boolean => a.algorithm === b.algorithm && a.value === b.value;
 */
export interface Fingerprint {
  /** Lower-case: "sha-256". */
  algorithm: string;
  /** Upper-case pairs of hexadecimal digits with colons. */
  value: string;
}

/**
 * The DTLS parameters of a medium, its own before the session's; undefined without a role and a readable fingerprint.
 *
 * @example
 * ```ts
 * const hash = Array.from({ length: 32 }, () => "AB").join(":");
 * const lines = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 8"];
 * const session = parseSdp([...lines, "a=setup:actpass", `a=fingerprint:sha-256 ${hash}`].join("\r\n"));
 * for (const media of session.media) dtlsOf(session, media)?.setup; // "actpass"
 * ```
 */
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

/**
 * The lines of a side's DTLS: fingerprints, setup, tls-id.
 *
 * @example
 * ```ts
 * const value = Array.from({ length: 32 }, () => "AB").join(":");
 * dtlsAttributes({ setup: "passive", fingerprints: [{ algorithm: "sha-256", value }] }); // a=fingerprint:…, a=setup:passive
 * ```
 */
export function dtlsAttributes({ setup, fingerprints, tlsId }: DtlsParameters): Attribute[] {
  const attributes: Attribute[] = fingerprints.map(({ algorithm, value }) => ({
    name: "fingerprint",
    value: `${algorithm} ${value}`,
  }));
  attributes.push({ name: "setup", value: setup });
  if (tlsId !== undefined) attributes.push({ name: "tls-id", value: tlsId });
  return attributes;
}

/**
 * The setup role that answers one of an offer (RFC 8842 §5.3, RFC 4145 §4.1): the opposite, or to actpass what this side
 * would be. An association that is to go on keeps its roles: then `wanted` is the present one (RFC 8842 §5.5). Media
 * keyed by DTLS know no holdconn (RFC 5763 §5).
 *
 * @example
 * ```ts
 * answerSetup("actpass", "passive"); // "passive"
 * answerSetup("passive", "passive"); // "active"
 * ```
 */
export function answerSetup(
  offered: "active" | "passive" | "actpass",
  wanted: "active" | "passive",
): "active" | "passive" {
  if (offered === "actpass") return wanted;
  return offered === "active" ? "passive" : "active";
}

/**
 * Whether a side's new description asks for a new DTLS association (RFC 8842 §4, §5.1): another tls-id, another set of
 * fingerprints, or the other role. An ICE restart alone does not; neither does actpass, which stands in every offer.
 *
 * @param before that side's parameters in the description that holds
 * @example
 * ```ts
 * const value = Array.from({ length: 32 }, () => "AB").join(":");
 * const before: DtlsParameters = { setup: "active", fingerprints: [{ algorithm: "sha-256", value }] };
 * isNewAssociation(before, { ...before, setup: "actpass" }); // false
 * isNewAssociation(before, { ...before, setup: "passive" }); // true
 * ```
 */
export function isNewAssociation(before: DtlsParameters, after: DtlsParameters): boolean {
  // One side alone may leave its tls-id out, where the other has none (RFC 8842 §5.3): that changes nothing.
  if (before.tlsId !== undefined && after.tlsId !== undefined && before.tlsId !== after.tlsId) return true;
  const [old, now] = [keys(before), keys(after)];
  if (old.size !== now.size || [...old].some((key) => !now.has(key))) return true;
  return decided(before.setup) && decided(after.setup) && before.setup !== after.setup;
}

function decided(setup: SetupRole): boolean {
  return setup === "active" || setup === "passive";
}

function keys({ fingerprints }: DtlsParameters): Set<string> {
  return new Set(fingerprints.map(({ algorithm, value }) => `${algorithm} ${value}`));
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
