import type { X509Certificate } from "node:crypto";
import { calculateJwkThumbprint, type JWK } from "jose";
import type { ClientDocument } from "../tenant/document.ts";

/** The certificate with which a client opened the TLS connection of its request (RFC 8705). */
export interface ClientCertificate {
  readonly x509: X509Certificate;
  /** True when its chain ends at an authority the operator trusts, and it is in its time. */
  readonly trusted: boolean;
}

type Authentication = ClientDocument["authentication"];

/** True when the certificate carries the registered name, and no other kind of name was registered (RFC 8705 §2.1.2). */
export function carriesName({ x509, trusted }: ClientCertificate, registered: Authentication): boolean {
  if (!trusted) return false;
  const { subjectDn, sanDns, sanUri, sanIp, sanEmail } = registered;
  if (subjectDn !== undefined) return sameName(x509.subject, subjectDn);
  const names = alternativeNames(x509.subjectAltName ?? "");
  const has = (kind: string, name: string): boolean => names.some((one) => one.kind === kind && one.name === name);
  if (sanDns !== undefined) return has("DNS", sanDns);
  if (sanUri !== undefined) return has("URI", sanUri);
  if (sanIp !== undefined) return has("IP Address", sanIp.toUpperCase()) || has("IP Address", sanIp);
  return sanEmail !== undefined && has("email", sanEmail);
}

/** True when the certificate's key is one of those registered (RFC 8705 §2.2). */
export async function carriesKey({ x509 }: ClientCertificate, keys: readonly JWK[]): Promise<boolean> {
  const own = await thumbprint(x509.publicKey.export({ format: "jwk" }));
  for (const key of keys) if (own !== undefined && (await thumbprint(key)) === own) return true;
  return false;
}

async function thumbprint(key: JWK): Promise<string | undefined> {
  return await calculateJwkThumbprint(key).catch(() => undefined);
}

/**
 * Compares a subject as Node prints it, one attribute a line in the order of the certificate, with an RFC 4514 string,
 * which has the order reversed. Case and repeated spaces do not count (RFC 4518).
 */
function sameName(subject: string, registered: string): boolean {
  const printed = subject.split("\n").flatMap((line) => split(line, "+"));
  const wanted = split(registered, ",")
    .toReversed()
    .flatMap((line) => split(line, "+"));
  return printed.length === wanted.length && printed.every((one, n) => fold(one) === fold(wanted[n] ?? ""));
}

function fold(attribute: string): string {
  const at = attribute.indexOf("=");
  const value = attribute.slice(at + 1).replaceAll(/\\([0-9a-fA-F]{2}|.)/g, unescape);
  return `${attribute.slice(0, at).trim()}=${value.trim().replaceAll(/\s+/g, " ")}`.toLowerCase();
}

const unescape = (_: string, escaped: string): string =>
  escaped.length === 2 ? String.fromCodePoint(Number.parseInt(escaped, 16)) : escaped;

/** Splits at a separator that no backslash precedes. */
function split(text: string, separator: "," | "+"): string[] {
  const parts = text.match(separator === "," ? /(?:\\.|[^,\\])+/g : /(?:\\.|[^+\\])+/g);
  return (parts ?? []).map((part) => part.trim());
}

/** Node writes `DNS:a.test, URI:"with, comma"`: a value that could be mistaken is a JSON string. */
function alternativeNames(text: string): { kind: string; name: string }[] {
  const names = [];
  for (const [, kind = "", quoted, bare = ""] of text.matchAll(
    /([A-Za-z ]+):(?:("(?:[^"\\]|\\.)*")|([^,]*))(?:, |$)/g,
  )) {
    names.push({ kind, name: quoted === undefined ? bare : (JSON.parse(quoted) as string) });
  }
  return names;
}
