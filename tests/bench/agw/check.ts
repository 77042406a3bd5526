import { createHmac, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

/** A connectivity check that nominates its pair (RFC 8445 §7.2.2), from a controlling browser. */
export function nominatingCheck(username: string, password: string): Buffer {
  const attributes = [
    attribute(0x0006, Buffer.from(username)),
    attribute(0x0024, Buffer.from([0x6e, 0xff, 0xff, 0xff])),
    attribute(0x802a, randomBytes(8)),
    attribute(0x0025, Buffer.alloc(0)),
  ];
  const header = Buffer.alloc(20);
  header.writeUInt16BE(0x0001, 0);
  header.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(header, 8);
  const body = Buffer.concat([header, ...attributes]);
  // RFC 8489 §14.5, §14.7: each covers a length that counts itself.
  body.writeUInt16BE(body.length - 20 + 24, 2);
  const signed = Buffer.concat([body, attribute(0x0008, createHmac("sha1", password).update(body).digest())]);
  signed.writeUInt16BE(signed.length - 20 + 8, 2);
  const fingerprint = Buffer.alloc(4);
  fingerprint.writeUInt32BE((crc32(signed) ^ 0x5354554e) >>> 0);
  return Buffer.concat([signed, attribute(0x8028, fingerprint)]);
}

function attribute(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16BE(type, 0);
  head.writeUInt16BE(value.length, 2);
  return Buffer.concat([head, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}
