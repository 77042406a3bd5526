import "reflect-metadata";
import { createPrivateKey, webcrypto } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const day = 24 * 3600 * 1000;

/** Files of a TLS server and the one file that other devices must trust. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/**
 * A certificate for `host` from a certificate authority of this machine, made at the first start. The authority may sign
 * for nothing but servers, and its key stays in the folder, readable by its owner alone.
 */
export async function serverCertificate(folder: string, host: string): Promise<TlsFiles> {
  cryptoProvider.set(webcrypto);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = {
    cert: join(folder, "server.pem"),
    key: join(folder, "server.key"),
    ca: join(folder, "portico-ca.pem"),
  };
  const caKeyFile = join(folder, "portico-ca.key");
  const { certificate: ca, key: caKey } = existsSync(files.ca)
    ? await loadAuthority(files.ca, caKeyFile)
    : await makeAuthority(files.ca, caKeyFile);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${host}`,
    issuer: ca.subject,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 90 * day),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: caKey,
    extensions: [
      new BasicConstraintsExtension(false),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension(["1.3.6.1.5.5.7.3.1"]),
      new SubjectAlternativeNameExtension([{ type: isIP(host) === 0 ? "dns" : "ip", value: host }]),
    ],
  });
  writeFileSync(files.cert, `${certificate.toString("pem")}\n${ca.toString("pem")}\n`);
  await writeKey(files.key, keys.privateKey);
  return files;
}

interface Authority {
  readonly certificate: X509Certificate;
  readonly key: webcrypto.CryptoKey;
}

async function makeAuthority(file: string, keyFile: string): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=Portico demo authority of this machine",
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + 365 * day),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  await writeKey(keyFile, keys.privateKey);
  writeFileSync(file, `${certificate.toString("pem")}\n`);
  return { certificate, key: keys.privateKey };
}

async function loadAuthority(file: string, keyFile: string): Promise<Authority> {
  const pkcs8 = createPrivateKey(readFileSync(keyFile)).export({ format: "der", type: "pkcs8" });
  return {
    certificate: new X509Certificate(readFileSync(file, "utf8")),
    key: await webcrypto.subtle.importKey("pkcs8", pkcs8, algorithm, false, ["sign"]),
  };
}

async function writeKey(file: string, key: webcrypto.CryptoKey): Promise<void> {
  const pem = PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", key), "PRIVATE KEY");
  writeFileSync(file, `${pem}\n`, { mode: 0o600 });
}
