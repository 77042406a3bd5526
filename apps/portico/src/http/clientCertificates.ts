import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { type ClientCertificate, connectionCertificate, type Waf } from "@portico/waf";
import { ConfigError } from "../config/complaint.ts";
import type { TrustedProxies } from "./trustedProxies.ts";

/** Certificates between a client's and an authority's, at most. */
const longestChain = 5;

interface Options {
  /** Those that end TLS for the portal and say by header (RFC 9440) which certificate a client has shown; absent: none do. */
  readonly proxies?: TrustedProxies;
  /** File of the authorities whose certificates are believed, PEM; absent: there are none. */
  readonly ca?: string | undefined;
}

/**
 * Finds the certificate with which a web server has proven itself (RFC 8705): that of its connection, or the one that a
 * trusted proxy tells of. From anybody else the headers are not looked at.
 * @throws ConfigError for the file
 */
export function clientCertificates({
  proxies,
  ca,
}: Options): (request: IncomingMessage) => ClientCertificate | undefined {
  if (proxies === undefined) return connectionCertificate;
  const authorities = ca === undefined ? [] : readAuthorities(ca);
  return (request) => {
    if (!proxies.trusts(request.socket.remoteAddress ?? "")) return connectionCertificate(request);
    const [x509] = certificatesIn(request.headers["client-cert"]);
    if (x509 === undefined) return undefined;
    // A proxy that lets certificates through which sign themselves has judged none of them.
    return { x509, trusted: leadsTo(authorities, x509, certificatesIn(request.headers["client-cert-chain"])) };
  };
}

/**
 * Tells whether some tenant has a client that proves itself by a certificate, now and whenever that changes: a browser is
 * asked for none as long as there is none such.
 * @returns a function that ends it
 */
export async function followCertificateClients(waf: Waf, tell: (wanted: boolean) => void): Promise<() => void> {
  const read = async (): Promise<void> => {
    const clients = (await waf.tenants.list()).flatMap(({ document }) => document.clients);
    tell(clients.some(({ authentication }) => authentication.method !== "private_key_jwt"));
  };
  const stop = waf.tenants.onChanged(() => void read().catch(() => undefined));
  await read();
  return stop;
}

/** The certificates of a PEM file. @throws ConfigError */
function readAuthorities(file: string): X509Certificate[] {
  try {
    const found = readFileSync(file, "utf8").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length > 0) return found.map((pem) => new X509Certificate(pem));
  } catch {
    // Falls through: whichever it was, the file is not what it must be.
  }
  throw ConfigError.ofFile(file, "holds no certificates", "name a PEM file of the authorities");
}

/** RFC 9440 §2.1: byte sequences of structured fields, `:BASE64:`; one, or a list with commas. Empty where one is none. */
function certificatesIn(header: string | string[] | undefined): X509Certificate[] {
  const value = Array.isArray(header) ? header.join(",") : header;
  if (value === undefined) return [];
  try {
    return value.split(",").map((item) => {
      const base64 = /^\s*:([A-Za-z0-9+/]+={0,2}):\s*$/.exec(item)?.[1];
      if (base64 === undefined) throw new Error("no byte sequence");
      return new X509Certificate(Buffer.from(base64, "base64"));
    });
  } catch {
    return [];
  }
}

/** True when each certificate is in its time and signed by the next, up to an authority. */
function leadsTo(
  authorities: readonly X509Certificate[],
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
): boolean {
  const now = Date.now();
  let current = leaf;
  for (let step = 0; step <= longestChain; step += 1) {
    if (Date.parse(current.validFrom) > now || Date.parse(current.validTo) < now) return false;
    if (authorities.some((authority) => signs(authority, current))) return true;
    const next = chain.find((one) => one.ca && signs(one, current));
    if (next === undefined) return false;
    current = next;
  }
  return false;
}

const signs = (issuer: X509Certificate, one: X509Certificate): boolean =>
  one.checkIssued(issuer) && one.verify(issuer.publicKey);
