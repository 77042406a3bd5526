import { createCipheriv, createDecipheriv } from "node:crypto";

export const contentTypes = { changeCipherSpec: 20, alert: 21, handshake: 22 } as const;

/** DTLS 1.2 on the wire (RFC 6347 §4.1). */
export const dtls12 = 0xfefd;

/** RFC 6347 §4.1: type, version, epoch, sequence number, length. */
const headerLength = 13;

/** Explicit nonce and tag of AES-GCM (RFC 5288 §3). */
const nonceLength = 8;
const tagLength = 16;

export interface DtlsRecord {
  readonly type: number;
  readonly epoch: number;
  /** Epoch and sequence number as they stand in the header: 8 octets. */
  readonly number: Buffer;
  readonly payload: Buffer;
}

/** Cuts a datagram into its records, at most 32; what is malformed ends the list (RFC 6347 §4.1.2.7: ignored silently). */
export function readRecords(datagram: Buffer): DtlsRecord[] {
  const records: DtlsRecord[] = [];
  for (let at = 0; at + headerLength <= datagram.length && records.length < 32;) {
    const length = datagram.readUInt16BE(at + 11);
    const end = at + headerLength + length;
    // The first ClientHello may say 1.0 (0xfeff).
    if (datagram[at + 1] !== 0xfe || end > datagram.length) break;
    records.push({
      type: datagram[at] ?? 0,
      epoch: datagram.readUInt16BE(at + 3),
      number: datagram.subarray(at + 3, at + 11),
      payload: datagram.subarray(at + headerLength, end),
    });
    at = end;
  }
  return records;
}

/** @param sequence record sequence number within the epoch */
export function writeRecord(
  type: number,
  epoch: number,
  sequence: number,
  payload: Buffer,
  protection?: RecordProtection,
): Buffer {
  const header = Buffer.alloc(headerLength);
  header[0] = type;
  header.writeUInt16BE(dtls12, 1);
  header.writeUInt16BE(epoch, 3);
  header.writeUIntBE(sequence, 5, 6);
  const body = protection ? protection.seal(type, header.subarray(3, 11), payload) : payload;
  header.writeUInt16BE(body.length, 11);
  return Buffer.concat([header, body]);
}

/** One direction of AES-128-GCM record protection (RFC 5288, RFC 6347 §4.1.2). */
export class RecordProtection {
  readonly #key: Buffer;
  readonly #salt: Buffer;

  constructor(key: Buffer, salt: Buffer) {
    this.#key = key;
    this.#salt = salt;
  }

  /** The record number serves as explicit nonce: it never repeats under one key. */
  seal(type: number, number: Buffer, plain: Buffer): Buffer {
    const cipher = createCipheriv("aes-128-gcm", this.#key, Buffer.concat([this.#salt, number]));
    cipher.setAAD(additionalData(type, number, plain.length));
    return Buffer.concat([number, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  }

  /** The plain text; undefined when it is not authentic. */
  open({ type, number, payload }: DtlsRecord): Buffer | undefined {
    const length = payload.length - nonceLength - tagLength;
    if (length < 0) return undefined;
    const nonce = Buffer.concat([this.#salt, payload.subarray(0, nonceLength)]);
    const decipher = createDecipheriv("aes-128-gcm", this.#key, nonce, { authTagLength: tagLength });
    decipher.setAAD(additionalData(type, number, length));
    decipher.setAuthTag(payload.subarray(nonceLength + length));
    try {
      return Buffer.concat([decipher.update(payload.subarray(nonceLength, nonceLength + length)), decipher.final()]);
    } catch {
      return undefined;
    }
  }
}

function additionalData(type: number, number: Buffer, length: number): Buffer {
  const data = Buffer.alloc(headerLength);
  number.copy(data);
  data[8] = type;
  data.writeUInt16BE(dtls12, 9);
  data.writeUInt16BE(length, 11);
  return data;
}
