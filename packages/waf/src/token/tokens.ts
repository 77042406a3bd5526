import type { JWTPayload } from "jose";
import { registeredAs } from "../block/wildcard.ts";
import { WafError } from "../errors.ts";
import type { Grant } from "./grant.ts";
import type { Now } from "../ports.ts";
import type { TenantDocument } from "../tenant/document.ts";
import type { KnownClient } from "../tenant/directory.ts";
import { narrowed, type Restrictions, type RestrictionsClaim } from "./restrictions.ts";
import type { SubjectTokenType } from "./subject.ts";
import { type IceServer, turnCredentials, type TurnConfig } from "../turn.ts";

/** Parameters of a request for a session, their types already checked. */
export interface SessionRequest {
  /** The WWSF's own id of the user's web session, opaque, up to 128 characters. */
  readonly webSession: string;
  readonly audience?: string | undefined;
  /** Space-separated; absent: all the tenant has. */
  readonly scope?: string | undefined;
  /** Narrows what the user may do. */
  readonly restrictions?: Restrictions | undefined;
  /** Thumbprint of the key that came with a proof (RFC 9449); the refresh token is bound to it. */
  readonly proofKey?: string | undefined;
  /** Where the request came from, for the audit. */
  readonly address: string;
}

/** Those of a token exchange (RFC 8693 §2.1). */
export interface ExchangeRequest extends SessionRequest {
  /** ID token of the user, or a JWT that the WWSF has signed for her. */
  readonly subjectToken: string;
  readonly subjectTokenType: SubjectTokenType;
  /** Asks for this identity. */
  readonly impu?: string | undefined;
}

/** Parameters of a refresh (RFC 6749 §6). */
export interface RefreshRequest {
  readonly refreshToken: string;
  readonly webSession?: string | undefined;
  /** Thumbprint of the key that came with a proof. */
  readonly proofKey?: string | undefined;
  /** Where the request came from, for the audit. */
  readonly address: string;
}

/** Answer of the token endpoint. */
export interface TokenResponse {
  readonly access_token: string;
  readonly issued_token_type: "urn:ietf:params:oauth:token-type:access_token";
  readonly token_type: "Bearer";
  /** Seconds. */
  readonly expires_in: number;
  readonly scope: string;
  readonly refresh_token: string;
  /** What a WIC needs to connect. */
  readonly ims: {
    readonly impu: string;
    readonly tel?: string;
    readonly homeDomain: string;
    readonly wss: readonly string[];
    readonly iceServers: readonly IceServer[];
    readonly services: readonly string[];
    readonly emergencyNumbers: readonly string[];
  };
}

/** What every answer of one WAF has in common. */
interface Issuer {
  readonly issuer: string;
  readonly homeDomain: string;
  readonly wss: readonly string[];
  readonly turn?: TurnConfig;
  readonly emergencyNumbers: readonly string[];
  readonly now: Now;
}

/**
 * What a request is granted, which may ask for less than it could have.
 * @param own what its user is restricted to in any case
 * @throws WafError `audience_refused`, `scope_refused`, `restrictions_refused`
 */
export function termsOf(
  tenant: TenantDocument,
  request: SessionRequest,
  served: string,
  own: RestrictionsClaim | undefined,
): { readonly scope: string; readonly restrictions: RestrictionsClaim | undefined } {
  if (request.audience !== undefined && request.audience !== served) {
    throw new WafError("audience_refused", `this WAF serves ${served}`);
  }
  const scope = grantedScope(tenant, request.scope);
  return { scope, restrictions: narrowed(own, request.restrictions, tenant.dialPlan?.national?.country) };
}

/** `aud` of access tokens. */
export function audienceOf({ homeDomain }: Pick<Issuer, "homeDomain">): string {
  return `sip:${homeDomain}`;
}

/** @throws WafError `scope_refused` */
function grantedScope(tenant: TenantDocument, asked: string | undefined): string {
  const allowed = ["ims.register", ...tenant.services.map((service) => `ims.${service}`)];
  if (asked === undefined) return allowed.join(" ");
  const scopes = [...new Set(asked.split(" ").filter(Boolean))];
  const refused = scopes.find((scope) => !allowed.includes(scope));
  if (refused !== undefined || scopes.length === 0) {
    throw new WafError("scope_refused", `this tenant may ask for ${allowed.join(" ")}`);
  }
  return scopes.join(" ");
}

/** Claims of the access token (RFC 9068 §2.2; RFC 8898 §3). Only an encrypted one names the IMPI (WAF-04, WAF-05). */
export function claimsOf(waf: Issuer, { tenant, document }: KnownClient, grant: Grant): JWTPayload {
  const now = Math.floor(waf.now() / 1000);
  return {
    iss: waf.issuer,
    aud: audienceOf(waf),
    sub: grant.pseudonym,
    client_id: document.clientId,
    tenant: tenant.id,
    sid: grant.sessionId,
    iat: now,
    nbf: now - 30,
    exp: grant.tokenUntil / 1000,
    jti: grant.tokenId,
    scope: grant.scope,
    impu: grant.entry.impu,
    ...(tenant.encryptedTokens === true ? { impi: registeredAs(grant.entry, tenant, waf.homeDomain).impi } : {}),
    origins: [...tenant.origins],
    ...(grant.restrictions === undefined ? {} : { restr: grant.restrictions }),
  };
}

/** The answer to a grant. */
export function tokenResponse(waf: Issuer, tenant: TenantDocument, grant: Grant, accessToken: string): TokenResponse {
  const { entry, scope, tokenUntil, pseudonym, restrictions } = grant;
  const scopes = scope.split(" ");
  return {
    access_token: accessToken,
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    token_type: "Bearer",
    expires_in: tokenUntil / 1000 - Math.floor(waf.now() / 1000),
    scope,
    refresh_token: grant.refreshToken,
    ims: {
      impu: entry.impu,
      ...(entry.tel === undefined ? {} : { tel: entry.tel }),
      homeDomain: waf.homeDomain,
      wss: waf.wss,
      iceServers:
        waf.turn === undefined || restrictions?.turn === false
          ? []
          : [turnCredentials(waf.turn, tokenUntil, pseudonym)],
      services: tenant.services.filter((service) => scopes.includes(`ims.${service}`)),
      emergencyNumbers: tenant.emergencyNumbers ?? waf.emergencyNumbers,
    },
  };
}
