import { createCipheriv, hash, timingSafeEqual, type Cipheriv } from "node:crypto";
import type { SessionKeys } from "./keyDerivation.ts";
import { rtcpEncrypted, rtcpHeaderLength, type SrtpTransform } from "./transform.ts";

const tagLength = 10;
const blockLength = 16;

/** Longest packet that is processed; Ethernet's MTU and then some. */
const maxPacket = 2048;

/** SHA-1 works on blocks of 64 octets (RFC 2104 §2: B). */
const hashBlock = 64;

/** Counter blocks, and what is hashed, of the packet at hand: all of it is done in one turn, so calls can share them. */
const counters = Buffer.alloc(maxPacket + blockLength);
const hashed = Buffer.alloc(hashBlock + maxPacket + 4);

/** AES128_CM_HMAC_SHA1_80 (RFC 3711 §4.1.1, §4.2.1). */
export class AesCmHmacSha1 implements SrtpTransform {
  readonly #rtp: Keystream;
  readonly #rtcp: Keystream;
  readonly #rtpAuth: HmacSha1;
  readonly #rtcpAuth: HmacSha1;

  constructor(rtp: SessionKeys, rtcp: SessionKeys) {
    this.#rtp = new Keystream(rtp.key, rtp.salt);
    this.#rtcp = new Keystream(rtcp.key, rtcp.salt);
    this.#rtpAuth = new HmacSha1(rtp.auth);
    this.#rtcpAuth = new HmacSha1(rtcp.auth);
  }

  protect(packet: Buffer, headerLength: number, index: number): Buffer {
    const { length } = packet;
    const out = Buffer.allocUnsafe(length + tagLength);
    packet.copy(out);
    this.#rtp.xor(out, headerLength, length, packet.readUInt32BE(8), index);
    // RFC 3711 §4.2: the rollover counter is authenticated with the packet.
    this.#rtpAuth.digest(out, length, Math.floor(index / 65_536)).copy(out, length, 0, tagLength);
    return out;
  }

  unprotect(packet: Buffer, headerLength: number, index: number): Buffer | undefined {
    const length = packet.length - tagLength;
    if (length < headerLength) return undefined;
    const tag = this.#rtpAuth.digest(packet, length, Math.floor(index / 65_536)).subarray(0, tagLength);
    if (!timingSafeEqual(tag, packet.subarray(length))) return undefined;
    const out = Buffer.allocUnsafe(length);
    packet.copy(out, 0, 0, length);
    this.#rtp.xor(out, headerLength, length, packet.readUInt32BE(8), index);
    return out;
  }

  protectRtcp(packet: Buffer, index: number): Buffer {
    const { length } = packet;
    const out = Buffer.allocUnsafe(length + 4 + tagLength);
    packet.copy(out);
    this.#rtcp.xor(out, rtcpHeaderLength, length, packet.readUInt32BE(4), index);
    out.writeUInt32BE((rtcpEncrypted | index) >>> 0, length);
    this.#rtcpAuth.digest(out, length + 4).copy(out, length + 4, 0, tagLength);
    return out;
  }

  unprotectRtcp(packet: Buffer): { index: number; packet: Buffer } | undefined {
    const length = packet.length - tagLength - 4;
    if (length < rtcpHeaderLength || packet.length > maxPacket) return undefined;
    const tag = this.#rtcpAuth.digest(packet, length + 4).subarray(0, tagLength);
    if (!timingSafeEqual(tag, packet.subarray(length + 4))) return undefined;
    const trailer = packet.readUInt32BE(length);
    const index = trailer & 0x7fff_ffff;
    const out = Buffer.from(packet.subarray(0, length));
    if (trailer >= rtcpEncrypted) this.#rtcp.xor(out, rtcpHeaderLength, length, packet.readUInt32BE(4), index);
    return { index, packet: out };
  }
}

/**
 * AES in counter mode out of one long-lived ECB cipher: its output over a run of counter blocks is the keystream, and no
 * cipher has to be made for each packet.
 */
class Keystream {
  readonly #cipher: Cipheriv;
  readonly #salt: Buffer;

  constructor(key: Buffer, salt: Buffer) {
    this.#cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
    this.#salt = salt;
  }

  /** RFC 3711 §4.1.1: IV = salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16 */
  xor(packet: Buffer, from: number, to: number, ssrc: number, index: number): void {
    const blocks = counters;
    const count = Math.ceil((to - from) / blockLength);
    if (count === 0) return;
    this.#salt.copy(blocks, 0);
    blocks.writeUInt32BE((blocks.readUInt32BE(4) ^ ssrc) >>> 0, 4);
    blocks.writeUInt32BE((blocks.readUInt32BE(8) ^ Math.floor(index / 65_536)) >>> 0, 8);
    blocks.writeUInt16BE(blocks.readUInt16BE(12) ^ (index % 65_536), 12);
    blocks.writeUInt16BE(0, 14);
    for (let block = 1; block < count; block++) {
      blocks.copyWithin(block * blockLength, 0, 14);
      blocks.writeUInt16BE(block, block * blockLength + 14);
    }
    const stream = this.#cipher.update(blocks.subarray(0, count * blockLength));
    for (let at = from, key = 0; at < to; at++, key++) packet[at] = (packet[at] ?? 0) ^ (stream[key] ?? 0);
  }
}

/** HMAC-SHA1 (RFC 2104) out of one-shot hashes over a scratch buffer, which costs half of `createHmac`. */
class HmacSha1 {
  readonly #innerPad: Buffer = Buffer.alloc(hashBlock);
  /** The outer pad, and room for the inner hash. */
  readonly #outer: Buffer = Buffer.alloc(hashBlock + 20);

  constructor(key: Buffer) {
    for (let at = 0; at < hashBlock; at++) {
      this.#innerPad[at] = (key[at] ?? 0) ^ 0x36;
      this.#outer[at] = (key[at] ?? 0) ^ 0x5c;
    }
  }

  /** Over the first `length` octets, and over `word` in four more where one is given. */
  digest(octets: Buffer, length: number, word?: number): Buffer {
    this.#innerPad.copy(hashed);
    octets.copy(hashed, hashBlock, 0, length);
    let end = hashBlock + length;
    if (word !== undefined) end = hashed.writeUInt32BE(word, end);
    hash("sha1", hashed.subarray(0, end), "buffer").copy(this.#outer, hashBlock);
    return hash("sha1", this.#outer, "buffer");
  }
}
