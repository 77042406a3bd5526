/** What clients can learn of the WAF (RFC 8414). */
export interface Metadata {
  readonly issuer: string;
  readonly token_endpoint: string;
  readonly revocation_endpoint: string;
  readonly jwks_uri: string;
  /** Ours: who holds which identity. */
  readonly identities_endpoint: string;
  readonly response_types_supported: readonly string[];
  readonly grant_types_supported: readonly string[];
  readonly token_endpoint_auth_methods_supported: readonly string[];
  readonly token_endpoint_auth_signing_alg_values_supported: readonly string[];
  readonly revocation_endpoint_auth_methods_supported: readonly string[];
  readonly revocation_endpoint_auth_signing_alg_values_supported: readonly string[];
}

/** @param issuer URL of the WAF without a slash at the end */
export function metadata(issuer: string): Metadata {
  return {
    issuer,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    identities_endpoint: `${issuer}/identities`,
    // There is no authorization endpoint; the member is REQUIRED all the same (RFC 8414 §2).
    response_types_supported: [],
    grant_types_supported: ["urn:ietf:params:oauth:grant-type:token-exchange", "refresh_token"],
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
    token_endpoint_auth_signing_alg_values_supported: ["ES256"],
    revocation_endpoint_auth_methods_supported: ["private_key_jwt"],
    revocation_endpoint_auth_signing_alg_values_supported: ["ES256"],
  };
}
