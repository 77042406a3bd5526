import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { WafError } from "./errors.ts";
import type { TenantConfig } from "./tenant.ts";
import { skewSeconds } from "./times.ts";

/** Signatures with a key pair only: with a shared secret the WAF could not tell the provider from its clients. */
const algorithms = [
  "ES256",
  "ES384",
  "ES512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "EdDSA",
  "Ed25519",
];

/**
 * Checks an ID token as OpenID Connect Core §3.1.3.7 says, for the tenant's provider and audience.
 *
 * @returns the user's `sub`
 * @throws WafError `subject_token_...`, `identity_provider_unreachable`
 */
export async function userOfIdToken(
  token: string,
  provider: TenantConfig["identityProvider"],
  keys: JWTVerifyGetKey,
  now: number,
): Promise<string> {
  const { payload, type } = await verify(token, provider, keys, now);
  // Access and logout tokens of the same provider may carry the same audience (RFC 9068 §5).
  if (type !== undefined && type.toLowerCase() !== "jwt") {
    throw new WafError("subject_token_claim", "typ names another kind of token");
  }
  const several = Array.isArray(payload.aud) && payload.aud.length > 1;
  const party = payload["azp"];
  if ((several || party !== undefined) && party !== provider.audience) {
    throw new WafError("subject_token_claim", "azp is not the registered audience");
  }
  if (payload.sub === undefined || payload.sub === "" || payload.sub.length > 255) {
    throw new WafError("subject_token_claim", "sub must be a text of 1 to 255 characters");
  }
  return payload.sub;
}

async function verify(
  token: string,
  { issuer, audience }: TenantConfig["identityProvider"],
  keys: JWTVerifyGetKey,
  now: number,
): Promise<{ payload: JWTPayload; type: string | undefined }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      algorithms,
      issuer,
      audience,
      requiredClaims: ["exp", "iat", "sub"],
      clockTolerance: skewSeconds,
      currentDate: new Date(now),
    });
    return { payload, type: protectedHeader.typ };
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw new WafError("subject_token_expired");
    if (error instanceof errors.JWTClaimValidationFailed) throw new WafError("subject_token_claim", error.claim);
    if (aboutToken(error)) throw new WafError("subject_token_signature");
    throw new WafError("identity_provider_unreachable");
  }
}

/** True when the token is to blame, false when the keys could not be had. */
function aboutToken(error: unknown): boolean {
  return (
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  );
}
