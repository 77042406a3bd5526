import { createECDH, createPublicKey, diffieHellman, generateKeyPairSync } from "node:crypto";
import { DtlsError, alerts } from "./wire.ts";

/** IANA TLS supported groups. */
export const groups = { x25519: 29, secp256r1: 23 } as const;

/** One side's ephemeral share of an ECDHE exchange (RFC 8422). */
export interface KeyShare {
  readonly group: number;
  /** As it stands in the key exchange messages. */
  readonly publicKey: Buffer;
  /** The premaster secret. @throws DtlsError when the peer's share is no valid point */
  agree(peer: Buffer): Buffer;
}

/** Of the groups a peer supports the one to use: X25519 first. */
export function chooseGroup(offered: readonly number[]): number | undefined {
  return [groups.x25519, groups.secp256r1].find((group) => offered.includes(group));
}

export function createKeyShare(group: number): KeyShare {
  if (group === groups.x25519) return x25519();
  if (group === groups.secp256r1) return p256();
  throw new DtlsError("The peer chose a group that was not offered", alerts.illegalParameter);
}

function p256(): KeyShare {
  const ecdh = createECDH("prime256v1");
  const publicKey = ecdh.generateKeys();
  return {
    group: groups.secp256r1,
    publicKey,
    // OpenSSL refuses what is not on the curve.
    agree: (peer) => guarded(() => ecdh.computeSecret(peer)),
  };
}

/** RFC 8410 §4: what stands before the 32 octets of an X25519 key in SubjectPublicKeyInfo. */
const x25519Prefix = Buffer.from("302a300506032b656e032100", "hex");

function x25519(): KeyShare {
  const { publicKey, privateKey } = generateKeyPairSync("x25519");
  return {
    group: groups.x25519,
    publicKey: publicKey.export({ type: "spki", format: "der" }).subarray(x25519Prefix.length),
    agree: (peer) =>
      guarded(() => {
        if (peer.length !== 32) throw new RangeError("not 32 octets");
        const key = Buffer.concat([x25519Prefix, peer]);
        // RFC 7748 §6.1: OpenSSL refuses an all-zero result.
        return diffieHellman({ privateKey, publicKey: createPublicKey({ key, format: "der", type: "spki" }) });
      }),
  };
}

function guarded(agree: () => Buffer): Buffer {
  try {
    return agree();
  } catch {
    throw new DtlsError("The peer's key share is invalid", alerts.illegalParameter);
  }
}
