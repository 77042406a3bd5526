import { X509Certificate } from "node:crypto";
import { CipherContext, HashAlgorithm, NamedCurveAlgorithm, SignatureAlgorithm } from "werift";

/** A self-signed P-256 certificate for werift's DTLS, and what SDP would say of it. */
export async function createIdentity(): Promise<{
  fingerprint: { algorithm: string; value: string };
  dtls: { cert: string; key: string; signatureHash: { hash: 4; signature: 3 } };
}> {
  const { certPem, keyPem } = await CipherContext.createSelfSignedCertificateWithKey(
    { signature: SignatureAlgorithm.ecdsa_3, hash: HashAlgorithm.sha256_4 },
    NamedCurveAlgorithm.secp256r1_23,
  );
  return {
    fingerprint: { algorithm: "sha-256", value: new X509Certificate(certPem).fingerprint256 },
    dtls: { cert: certPem, key: keyPem, signatureHash: { hash: 4, signature: 3 } },
  };
}
