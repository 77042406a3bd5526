import { createHash, createHmac } from "node:crypto";

/** P_SHA256 of RFC 5246 §5. */
export function prf(secret: Buffer, label: string, seed: Buffer, length: number): Buffer {
  const labelled = Buffer.concat([Buffer.from(label, "latin1"), seed]);
  const blocks: Buffer[] = [];
  let a: Buffer = labelled;
  for (let have = 0; have < length; have += 32) {
    a = hmac(secret, a);
    blocks.push(hmac(secret, Buffer.concat([a, labelled])));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

/** RFC 7627 §4: the master secret is bound to the whole handshake up to ClientKeyExchange. */
export function extendedMasterSecret(preMaster: Buffer, transcript: readonly Buffer[]): Buffer {
  return prf(preMaster, "extended master secret", sha256(transcript), 48);
}

/** RFC 5246 §7.4.9 */
export function verifyData(master: Buffer, sender: "client" | "server", transcript: readonly Buffer[]): Buffer {
  return prf(master, `${sender} finished`, sha256(transcript), 12);
}

/** The write keys and implicit nonces of both ends (RFC 5246 §6.3, RFC 5288 §3). */
export interface TrafficKeys {
  readonly client: { readonly key: Buffer; readonly salt: Buffer };
  readonly server: { readonly key: Buffer; readonly salt: Buffer };
}

export function trafficKeys(master: Buffer, clientRandom: Buffer, serverRandom: Buffer): TrafficKeys {
  const block = prf(master, "key expansion", Buffer.concat([serverRandom, clientRandom]), 40);
  return {
    client: { key: block.subarray(0, 16), salt: block.subarray(32, 36) },
    server: { key: block.subarray(16, 32), salt: block.subarray(36, 40) },
  };
}

/** Master keys and salts for SRTP (RFC 5764 §4.2): all keys first, then all salts. */
export function srtpKeys(master: Buffer, clientRandom: Buffer, serverRandom: Buffer, saltLength: number): TrafficKeys {
  const seed = Buffer.concat([clientRandom, serverRandom]);
  const block = prf(master, "EXTRACTOR-dtls_srtp", seed, 32 + 2 * saltLength);
  return {
    client: { key: block.subarray(0, 16), salt: block.subarray(32, 32 + saltLength) },
    server: { key: block.subarray(16, 32), salt: block.subarray(32 + saltLength) },
  };
}

function sha256(parts: readonly Buffer[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function hmac(key: Buffer, octets: Buffer): Buffer {
  return createHmac("sha256", key).update(octets).digest();
}
