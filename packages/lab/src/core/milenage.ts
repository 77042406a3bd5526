import { createCipheriv } from "node:crypto";

/** What a subscriber's USIM and her HSS share, 16 octets each (TS 35.206). */
export interface SubscriberKey {
  readonly k: Buffer;
  /** OP, encrypted by `k`. */
  readonly opc: Buffer;
}

/** What the functions f2 to f5 and f5* give for a RAND. */
interface Milenage {
  /** 8 octets. */
  readonly res: Buffer;
  /** 16 octets. */
  readonly ck: Buffer;
  /** 16 octets. */
  readonly ik: Buffer;
  /** Conceals a sequence number, 6 octets. */
  readonly ak: Buffer;
  /** The same for resynchronisation. */
  readonly akResync: Buffer;
  /** f1 and f1*, 8 octets each. @param sqn 6 octets. @param amf 2 octets */
  readonly mac: (sqn: Buffer, amf: Buffer) => { readonly network: Buffer; readonly resync: Buffer };
}

/** The example algorithm set of 3GPP for authentication and key generation (TS 35.206 §4.1). @param rand 16 octets */
export function milenage({ k, opc }: SubscriberKey, rand: Buffer): Milenage {
  const temp = encrypt(k, xor(rand, opc));
  const out = (rotation: number, constant: number): Buffer => {
    const block = rotate(xor(temp, opc), rotation);
    block[15] = (block[15] ?? 0) ^ constant;
    return xor(encrypt(k, block), opc);
  };
  const out2 = out(0, 1);
  return {
    res: out2.subarray(8),
    ak: out2.subarray(0, 6),
    ck: out(4, 2),
    ik: out(8, 4),
    akResync: out(12, 8).subarray(0, 6),
    mac: (sqn, amf) => {
      const input = Buffer.concat([sqn, amf, sqn, amf]);
      const out1 = xor(encrypt(k, xor(temp, rotate(xor(input, opc), 8))), opc);
      return { network: out1.subarray(0, 8), resync: out1.subarray(8) };
    },
  };
}

/** Of blocks of the same length. */
export function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((octet, at) => octet ^ (other[at] ?? 0)));
}

/** To the left, by octets. */
function rotate(block: Buffer, octets: number): Buffer {
  return Buffer.concat([block.subarray(octets), block.subarray(0, octets)]);
}

function encrypt(k: Buffer, block: Buffer): Buffer {
  return createCipheriv("aes-128-ecb", k, null).setAutoPadding(false).update(block);
}
