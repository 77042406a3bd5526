import { randomUUID } from "node:crypto";
import { SignJWT, type CryptoKey, type JWTPayload, type KeyObject } from "jose";
import { mutualTlsFetch, type ClientCertificate } from "./mutualTls.ts";

/** A key of the site's, of which the operator has the public half. */
export interface SigningKey {
  /** Private ES256 key. */
  readonly key: CryptoKey | KeyObject;
  /** `kid`, where several keys are registered. */
  readonly keyId?: string;
}

/** How the site proves to the WAF who it is (W4; TS 33.203 X.4.1 REQ 3.0). */
export type ClientAuthentication =
  | ({
      /** RFC 7523 §3: a signed assertion with each request. */
      readonly method: "private_key_jwt";
    } & SigningKey)
  | ({
      /** RFC 8705 §2: a client certificate in the TLS handshake. */
      readonly method: "tls_client_auth";
    } & ClientCertificate);

/** One client's way of asking the WAF. */
export interface AuthenticatedClient {
  readonly fetch: typeof fetch;
  /** Form parameters that authenticate one request. */
  parameters(): Promise<Record<string, string>>;
}

/** @param audience what assertions are made for: the WAF's issuer */
export function authenticatedClient(
  clientId: string,
  authentication: ClientAuthentication,
  audience: string,
): AuthenticatedClient {
  if (authentication.method === "tls_client_auth") {
    // RFC 8705 §2: the client_id stands in the request, so that the server knows whose certificate to expect.
    return { fetch: mutualTlsFetch(authentication), parameters: async () => ({ client_id: clientId }) };
  }
  return {
    fetch,
    parameters: async () => ({
      client_id: clientId,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await signed({}, { issuer: clientId, subject: clientId, audience }, authentication),
    }),
  };
}

/**
 * A JWT of the site's (RFC 7523 §3), good for two minutes and one use: an assertion when the subject is the site itself, a
 * subject token when it is a user.
 */
export async function signed(
  claims: JWTPayload,
  who: { readonly issuer: string; readonly subject: string; readonly audience: string },
  { key, keyId }: SigningKey,
): Promise<string> {
  return await new SignJWT(claims)
    .setProtectedHeader(keyId === undefined ? { alg: "ES256" } : { alg: "ES256", kid: keyId })
    .setIssuer(who.issuer)
    .setSubject(who.subject)
    .setAudience(who.audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime("2m")
    .sign(key);
}
