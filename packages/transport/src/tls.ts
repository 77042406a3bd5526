import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import type { PeerCertificate, SecureContext, SecureContextOptions } from "node:tls";
import { TransportError } from "./errors.ts";

/** What an endpoint shows and believes on TLS; PEM texts. */
export interface TlsCredentials {
  /** Own certificate, followed by those between it and a root. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Roots that peers are checked against; absent: those that Node carries. */
  readonly ca?: string | Buffer;
}

/** SIP over TLS beside TCP and UDP (RFC 3261 §26.2). */
export interface TlsOptions extends TlsCredentials {
  /** 0 takes any. */
  readonly port: number;
  /** Whether peers that connect must show a certificate of `ca` (mutual TLS). Default false. */
  readonly requireClientCertificate?: boolean;
}

/** RFC 9325 §3.1.1: nothing below TLS 1.2. */
export function secureOptions({ cert, key, ca }: TlsCredentials): SecureContextOptions {
  return { cert, key, ...(ca === undefined ? {} : { ca }), minVersion: "TLSv1.2" };
}

/** @throws TransportError `transport/tls-credentials` */
export function secureContext(credentials: TlsCredentials): SecureContext {
  try {
    return createSecureContext(secureOptions(credentials));
  } catch (error) {
    throw new TransportError("transport/tls-credentials", "SIP over TLS", error);
  }
}

/** OpenSSL's reason alone: what it says beside that (a thread, a line of its source) helps no operator. */
export function plainError(error: Error & { readonly reason?: string }): Error {
  return error.reason === undefined ? error : new Error(error.reason, { cause: error });
}

/**
 * RFC 5922 §7.1 and §7.2: whether a certificate is that of a SIP domain. Its names count in whole, without wildcards; where it has a
 * `sip:` URI, DNS names do not count. An address matches an address of the certificate.
 * @returns what is wrong, as `checkServerIdentity` of node:tls wants it; undefined when it fits
 */
export function checkDomain(
  domain: string,
  { subjectaltname }: Pick<PeerCertificate, "subjectaltname">,
): Error | undefined {
  const names = alternatives(subjectaltname ?? "");
  const uris = names.flatMap(({ kind, value }) => (kind === "URI" ? (/^sip:([^@;?:]+)$/i.exec(value)?.[1] ?? []) : []));
  const wanted = domain.toLowerCase();
  const fits =
    isIP(domain) === 0
      ? uris.length > 0
        ? uris.some((name) => name.toLowerCase() === wanted)
        : names.some(({ kind, value }) => kind === "DNS" && value.toLowerCase() === wanted)
      : names.some(({ kind, value }) => kind === "IP Address" && sameAddress(value, domain));
  return fits ? undefined : new Error(`the certificate is not that of ${domain} (RFC 5922 §7.2)`);
}

/** Node writes `DNS:a.example, URI:sip:a.example`, and in JSON quotes what has a comma or a quote in it. */
function alternatives(text: string): { kind: string; value: string }[] {
  return [...text.matchAll(/(?:^|, )([A-Za-z ]+):(?:"((?:[^"\\]|\\.)*)"|([^,]*))/g)].map(
    ([, kind = "", quoted, plain = ""]) => ({ kind, value: quoted ?? plain }),
  );
}

function sameAddress(one: string, other: string): boolean {
  return canonical(one) === canonical(other);
}

/** IPv6 addresses have many spellings. */
function canonical(address: string): string {
  return isIP(address) === 6 ? (URL.parse(`http://[${address}]`)?.hostname ?? address) : address;
}
