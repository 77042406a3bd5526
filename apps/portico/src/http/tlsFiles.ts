import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { SecureContextOptions, Server as TlsServer } from "node:tls";
import type { Log } from "@portico/epcscf";
import { ConfigError } from "../config/complaint.ts";

/** Files of a certificate with its chain and of its key, PEM. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  /** Authorities to believe, where they are not the usual ones. */
  readonly ca?: string;
}

/** What a TLS server is made of. TLS 1.2 is the oldest it speaks (EPC-WS-02). */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Authorities to believe; empty: no one is, not even those that the whole world believes. */
  readonly ca: readonly Buffer[];
  readonly minVersion: "TLSv1.2";
}

/** Milliseconds between looks at the files: they are looked at by name, so that links that are swapped are seen too. */
const interval = 2000;

/** @throws ConfigError when a file is absent or damaged, or the two do not belong together. */
export function readTls({ cert, key, ca }: TlsFiles): TlsIdentity {
  const authorities = ca === undefined ? [] : [contents(ca)];
  const identity = { cert: contents(cert), key: contents(key), ca: authorities, minVersion: "TLSv1.2" } as const;
  const certificate = parsed(cert, "certificate", () => new X509Certificate(identity.cert));
  const privateKey = parsed(key, "private key", () => createPrivateKey(identity.key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw ConfigError.ofFile(key, `is not the key of ${cert}`, "name the key that the certificate was made for");
  }
  return identity;
}

/**
 * Gives the server its certificate anew whenever the files change; connections that live stay as they are. Files that do not
 * fit together, as halfway through a renewal, leave the old ones in use.
 * @returns a function that ends the watching
 */
export function watchTls(files: TlsFiles, server: Pick<TlsServer, "setSecureContext">, log: Log): () => void {
  const renew = (): void => {
    try {
      const identity = readTls(files);
      server.setSecureContext(contextOf(identity));
      log.info("tls.renewed", { until: new X509Certificate(identity.cert).validTo });
    } catch (error) {
      log.alarm("tls.not-renewed", { message: (error as Error).message });
    }
  };
  const names = Object.values(files) as string[];
  for (const name of names) watchFile(name, { interval, persistent: false }, renew);
  return () => {
    for (const name of names) unwatchFile(name, renew);
  };
}

/** As `node:tls` takes it. */
export const contextOf = ({ cert, key, ca, minVersion }: TlsIdentity): SecureContextOptions => ({
  cert,
  key,
  ca: [...ca],
  minVersion,
});

function contents(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw ConfigError.ofFile(file, `cannot be read (${code})`, "name an existing PEM file that this user may read");
  }
}

function parsed<T>(file: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw ConfigError.ofFile(file, `holds no ${what}`, `name a PEM file of the ${what}`);
  }
}
