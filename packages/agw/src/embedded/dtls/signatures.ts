import { X509Certificate, constants, sign, verify, type KeyObject } from "node:crypto";
import { DtlsError, alerts } from "./wire.ts";

/** Signature schemes of RFC 8446 §4.2.3 in their DTLS 1.2 meaning, in order of preference. */
export const schemes = { ecdsaSha256: 0x0403, rsaPssSha256: 0x0804, rsaPkcs1Sha256: 0x0401 } as const;

/** Signs with our P-256 key by ecdsa_secp256r1_sha256. */
export function signEcdsa(key: KeyObject, content: Buffer): Buffer {
  return sign("sha256", content, key);
}

/** Checks the peer's proof that it holds the key of its certificate. @throws DtlsError when it does not */
export function checkSignature(certificate: Buffer, scheme: number, content: Buffer, signature: Buffer): void {
  if (!isValid(certificate, scheme, content, signature)) {
    throw new DtlsError("The peer does not hold the key of its certificate", alerts.decryptError);
  }
}

function isValid(certificate: Buffer, scheme: number, content: Buffer, signature: Buffer): boolean {
  const key = publicKeyOf(certificate);
  switch (scheme) {
    case schemes.ecdsaSha256:
      return key.asymmetricKeyType === "ec" && verify("sha256", content, key, signature);
    case schemes.rsaPkcs1Sha256:
      return key.asymmetricKeyType === "rsa" && verify("sha256", content, key, signature);
    case schemes.rsaPssSha256: {
      if (key.asymmetricKeyType !== "rsa") return false;
      return verify("sha256", content, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature);
    }
    default:
      throw new DtlsError("The peer signed by a scheme that was not offered", alerts.illegalParameter);
  }
}

function publicKeyOf(certificate: Buffer): KeyObject {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch {
    throw new DtlsError("The peer's certificate cannot be read", alerts.badCertificate);
  }
}
