import "reflect-metadata";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
  type JsonGeneralNames,
  type X509Certificate,
} from "@peculiar/x509";
import type { TlsCredentials } from "../src/index.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const hour = 3_600_000;

/** A certificate authority of a test. */
export class Authority {
  readonly #certificate: X509Certificate;
  readonly #key: CryptoKey;

  static async make(): Promise<Authority> {
    cryptoProvider.set(crypto);
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: `CN=authority ${Math.random()}`,
      notBefore: new Date(Date.now() - hour),
      notAfter: new Date(Date.now() + hour),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    });
    return new Authority(certificate, keys.privateKey);
  }

  private constructor(certificate: X509Certificate, key: CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
  }

  /** Its own certificate, PEM. */
  get ca(): string {
    return this.#certificate.toString("pem");
  }

  /** A certificate with these names, its key, and this authority as the one to believe. */
  async issue(names: JsonGeneralNames): Promise<TlsCredentials & { cert: string; key: string; ca: string }> {
    const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.create({
      subject: "CN=a node",
      issuer: this.#certificate.subject,
      notBefore: new Date(Date.now() - hour),
      notAfter: new Date(Date.now() + hour),
      signingAlgorithm: algorithm,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      extensions: [new BasicConstraintsExtension(false), new SubjectAlternativeNameExtension(names)],
    });
    const key = PemConverter.encode(await crypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY");
    return { cert: certificate.toString("pem"), key, ca: this.ca };
  }
}
