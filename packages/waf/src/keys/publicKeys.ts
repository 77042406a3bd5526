import { createLocalJWKSet, createRemoteJWKSet, customFetch, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { isSafeUrl } from "../url.ts";
import type { Fetch } from "./guardedFetch.ts";

/** Where public keys come from; one of the three. */
export interface KeyOrigin {
  readonly jwks?: { readonly keys: readonly Record<string, unknown>[] } | undefined;
  readonly jwksUri?: string | undefined;
  /** Issuer whose discovery document names the URL. */
  readonly discover?: string | undefined;
}

/** Public keys of somebody else. Both members throw what the fetch throws when they cannot be had. */
export interface PublicKeys {
  /** Finds the key of a JWS, for `jwtVerify`; fetches again for a `kid` not seen before. */
  readonly find: JWTVerifyGetKey;
  /** All of them; with `fresh`, fetched again unless that was within 30 s. */
  all(fresh?: boolean): Promise<JSONWebKeySet>;
}

/** How long a discovery document is believed, and how long a failed discovery is not tried again, milliseconds. */
const believed = 3600_000;
const rest = 10_000;

/** Keys given, or fetched from their URL and kept (5 s time-out, at most one fetch in 30 s). */
export function publicKeys({ jwks, jwksUri, discover }: KeyOrigin, fetcher: Fetch): PublicKeys {
  if (jwks !== undefined) {
    const set = jwks as JSONWebKeySet;
    return { find: createLocalJWKSet(set), all: () => Promise.resolve(set) };
  }
  return jwksUri === undefined ? discovered(discover ?? "", fetcher) : remote(jwksUri, fetcher);
}

function remote(url: string, fetcher: Fetch): PublicKeys {
  const set = createRemoteJWKSet(new URL(url), { [customFetch]: fetcher });
  return {
    find: set,
    async all(fresh = false) {
      if (set.jwks() === undefined || !set.fresh || (fresh && !set.coolingDown)) await set.reload();
      return set.jwks() ?? { keys: [] };
    },
  };
}

/** Keys of an OpenID provider (OpenID Connect Discovery 1.0 §4); concurrent callers share one discovery. */
function discovered(issuer: string, fetcher: Fetch): PublicKeys {
  let url: string | undefined;
  let keys: PublicKeys | undefined;
  let under: Promise<PublicKeys> | undefined;
  let until = 0;
  const discover = async (): Promise<PublicKeys> => {
    try {
      const found = await jwksUriOf(issuer, fetcher);
      // The same URL keeps its keys.
      if (keys === undefined || found !== url) keys = remote(found, fetcher);
      url = found;
    } catch (error) {
      until = performance.now() + rest;
      // Keys known from before are better than none.
      if (keys === undefined) throw error;
    }
    return keys;
  };
  const current = (): Promise<PublicKeys> => {
    if (under === undefined || until <= performance.now()) {
      until = performance.now() + believed;
      under = discover();
    }
    return under;
  };
  return {
    find: async (header, token) => await (await current()).find(header, token),
    all: async (fresh) => await (await current()).all(fresh),
  };
}

async function jwksUriOf(issuer: string, fetcher: Fetch): Promise<string> {
  const answer = await fetcher(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error(`discovery answers ${answer.status}`);
  const document = (await answer.json()) as { issuer?: unknown; jwks_uri?: unknown };
  // §4.3: another issuer's document must not bring its keys under this name.
  if (document.issuer !== issuer) throw new Error("the discovery document is that of another issuer");
  const url = document.jwks_uri;
  if (typeof url !== "string" || !isSafeUrl(url)) throw new Error("the discovery document names no https jwks_uri");
  return url;
}
