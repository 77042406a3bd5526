import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";

/** Signature of the global `fetch`. */
export type Fetch = typeof fetch;

/** Keys of a JWK Set, given or fetched from its URL and kept (5 s time-out, at most one fetch in 30 s). */
export function keySource(jwks: JSONWebKeySet | string, fetcher: Fetch): JWTVerifyGetKey {
  if (typeof jwks !== "string") return createLocalJWKSet(jwks);
  return createRemoteJWKSet(new URL(jwks), { [customFetch]: fetcher });
}
