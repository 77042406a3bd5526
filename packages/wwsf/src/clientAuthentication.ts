import { randomUUID } from "node:crypto";
import { SignJWT, type CryptoKey, type KeyObject } from "jose";
import { mutualTlsFetch, type ClientCertificate } from "./mutualTls.ts";

/** How the site proves to the WAF who it is (W4; TS 33.203 X.4.1 REQ 3.0). */
export type ClientAuthentication =
  | {
      /** RFC 7523 §3: a signed assertion with each request. */
      readonly method: "private_key_jwt";
      /** Private ES256 key; the operator has its public half. */
      readonly key: CryptoKey | KeyObject;
      /** `kid`, where several keys are registered. */
      readonly keyId?: string;
    }
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
  const { key, keyId } = authentication;
  return {
    fetch,
    parameters: async () => ({
      client_id: clientId,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await assertion(clientId, audience, key, keyId),
    }),
  };
}

/** RFC 7523 §3: names the client twice, the WAF as audience, and serves once within two minutes. */
async function assertion(
  clientId: string,
  audience: string,
  key: CryptoKey | KeyObject,
  keyId: string | undefined,
): Promise<string> {
  return await new SignJWT()
    .setProtectedHeader(keyId === undefined ? { alg: "ES256" } : { alg: "ES256", kid: keyId })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime("2m")
    .sign(key);
}
