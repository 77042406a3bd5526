import { compactDecrypt, CompactEncrypt, type CryptoKey } from "jose";

const [alg, enc] = ["ECDH-ES", "A256GCM"];

/** A signed token inside a JWE for the holder of a P-256 key. */
export async function encryptFor(signed: string, publicKey: CryptoKey): Promise<string> {
  const text = new TextEncoder().encode(signed);
  return await new CompactEncrypt(text).setProtectedHeader({ alg, enc, cty: "JWT" }).encrypt(publicKey);
}

/** The signed token inside a JWE; undefined when it is none for this key. */
export async function decrypted(token: string, privateKey: CryptoKey): Promise<string | undefined> {
  const options = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [enc] };
  const { plaintext } = (await compactDecrypt(token, privateKey, options).catch(() => undefined)) ?? {};
  return plaintext && new TextDecoder().decode(plaintext);
}
