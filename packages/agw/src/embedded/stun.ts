import { createHmac, timingSafeEqual } from "node:crypto";
import { isIPv6 } from "node:net";
import { crc32 } from "node:zlib";

/** RFC 8489 §5 */
const magicCookie = 0x2112a442;
const headerLength = 20;

/** A client's checks are below 200 octets; anything longer is none. */
const maxLength = 1280;
const maxAttributes = 32;

export const stunTypes = {
  bindingRequest: 0x0001,
  bindingIndication: 0x0011,
  bindingSuccess: 0x0101,
  bindingError: 0x0111,
} as const;

export const stunAttributes = {
  mappedAddress: 0x0001,
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  unknownAttributes: 0x000a,
  xorMappedAddress: 0x0020,
  priority: 0x0024,
  useCandidate: 0x0025,
  fingerprint: 0x8028,
  iceControlling: 0x802a,
} as const;

/** RFC 8489 §14.7 */
const fingerprintMask = 0x5354554e;

export interface StunMessage {
  readonly type: number;
  readonly transaction: Buffer;
  /** First of each kind; those behind MESSAGE-INTEGRITY, save FINGERPRINT, are left out (RFC 8489 §14.5). */
  readonly attributes: ReadonlyMap<number, Buffer>;
  readonly octets: Buffer;
  /** Offset of MESSAGE-INTEGRITY; 0 without one. */
  readonly integrityAt: number;
}

/** Reads a message; undefined if malformed or if its FINGERPRINT is wrong or absent (RFC 8445 §7.1.2: ICE always has one). */
export function readStun(octets: Buffer): StunMessage | undefined {
  const { length } = octets;
  if (length < headerLength || length > maxLength || octets.readUInt32BE(4) !== magicCookie) return undefined;
  if (octets.readUInt16BE(2) !== length - headerLength || length % 4 !== 0) return undefined;
  const attributes = new Map<number, Buffer>();
  let integrityAt = 0;
  for (let at = headerLength, count = 0; at < length; count++) {
    if (at + 4 > length || count >= maxAttributes) return undefined;
    const type = octets.readUInt16BE(at);
    const size = octets.readUInt16BE(at + 2);
    const end = at + 4 + size;
    if (end > length) return undefined;
    if (type === stunAttributes.fingerprint) {
      if (size !== 4 || end !== length) return undefined;
      if (octets.readUInt32BE(at + 4) !== fingerprintOf(octets.subarray(0, at))) return undefined;
      attributes.set(type, octets.subarray(at + 4, end));
    } else if (integrityAt === 0 && !attributes.has(type)) {
      attributes.set(type, octets.subarray(at + 4, end));
      if (type === stunAttributes.messageIntegrity) integrityAt = at;
    }
    at = end + ((4 - (size % 4)) % 4);
  }
  if (!attributes.has(stunAttributes.fingerprint)) return undefined;
  return { type: octets.readUInt16BE(0), transaction: octets.subarray(8, 20), attributes, octets, integrityAt };
}

/** Whether MESSAGE-INTEGRITY is there and made with this password. In constant time. */
export function hasIntegrity(message: StunMessage, password: string): boolean {
  const given = message.attributes.get(stunAttributes.messageIntegrity);
  if (given?.length !== 20) return false;
  const covered = Buffer.from(message.octets.subarray(0, message.integrityAt));
  // RFC 8489 §14.5: the length counts up to the end of MESSAGE-INTEGRITY.
  covered.writeUInt16BE(message.integrityAt - headerLength + 24, 2);
  return timingSafeEqual(given, createHmac("sha1", password).update(covered).digest());
}

/** Attributes this side does not know and yet must not ignore (RFC 8489 §14: below 0x8000). */
export function unknownAttributes(message: StunMessage): number[] {
  const known: readonly number[] = Object.values(stunAttributes);
  return [...message.attributes.keys()].filter((type) => type < 0x8000 && !known.includes(type));
}

/** Writes a message with MESSAGE-INTEGRITY and FINGERPRINT. */
export function writeStun(
  type: number,
  transaction: Buffer,
  attributes: readonly (readonly [type: number, value: Buffer])[],
  password: string,
): Buffer {
  const header = Buffer.alloc(headerLength);
  header.writeUInt16BE(type, 0);
  header.writeUInt32BE(magicCookie, 4);
  transaction.copy(header, 8);
  const body = Buffer.concat([header, ...attributes.map(([kind, value]) => attribute(kind, value))]);
  body.writeUInt16BE(body.length - headerLength + 24, 2);
  const integrity = createHmac("sha1", password).update(body).digest();
  const signed = Buffer.concat([body, attribute(stunAttributes.messageIntegrity, integrity)]);
  signed.writeUInt16BE(signed.length - headerLength + 8, 2);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(fingerprintOf(signed));
  return Buffer.concat([signed, attribute(stunAttributes.fingerprint, crc)]);
}

/** The value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2). */
export function xorMappedAddress(address: string, port: number, transaction: Buffer): Buffer {
  const ip = addressOctets(address);
  const mask = Buffer.alloc(16);
  mask.writeUInt32BE(magicCookie);
  transaction.copy(mask, 4);
  const value = Buffer.alloc(4 + ip.length);
  value[1] = ip.length === 4 ? 1 : 2;
  value.writeUInt16BE(port ^ (magicCookie >>> 16), 2);
  for (const [index, octet] of ip.entries()) value[4 + index] = octet ^ (mask[index] ?? 0);
  return value;
}

/** The value of ERROR-CODE (RFC 8489 §14.8). */
export function errorCode(code: number, reason: string): Buffer {
  return Buffer.concat([Buffer.from([0, 0, Math.floor(code / 100), code % 100]), Buffer.from(reason)]);
}

function attribute(type: number, value: Buffer): Buffer {
  const padded = Buffer.alloc(4 + value.length + ((4 - (value.length % 4)) % 4));
  padded.writeUInt16BE(type, 0);
  padded.writeUInt16BE(value.length, 2);
  value.copy(padded, 4);
  return padded;
}

function fingerprintOf(octets: Buffer): number {
  return (crc32(octets) ^ fingerprintMask) >>> 0;
}

/** An IP address as 4 or 16 octets. */
function addressOctets(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split(".").map(Number));
  const bare = address.split("%")[0] ?? "";
  const [head = "", tail] = bare.split("::");
  const [front, back] = [groupOctets(head), groupOctets(tail ?? "")];
  return Buffer.from([...front, ...Array.from({ length: 16 - front.length - back.length }, () => 0), ...back]);
}

/** Groups of an IPv6 address, with an IPv4 address at the end maybe. */
function groupOctets(text: string): number[] {
  const octets: number[] = [];
  for (const group of text.split(":").filter(Boolean)) {
    const value = Number.parseInt(group, 16);
    octets.push(...(group.includes(".") ? group.split(".").map(Number) : [value >> 8, value & 0xff]));
  }
  return octets;
}
