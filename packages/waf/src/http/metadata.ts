import { signatureAlgorithms } from "../keys/algorithms.ts";

/** What clients can learn of the WAF (RFC 8414 §2, RFC 8705 §5, RFC 9449 §5.1). */
export type Metadata = Readonly<Record<string, string | readonly string[] | Readonly<Record<string, string>>>>;

/** Where the WAF's endpoints are below its URL. */
export const endpoints = {
  token_endpoint: "/token",
  revocation_endpoint: "/revoke",
  introspection_endpoint: "/introspect",
  /** Ours: who holds which identity. */
  identities_endpoint: "/identities",
} as const;

/**
 * @param issuer URL of the WAF without a slash at the end
 * @param mutualTls URL under which the same endpoints ask for a client certificate; absent: none does
 */
export function metadata(issuer: string, mutualTls: string | undefined): Metadata {
  const methods = [
    "private_key_jwt",
    ...(mutualTls === undefined ? [] : ["tls_client_auth", "self_signed_tls_client_auth"]),
  ];
  const authenticated = ["token_endpoint", "revocation_endpoint", "introspection_endpoint"];
  return {
    issuer,
    ...at(issuer),
    jwks_uri: `${issuer}/jwks`,
    // There is no authorization endpoint; the member is REQUIRED all the same (RFC 8414 §2).
    response_types_supported: [],
    grant_types_supported: ["urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials", "refresh_token"],
    ...Object.fromEntries(authenticated.map((name) => [`${name}_auth_methods_supported`, methods])),
    ...Object.fromEntries(
      authenticated.map((name) => [`${name}_auth_signing_alg_values_supported`, signatureAlgorithms]),
    ),
    dpop_signing_alg_values_supported: signatureAlgorithms,
    ...(mutualTls === undefined ? {} : { mtls_endpoint_aliases: at(mutualTls) }),
  };
}

const at = (base: string): Record<string, string> =>
  Object.fromEntries(Object.entries(endpoints).map(([name, path]) => [name, `${base}${path}`]));
