import { createCipheriv } from "node:crypto";
import type { SrtpMasterKey } from "../dtls/endpoint.ts";

/** Labels of RFC 3711 §4.3.2. */
const labels = { rtpKey: 0, rtpAuth: 1, rtpSalt: 2, rtcpKey: 3, rtcpAuth: 4, rtcpSalt: 5 } as const;

/** Keys of one direction of SRTP or SRTCP. */
export interface SessionKeys {
  readonly key: Buffer;
  readonly salt: Buffer;
  /** Of HMAC-SHA1; GCM has no use for it. */
  readonly auth: Buffer;
}

/** The session keys of SRTP and SRTCP out of the master key. */
export function sessionKeys(master: SrtpMasterKey): { readonly rtp: SessionKeys; readonly rtcp: SessionKeys } {
  const { length } = master.salt;
  return {
    rtp: {
      key: deriveKey(master, labels.rtpKey, 16),
      salt: deriveKey(master, labels.rtpSalt, length),
      auth: deriveKey(master, labels.rtpAuth, 20),
    },
    rtcp: {
      key: deriveKey(master, labels.rtcpKey, 16),
      salt: deriveKey(master, labels.rtcpSalt, length),
      auth: deriveKey(master, labels.rtcpAuth, 20),
    },
  };
}

/** A session key from the master key, with key derivation rate 0 (RFC 3711 §4.3.1, RFC 7714 §11). */
function deriveKey({ key, salt }: SrtpMasterKey, label: number, length: number): Buffer {
  // A 96-bit salt of GCM is padded on the right to the 112 bits of AES-CM.
  const iv = Buffer.alloc(16);
  salt.copy(iv);
  iv[7] = (iv[7] ?? 0) ^ label;
  return createCipheriv("aes-128-ctr", key, iv).update(Buffer.alloc(length));
}
