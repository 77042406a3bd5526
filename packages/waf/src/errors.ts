import type { Problem } from "./problems.ts";

interface Entry {
  /** HTTP status of the answer. */
  readonly status: number;
  /** OAuth error code (RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 7009 §2.2). */
  readonly error: string;
  readonly message: string;
  readonly cause: string;
  readonly remedy: string;
}

const catalogue = {
  request_malformed: {
    status: 400,
    error: "invalid_request",
    message: "The request is malformed",
    cause: "A parameter is missing, repeated, too long or of the wrong form",
    remedy: "Send application/x-www-form-urlencoded with every parameter once, as the description names it.",
  },
  grant_unsupported: {
    status: 400,
    error: "unsupported_grant_type",
    message: "The grant type is not supported",
    cause: "grant_type is none of token exchange, client_credentials and refresh_token",
    remedy: "Use urn:ietf:params:oauth:grant-type:token-exchange, client_credentials or refresh_token.",
  },
  anonymous_refused: {
    status: 400,
    error: "unauthorized_client",
    message: "This tenant has no anonymous users",
    cause: "A session was asked for without proof of a user, and the tenant's document has no member anonymous",
    remedy: "Exchange a token of the user, or have the operator set a block apart for anonymous users.",
  },
  // Nothing here tells an attacker whether the client exists; what follows it needs the client's own key.
  client_unauthenticated: {
    status: 401,
    error: "invalid_client",
    message: "The client was not authenticated",
    cause: "The client is unknown, or neither assertion nor certificate is one registered for it",
    remedy:
      "Send client_assertion_type urn:ietf:params:oauth:client-assertion-type:jwt-bearer and a JWT with iss and sub = client_id, signed by a registered key; a client of mutual TLS sends client_id over a connection with its certificate.",
  },
  client_assertion_claim: {
    status: 401,
    error: "invalid_client",
    message: "A claim of the client assertion is not accepted",
    cause: "iss, sub, aud, jti, nbf or iat is missing or has another value than RFC 7523 asks for",
    remedy: "Set iss and sub to the client_id, aud to the issuer or the token endpoint, and a fresh jti.",
  },
  client_assertion_expired: {
    status: 401,
    error: "invalid_client",
    message: "The client assertion has expired",
    cause: "exp lies in the past, by more than the clock skew allowed",
    remedy: "Make a new assertion for each request, and compare the clock with a time server.",
  },
  client_assertion_long_lived: {
    status: 401,
    error: "invalid_client",
    message: "The client assertion lives too long",
    cause: "exp lies more than 5 minutes ahead",
    remedy: "Set exp at most 5 minutes ahead, and compare the clock with a time server.",
  },
  client_assertion_replayed: {
    status: 401,
    error: "invalid_client",
    message: "The client assertion was used before",
    cause: "An assertion with this jti was accepted already",
    remedy: "Make a new assertion with a fresh jti for each request.",
  },
  client_disabled: {
    status: 403,
    error: "access_denied",
    message: "This client is disabled",
    cause: "The operator or the tenant's administrator has disabled it",
    remedy: "Use another client of the tenant, or ask the operator.",
  },
  // RFC 8693 §2.2.2: an invalid subject_token is invalid_request.
  subject_token_signature: {
    status: 400,
    error: "invalid_request",
    message: "The signature of the subject_token is not accepted",
    cause: "It is unsigned, damaged, or not signed by a key the identity provider publishes",
    remedy:
      "Send the ID token exactly as the identity provider issued it; check the jwks of the tenant's identity provider.",
  },
  subject_token_expired: {
    status: 400,
    error: "invalid_request",
    message: "The subject_token has expired",
    cause: "The exp of the ID token lies in the past, by more than the clock skew allowed",
    remedy: "Get a fresh ID token from the identity provider, or use the refresh token.",
  },
  subject_token_claim: {
    status: 400,
    error: "invalid_request",
    message: "A claim of the subject_token is not accepted",
    cause: "The ID token comes from another issuer, is meant for another audience, or lacks a claim",
    remedy: "Send an ID token of the identity provider registered for this tenant, issued to the registered audience.",
  },
  proof_refused: {
    status: 400,
    error: "invalid_dpop_proof",
    message: "The DPoP proof is not accepted",
    cause: "It is not signed by the key it carries, too old, for another request, or was used before",
    remedy: "Make a new proof for each request: typ dpop+jwt, jwk, htm, htu without query, iat and a fresh jti.",
  },
  scope_refused: {
    status: 400,
    error: "invalid_scope",
    message: "The scope is not granted to this tenant",
    cause: "scope names a service outside the tenant's contract",
    remedy: "Ask for ims.register and the services of the contract only.",
  },
  audience_refused: {
    status: 400,
    error: "invalid_target",
    message: "The audience is not served here",
    cause: "audience is not the home domain of this operator",
    remedy: "Leave audience away, or set it to sip: and the home domain.",
  },
  restrictions_refused: {
    status: 400,
    error: "invalid_request",
    message: "The restrictions asked for are not accepted",
    cause: "restrictions is not as described, or asks for more than the tenant may",
    remedy: "Send restrictions as JSON, each member within what the tenant has, or leave it away.",
  },
  identity_refused: {
    status: 403,
    error: "invalid_target",
    message: "The identity asked for cannot be given to this user",
    cause: "It is outside the tenant's block, held by someone else, in quarantine, or the user holds another one",
    remedy:
      "Ask for no identity, for the one the user holds or for a free one of the block; where a claim of her token names it, mend that at the identity provider.",
  },
  // One text for unknown, foreign, rotated and ended tokens: the difference would help only a thief.
  refresh_token_refused: {
    status: 400,
    error: "invalid_grant",
    message: "The refresh token is not valid",
    cause: "It is unknown, used before, expired, of another client or web session, or its session has ended",
    remedy: "Exchange a fresh ID token of the user. Use each refresh token once and keep the newest.",
  },
  tenant_suspended: {
    status: 403,
    error: "access_denied",
    message: "The service of this tenant is suspended",
    cause: "The operator has suspended the tenant, or its contract has not begun or has ended",
    remedy: "Ask the operator.",
  },
  block_exhausted: {
    status: 503,
    error: "temporarily_unavailable",
    message: "All identities of the block are in use",
    cause: "More users than identities, or ended assignments still in quarantine",
    remedy: "End assignments that are no longer needed, or ask the operator for a larger block.",
  },
  identity_provider_unreachable: {
    status: 503,
    error: "temporarily_unavailable",
    message: "The keys of the identity provider cannot be fetched",
    cause: "Its jwks URL does not answer with a JWK Set",
    remedy: "Check that the operator's portal reaches the jwks URL of the identity provider.",
  },
  no_assignment: {
    status: 404,
    error: "not_found",
    message: "The user holds no identity",
    cause: "She never asked for one, or her assignment has ended",
    remedy: "The identity is assigned at the user's first token exchange.",
  },
  too_many_requests: {
    status: 429,
    error: "temporarily_unavailable",
    message: "Too many requests",
    cause: "The client or address exceeds its rate",
    remedy: "Wait as Retry-After says; keep an access token until shortly before expires_in.",
  },
  tenant_invalid: {
    status: 422,
    error: "invalid_request",
    message: "The tenant document is not accepted",
    cause: "A member is missing, unknown, of the wrong form, or contradicts another",
    remedy: "Correct what is named.",
  },
  tenant_unknown: {
    status: 404,
    error: "not_found",
    message: "There is no such tenant",
    cause: "It was never created, or it was removed",
    remedy: "List the tenants to see their ids.",
  },
  tenant_exists: {
    status: 409,
    error: "conflict",
    message: "The tenant clashes with another",
    cause: "Another tenant has the id, a client_id, an identity or the wildcarded domain of it",
    remedy: "Choose another id, client_id, domain, prefix or number range.",
  },
  tenant_changed: {
    status: 412,
    error: "conflict",
    message: "The tenant was changed meanwhile",
    cause: "The version given is not the current one",
    remedy: "Read the tenant again and apply the change to what it is now.",
  },
  tenant_of_file: {
    status: 409,
    error: "conflict",
    message: "The tenant is defined in the configuration file",
    cause: "What the file defines is not changed elsewhere",
    remedy: "Change the configuration file; suspend and resume work here as well.",
  },
  block_unknown: {
    status: 404,
    error: "not_found",
    message: "The tenant has no such block",
    cause: "The id is not one of its document",
    remedy: "Add the block to the tenant's document first.",
  },
  import_refused: {
    status: 422,
    error: "invalid_request",
    message: "The entries are not accepted, none was added",
    cause: "A row is of the wrong form, is there twice, or has a name of another entry",
    remedy: "Correct the rows that are named and import again.",
  },
  entry_of_document: {
    status: 409,
    error: "conflict",
    message: "The entry is defined by the tenant's document",
    cause: "Only imported entries are withdrawn one by one",
    remedy: "Lower the count of the block, or remove the entry from the document.",
  },
  server_error: {
    status: 500,
    error: "server_error",
    message: "The request failed on the side of the operator",
    cause: "An unexpected error; the operator's log has it",
    remedy: "Try again later; then ask the operator.",
  },
  configuration: {
    status: 500,
    error: "server_error",
    message: "The configuration of the WAF is not usable",
    cause: "A tenant or its block breaks a rule named in the detail",
    remedy: "Correct the tenant in the configuration and start again.",
  },
  keys_sealed: {
    status: 500,
    error: "server_error",
    message: "The keys in the database cannot be opened",
    cause: "They were sealed with another secret than this node has, or were changed",
    remedy: "Give every node the same keySecret.",
  },
  key_file: {
    status: 500,
    error: "server_error",
    message: "The kept keys are not usable",
    cause: "Their file is readable by others, damaged, or cannot be written",
    remedy: "Give it mode 0600, restore it from a copy, or remove it: a new key ends all access tokens.",
  },
} as const;

/** Stable name of an error; over HTTP it is the member `reason`. */
export type WafErrorCode = keyof typeof catalogue;

/** The one error this package throws. `detail` tells an integrator where, and never holds a token or a secret. */
export class WafError extends Error {
  override readonly name = "WafError";
  readonly code: WafErrorCode;
  /** HTTP status, 400 to 503. */
  readonly status: number;
  /** OAuth error code for the body. */
  readonly error: string;
  override readonly cause: string;
  readonly remedy: string;
  /** Seconds to wait, where the answer says so. */
  readonly retryAfter: number | undefined;
  /** All that is wrong with a document; empty for other errors. */
  readonly problems: readonly Problem[];

  constructor(code: WafErrorCode, detail?: string, o: { retryAfter?: number; problems?: readonly Problem[] } = {}) {
    const entry: Entry = catalogue[code];
    const told = detail ?? o.problems?.map(({ path, problem }) => `${path} ${problem}`.trimStart()).join("; ");
    super(told === undefined ? entry.message : `${entry.message}: ${told}`);
    this.code = code;
    this.status = entry.status;
    this.error = entry.error;
    this.cause = entry.cause;
    this.remedy = entry.remedy;
    this.retryAfter = o.retryAfter;
    this.problems = o.problems ?? [];
  }
}
