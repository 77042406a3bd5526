import type { SrtpProfileName } from "../../mediaPlane.ts";
import { schemes } from "./signatures.ts";
import { DtlsError, Reader, alerts, uint, uint16s, vector } from "./wire.ts";
import { dtls12 } from "./record.ts";
import { groups } from "./keyExchange.ts";

export const messageTypes = {
  helloRequest: 0,
  clientHello: 1,
  serverHello: 2,
  helloVerifyRequest: 3,
  certificate: 11,
  serverKeyExchange: 12,
  certificateRequest: 13,
  serverHelloDone: 14,
  certificateVerify: 15,
  clientKeyExchange: 16,
  finished: 20,
} as const;

/** RFC 8827 §6.5 */
export const cipherSuites = { ecdheEcdsaAes128Gcm: 0xc02b, ecdheRsaAes128Gcm: 0xc02f } as const;

const extensionTypes = {
  supportedGroups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  useSrtp: 14,
  extendedMasterSecret: 23,
  supportedVersions: 43,
  renegotiationInfo: 0xff01,
} as const;

/** RFC 5764 §4.1.2, RFC 7714 §14.2 */
const srtpProfileNumbers: Readonly<Record<SrtpProfileName, number>> = {
  SRTP_AES128_CM_HMAC_SHA1_80: 1,
  SRTP_AEAD_AES_128_GCM: 7,
};

export interface ClientHello {
  readonly random: Buffer;
  readonly cipherSuites: readonly number[];
  readonly groups: readonly number[];
  readonly signatureSchemes: readonly number[];
  readonly srtpProfiles: readonly number[];
  readonly extendedMasterSecret: boolean;
  /** Whether DTLS 1.2 is among the versions offered. */
  readonly dtls12: boolean;
  /** Whether these may be answered: a server's extensions answer the client's (RFC 5246 §7.4.1.4). */
  readonly renegotiationInfo: boolean;
  readonly pointFormats: boolean;
}

/** TLS_EMPTY_RENEGOTIATION_INFO_SCSV stands for the extension (RFC 5746 §3.3). */
const renegotiationSignal = 0x00ff;

/** Unknown groups, suites and extensions (X25519MLKEM768, GREASE, 1.3's) are read over. */
export function readClientHello(body: Buffer): ClientHello {
  const reader = new Reader(body);
  const version = reader.uint(2);
  const random = reader.bytes(32);
  reader.vector(1); // session_id: sessions are not resumed
  reader.vector(1); // cookie: see DtlsServer
  const suites = reader.uint16s(2);
  reader.vector(1);
  const extensions = readExtensions(reader);
  const list = (type: number): number[] => {
    const content = extensions.get(type);
    return content ? new Reader(content).uint16s(2) : [];
  };
  const versions = extensions.get(extensionTypes.supportedVersions);
  return {
    random,
    cipherSuites: suites,
    groups: list(extensionTypes.supportedGroups),
    signatureSchemes: list(extensionTypes.signatureAlgorithms),
    srtpProfiles: list(extensionTypes.useSrtp),
    extendedMasterSecret: extensions.has(extensionTypes.extendedMasterSecret),
    // Version numbers run downwards; RFC 8446 §4.2.1: the extension, where there is one, decides.
    renegotiationInfo: extensions.has(extensionTypes.renegotiationInfo) || suites.includes(renegotiationSignal),
    pointFormats: extensions.has(extensionTypes.pointFormats),
    dtls12: versions ? new Reader(versions).uint16s(1).includes(dtls12) : version <= dtls12,
  };
}

export function writeClientHello(random: Buffer, cookie: Buffer, profiles: readonly SrtpProfileName[]): Buffer {
  return Buffer.concat([
    uint(dtls12, 2),
    random,
    vector(Buffer.alloc(0), 1),
    vector(cookie, 1),
    uint16s([cipherSuites.ecdheEcdsaAes128Gcm, cipherSuites.ecdheRsaAes128Gcm], 2),
    vector(Buffer.from([0]), 1),
    writeExtensions([
      [extensionTypes.supportedGroups, uint16s([groups.x25519, groups.secp256r1], 2)],
      [extensionTypes.pointFormats, vector(Buffer.from([0]), 1)],
      [extensionTypes.signatureAlgorithms, uint16s(Object.values(schemes), 2)],
      [extensionTypes.useSrtp, useSrtp(profiles)],
      [extensionTypes.extendedMasterSecret, Buffer.alloc(0)],
      [extensionTypes.renegotiationInfo, vector(Buffer.alloc(0), 1)],
    ]),
  ]);
}

export interface ServerHello {
  readonly version: number;
  readonly random: Buffer;
  readonly cipherSuite: number;
  readonly srtpProfile: SrtpProfileName | undefined;
  readonly extendedMasterSecret: boolean;
}

export function readServerHello(body: Buffer): ServerHello {
  const reader = new Reader(body);
  const version = reader.uint(2);
  const random = reader.bytes(32);
  reader.vector(1);
  const cipherSuite = reader.uint(2);
  reader.uint(1);
  const extensions = readExtensions(reader);
  const srtp = extensions.get(extensionTypes.useSrtp);
  return {
    version,
    random,
    cipherSuite,
    srtpProfile: srtp && profileName(new Reader(srtp).uint16s(2)[0]),
    extendedMasterSecret: extensions.has(extensionTypes.extendedMasterSecret),
  };
}

/** `random` carries no downgrade sentinel: RFC 8446 §4.1.3 has only servers that speak 1.3 set it. */
export function writeServerHello(
  random: Buffer,
  profile: SrtpProfileName,
  { renegotiationInfo, pointFormats }: Pick<ClientHello, "renegotiationInfo" | "pointFormats">,
): Buffer {
  const extensions: [number, Buffer][] = [
    [extensionTypes.extendedMasterSecret, Buffer.alloc(0)],
    [extensionTypes.useSrtp, useSrtp([profile])],
  ];
  if (renegotiationInfo) extensions.push([extensionTypes.renegotiationInfo, vector(Buffer.alloc(0), 1)]);
  if (pointFormats) extensions.push([extensionTypes.pointFormats, vector(Buffer.from([0]), 1)]);
  return Buffer.concat([
    uint(dtls12, 2),
    random,
    vector(Buffer.alloc(0), 1),
    uint(cipherSuites.ecdheEcdsaAes128Gcm, 2),
    uint(0, 1),
    writeExtensions(extensions),
  ]);
}

/** The first of our profiles that the peer offers too. */
export function chooseProfile(
  ours: readonly SrtpProfileName[],
  offered: readonly number[],
): SrtpProfileName | undefined {
  return ours.find((name) => offered.includes(srtpProfileNumbers[name]));
}

/** RFC 6347 §4.2.1 */
export function readHelloVerifyRequest(body: Buffer): Buffer {
  const reader = new Reader(body);
  reader.uint(2);
  return reader.vector(1);
}

export function writeCertificate(der: Buffer): Buffer {
  return vector(vector(der, 3), 3);
}

/** The peer's own certificate; what else its chain holds does not matter (RFC 8122 §6.2). */
export function readCertificate(body: Buffer): Buffer {
  const chain = new Reader(new Reader(body).vector(3));
  if (chain.done) throw new DtlsError("The peer sent no certificate", alerts.handshakeFailure);
  return Buffer.from(chain.vector(3));
}

export interface ServerKeyExchange {
  readonly group: number;
  readonly publicKey: Buffer;
  /** The part that is signed, after both randoms (RFC 8422 §5.4). */
  readonly parameters: Buffer;
  readonly scheme: number;
  readonly signature: Buffer;
}

export function readServerKeyExchange(body: Buffer): ServerKeyExchange {
  const reader = new Reader(body);
  if (reader.uint(1) !== namedCurve) throw new DtlsError("The peer uses no named curve", alerts.illegalParameter);
  const group = reader.uint(2);
  const publicKey = reader.vector(1);
  const parameters = body.subarray(0, 4 + publicKey.length);
  return { group, publicKey, parameters, scheme: reader.uint(2), signature: reader.vector(2) };
}

const namedCurve = 3;

export function keyExchangeParameters(group: number, publicKey: Buffer): Buffer {
  return Buffer.concat([uint(namedCurve, 1), uint(group, 2), vector(publicKey, 1)]);
}

/** Also the body of CertificateVerify (RFC 5246 §7.4.8). */
export function writeSignature(scheme: number, signature: Buffer): Buffer {
  return Buffer.concat([uint(scheme, 2), vector(signature, 2)]);
}

export function readSignature(body: Buffer): { scheme: number; signature: Buffer } {
  const reader = new Reader(body);
  return { scheme: reader.uint(2), signature: reader.vector(2) };
}

/** RFC 5246 §7.4.4: ecdsa_sign and rsa_sign, no authorities. */
export function writeCertificateRequest(): Buffer {
  return Buffer.concat([vector(Buffer.from([64, 1]), 1), uint16s(Object.values(schemes), 2), uint(0, 2)]);
}

function useSrtp(profiles: readonly SrtpProfileName[]): Buffer {
  const numbers = profiles.map((name) => srtpProfileNumbers[name]);
  // No MKI (RFC 8827 §6.5).
  return Buffer.concat([uint16s(numbers, 2), vector(Buffer.alloc(0), 1)]);
}

function profileName(number: number | undefined): SrtpProfileName | undefined {
  if (number === srtpProfileNumbers.SRTP_AES128_CM_HMAC_SHA1_80) return "SRTP_AES128_CM_HMAC_SHA1_80";
  return number === srtpProfileNumbers.SRTP_AEAD_AES_128_GCM ? "SRTP_AEAD_AES_128_GCM" : undefined;
}

function readExtensions(reader: Reader): Map<number, Buffer> {
  const extensions = new Map<number, Buffer>();
  if (reader.done) return extensions;
  const inner = new Reader(reader.vector(2));
  while (!inner.done) {
    const type = inner.uint(2);
    if (extensions.has(type)) throw new DtlsError("An extension is repeated", alerts.decodeError);
    extensions.set(type, inner.vector(2));
  }
  return extensions;
}

function writeExtensions(extensions: readonly (readonly [type: number, content: Buffer])[]): Buffer {
  return vector(
    Buffer.concat(extensions.map(([type, content]) => Buffer.concat([uint(type, 2), vector(content, 2)]))),
    2,
  );
}
