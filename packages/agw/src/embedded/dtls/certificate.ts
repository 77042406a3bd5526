import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";

/** A self-signed certificate and its key, as WebRTC wants them (RFC 8827 §6.5: P-256). */
export interface LocalCertificate {
  /** DER */
  readonly der: Buffer;
  readonly key: KeyObject;
  /** SHA-256 over the DER, as SDP writes it (RFC 8122 §5). */
  readonly fingerprint: { readonly algorithm: "sha-256"; readonly value: string };
}

const dayMs = 86_400_000;

/** Makes one. Its subject names nobody: peers know it by its fingerprint. */
export function createCertificate(): LocalCertificate {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const algorithm = sequence(der(0x06, Buffer.from("2a8648ce3d040302", "hex"))); // ecdsa-with-SHA256
  const commonName = sequence(der(0x06, Buffer.from("550403", "hex")), der(0x0c, Buffer.from("eIMS-AGW")));
  const name = sequence(der(0x31, commonName));
  // Serial: positive, of 16 random octets (RFC 5280 §4.1.2.2).
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const now = Date.now();
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    algorithm,
    name,
    sequence(time(now - dayMs), time(now + 365 * dayMs)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = sign("sha256", toSign, privateKey);
  const certificate = sequence(toSign, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  return {
    der: certificate,
    key: privateKey,
    fingerprint: { algorithm: "sha-256", value: fingerprintOf(certificate, "sha256") },
  };
}

const hashes: Readonly<Record<string, string>> = { "sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512" };

/** Whether a fingerprint names a hash this side trusts: SHA-1 and MD5 are not (RFC 8122 §5). */
export const isCheckable = (algorithm: string): boolean => Object.hasOwn(hashes, algorithm.toLowerCase());

/**
 * Whether the certificate is one the SDP announced. RFC 8122 §5: of several fingerprints those of the strongest known
 * hash count, and one of them must match.
 */
export function matchesFingerprint(
  certificate: Buffer,
  fingerprints: readonly { readonly algorithm: string; readonly value: string }[],
): boolean {
  const known = fingerprints.filter(({ algorithm }) => isCheckable(algorithm));
  const strongest = known
    .map(({ algorithm }) => algorithm.toLowerCase())
    .toSorted()
    .at(-1);
  if (strongest === undefined) return false;
  const mine = fingerprintOf(certificate, hashes[strongest] ?? "sha256");
  return known.some(({ algorithm, value }) => algorithm.toLowerCase() === strongest && value.toUpperCase() === mine);
}

function fingerprintOf(certificate: Buffer, hash: string): string {
  const hex = createHash(hash).update(certificate).digest("hex").toUpperCase();
  return (hex.match(/../g) ?? []).join(":");
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const header =
    length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), content]);
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts));

/** RFC 5280 §4.1.2.5: UTCTime until 2049, GeneralizedTime after. */
function time(ms: number): Buffer {
  const text = `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  return text < "2050" ? der(0x17, Buffer.from(text.slice(2))) : der(0x18, Buffer.from(text));
}
