import { createCipheriv, createDecipheriv } from "node:crypto";
import type { SessionKeys } from "./keyDerivation.ts";
import { rtcpEncrypted, rtcpHeaderLength, type SrtpTransform } from "./transform.ts";

const tagLength = 16;

/** AEAD_AES_128_GCM (RFC 7714). */
export class AesGcm implements SrtpTransform {
  readonly #rtpKey: Buffer;
  readonly #rtpSalt: Buffer;
  readonly #rtcpKey: Buffer;
  readonly #rtcpSalt: Buffer;
  readonly #iv: Buffer = Buffer.alloc(12);

  constructor(rtp: Omit<SessionKeys, "auth">, rtcp: Omit<SessionKeys, "auth">) {
    [this.#rtpKey, this.#rtpSalt] = [rtp.key, rtp.salt];
    [this.#rtcpKey, this.#rtcpSalt] = [rtcp.key, rtcp.salt];
  }

  protect(packet: Buffer, headerLength: number, index: number): Buffer {
    const cipher = createCipheriv("aes-128-gcm", this.#rtpKey, this.#rtpIv(packet.readUInt32BE(8), index));
    const header = packet.subarray(0, headerLength);
    cipher.setAAD(header);
    const sealed = cipher.update(packet.subarray(headerLength));
    cipher.final();
    return Buffer.concat([header, sealed, cipher.getAuthTag()]);
  }

  unprotect(packet: Buffer, headerLength: number, index: number): Buffer | undefined {
    const end = packet.length - tagLength;
    if (end < headerLength) return undefined;
    const header = packet.subarray(0, headerLength);
    const iv = this.#rtpIv(packet.readUInt32BE(8), index);
    const plain = open(this.#rtpKey, iv, [header], packet.subarray(headerLength, end), packet.subarray(end));
    return plain && Buffer.concat([header, plain]);
  }

  protectRtcp(packet: Buffer, index: number): Buffer {
    const cipher = createCipheriv("aes-128-gcm", this.#rtcpKey, this.#rtcpIv(packet.readUInt32BE(4), index));
    const header = packet.subarray(0, rtcpHeaderLength);
    const trailer = Buffer.alloc(4);
    trailer.writeUInt32BE((rtcpEncrypted | index) >>> 0);
    // RFC 7714 §9.2: header and trailer are the associated data; the trailer stands last in the packet.
    cipher.setAAD(Buffer.concat([header, trailer]));
    const sealed = cipher.update(packet.subarray(rtcpHeaderLength));
    cipher.final();
    return Buffer.concat([header, sealed, cipher.getAuthTag(), trailer]);
  }

  unprotectRtcp(packet: Buffer): { index: number; packet: Buffer } | undefined {
    const trailerAt = packet.length - 4;
    const tagAt = trailerAt - tagLength;
    if (tagAt < rtcpHeaderLength) return undefined;
    const header = packet.subarray(0, rtcpHeaderLength);
    const trailer = packet.subarray(trailerAt);
    const word = trailer.readUInt32BE();
    const index = word & 0x7fff_ffff;
    const iv = this.#rtcpIv(packet.readUInt32BE(4), index);
    const [body, tag] = [packet.subarray(rtcpHeaderLength, tagAt), packet.subarray(tagAt, trailerAt)];
    // RFC 7714 §9.3: without the E flag all is associated data and the cipher text is empty.
    const plain =
      word >= rtcpEncrypted
        ? open(this.#rtcpKey, iv, [header, trailer], body, tag)
        : open(this.#rtcpKey, iv, [header, body, trailer], Buffer.alloc(0), tag) && body;
    return plain && { index, packet: Buffer.concat([header, plain]) };
  }

  /** RFC 7714 §8.1: 00 00, SSRC, rollover counter, sequence number, XOR salt */
  #rtpIv(ssrc: number, index: number): Buffer {
    const salt = this.#rtpSalt;
    this.#iv.writeUInt16BE(salt.readUInt16BE(0), 0);
    this.#iv.writeUInt32BE((salt.readUInt32BE(2) ^ ssrc) >>> 0, 2);
    this.#iv.writeUInt32BE((salt.readUInt32BE(6) ^ Math.floor(index / 65_536)) >>> 0, 6);
    this.#iv.writeUInt16BE(salt.readUInt16BE(10) ^ (index % 65_536), 10);
    return this.#iv;
  }

  /** RFC 7714 §9.1: 00 00, SSRC, 00 00, SRTCP index, XOR salt */
  #rtcpIv(ssrc: number, index: number): Buffer {
    const salt = this.#rtcpSalt;
    salt.copy(this.#iv);
    this.#iv.writeUInt32BE((salt.readUInt32BE(2) ^ ssrc) >>> 0, 2);
    this.#iv.writeUInt32BE((salt.readUInt32BE(8) ^ index) >>> 0, 8);
    return this.#iv;
  }
}

function open(key: Buffer, iv: Buffer, associated: Buffer[], sealed: Buffer, tag: Buffer): Buffer | undefined {
  const decipher = createDecipheriv("aes-128-gcm", key, iv, { authTagLength: tagLength });
  const [only = Buffer.alloc(0)] = associated;
  decipher.setAAD(associated.length === 1 ? only : Buffer.concat(associated));
  decipher.setAuthTag(tag);
  const plain = decipher.update(sealed);
  try {
    decipher.final();
    return plain;
  } catch {
    return undefined;
  }
}
