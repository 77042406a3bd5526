import { signatureAlgorithms } from "@portico/waf";
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import type { Role } from "./access.ts";
import { roles } from "./access.ts";
import { AdminError } from "./errors.ts";
import type { Principal } from "./principal.ts";

/** Tokens of the operator's OpenID provider, and what their claims mean here. */
export interface OidcOptions {
  /** `iss`, and base of its discovery document. */
  readonly issuer: string;
  /** `aud` that names this portal. */
  readonly audience: string;
  /** URL of its keys; absent: as its discovery document says. */
  readonly jwks?: string;
  /** Claim that holds role names, a text or a list of texts; dots lead into objects. */
  readonly roleClaim: string;
  /** What the provider calls each role. */
  readonly roles: Readonly<Partial<Record<Role, string>>>;
  /** Claim that names the tenant of a tenant-admin. */
  readonly tenantClaim?: string;
}

const skewSeconds = 60;
/** How long a failed discovery is not tried again, milliseconds. */
const retryAfter = 5000;

/** Verifies bearer tokens of one OpenID provider (RFC 9068 where the provider follows it). */
export class OidcTokens {
  readonly #o: OidcOptions;
  readonly #now: () => number;
  readonly #fetch: typeof fetch;
  #keys: Promise<JWTVerifyGetKey> | undefined;
  #failedAt = -Infinity;

  constructor(o: OidcOptions, now: () => number, fetcher: typeof fetch) {
    this.#o = o;
    this.#now = now;
    this.#fetch = fetcher;
  }

  /** @throws AdminError `unauthenticated`, `credentials_expired`, `role_refused`, `unavailable` */
  async principal(token: string): Promise<Principal> {
    const claims = await this.#verify(token);
    const role = this.#role(claims);
    const tenant = role === "tenant-admin" ? claimAt(claims, this.#o.tenantClaim ?? "tenant") : undefined;
    if (role === undefined || (role === "tenant-admin" && typeof tenant !== "string")) {
      throw new AdminError("role_refused", { detail: "the token names no role of this portal, or no tenant" });
    }
    return {
      actor: `oidc:${claims.sub ?? ""}`,
      role,
      tenant: typeof tenant === "string" ? tenant : undefined,
      expiresAt: (claims.exp ?? 0) * 1000,
    };
  }

  async #verify(token: string): Promise<JWTPayload> {
    const keys = await this.#source();
    try {
      const { payload, protectedHeader } = await jwtVerify(token, keys, {
        algorithms: signatureAlgorithms,
        issuer: this.#o.issuer,
        audience: this.#o.audience,
        requiredClaims: ["exp", "sub"],
        clockTolerance: skewSeconds,
        currentDate: new Date(this.#now()),
      });
      const typ = protectedHeader.typ?.toLowerCase();
      if (typ !== undefined && !["jwt", "at+jwt", "application/at+jwt"].includes(typ))
        throw new AdminError("unauthenticated");
      return payload;
    } catch (error) {
      if (error instanceof AdminError) throw error;
      if (error instanceof errors.JWTExpired) throw new AdminError("credentials_expired");
      if (unreachable(error)) throw unavailable();
      throw new AdminError("unauthenticated");
    }
  }

  #role(claims: JWTPayload): Role | undefined {
    const value = claimAt(claims, this.#o.roleClaim);
    const names = typeof value === "string" ? [value] : Array.isArray(value) ? value : [];
    // The first of `roles` that fits: who is operator and auditor is operator.
    return roles.find((role) => this.#o.roles[role] !== undefined && names.includes(this.#o.roles[role]));
  }

  /** The provider's keys; its discovery document is read at the first token, so that the portal starts without it. */
  async #source(): Promise<JWTVerifyGetKey> {
    if (this.#keys === undefined) {
      if (this.#now() - this.#failedAt < retryAfter && this.#now() >= this.#failedAt) throw unavailable();
      this.#keys = this.#discover();
    }
    try {
      return await this.#keys;
    } catch {
      this.#keys = undefined;
      this.#failedAt = this.#now();
      throw unavailable();
    }
  }

  async #discover(): Promise<JWTVerifyGetKey> {
    return createRemoteJWKSet(new URL(this.#o.jwks ?? (await this.#discovered())), { [customFetch]: this.#fetch });
  }

  /** OpenID Connect Discovery §4. */
  async #discovered(): Promise<string> {
    const { issuer } = this.#o;
    const response = await this.#fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(5000),
      redirect: "error",
    });
    const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
    // §4.3: a document of another issuer would give away the right to name operators.
    if (document.issuer !== issuer || typeof document.jwks_uri !== "string") throw new Error("another issuer");
    return document.jwks_uri;
  }
}

function claimAt(claims: JWTPayload, path: string): unknown {
  let value: unknown = claims;
  for (const name of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** True when the keys could not be had, false when the token is to blame. */
function unreachable(error: unknown): boolean {
  if (error instanceof errors.JWKSTimeout || error instanceof errors.JWKSInvalid) return true;
  return !(error instanceof errors.JOSEError) || error.code === "ERR_JOSE_GENERIC";
}

const unavailable = (): AdminError =>
  new AdminError("unavailable", {
    detail: "the keys of the OpenID provider cannot be fetched",
    headers: { "Retry-After": "5" },
  });
