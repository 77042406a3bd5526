import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify, type JWTVerifyOptions } from "jose";
import { WafError } from "../errors.ts";
import { signatureAlgorithms } from "../keys/algorithms.ts";
import type { Directory, KnownClient } from "../tenant/directory.ts";
import { skewSeconds } from "../times.ts";

/** Longest life of a JWT in which a WWSF vouches for a user, seconds. */
const maxLifeSeconds = 3600;

/** Kinds of subject token (RFC 8693 §3). */
export const subjectTokenTypes = {
  "urn:ietf:params:oauth:token-type:id_token": "id_token",
  "urn:ietf:params:oauth:token-type:jwt": "jwt",
} as const;

export type SubjectTokenType = (typeof subjectTokenTypes)[keyof typeof subjectTokenTypes];

/** A user as her token names her. */
export interface Subject {
  readonly issuer: string;
  readonly subject: string;
  /** All claims of the token, for the rules of the tenant. */
  readonly claims: JWTPayload;
}

/**
 * Checks a subject token: an ID token as OpenID Connect Core §3.1.3.7 says, of one of the tenant's providers; or a JWT
 * that the client itself has signed for its user, `iss` its client_id and `aud` the WAF (RFC 7523 §3).
 *
 * @param audience `aud` of a client's own JWT
 * @throws WafError `subject_token_...`, `identity_provider_unreachable`
 */
export async function subjectOf(
  token: string,
  o: { type: SubjectTokenType; client: KnownClient; directory: Directory; audience: string[]; now: number },
): Promise<Subject> {
  const { payload, type } = await (o.type === "id_token" ? byProvider(token, o) : byClient(token, o));
  // Access and logout tokens of the same issuer may carry the same audience (RFC 9068 §5).
  if (type !== undefined && type.toLowerCase() !== "jwt") {
    throw new WafError("subject_token_claim", "typ names another kind of token");
  }
  const { iss, sub } = payload;
  if (iss === undefined || sub === undefined || sub === "" || sub.length > 255) {
    throw new WafError("subject_token_claim", "sub must be a text of 1 to 255 characters");
  }
  return { issuer: iss, subject: sub, claims: payload };
}

type Context = Omit<Parameters<typeof subjectOf>[1], "type">;

async function byProvider(token: string, { client, directory, now }: Context): Promise<Verified> {
  const provider = directory.provider(client.tenant.id, issuerOf(token));
  if (provider === undefined) throw new WafError("subject_token_claim", "iss is no identity provider of this tenant");
  const { issuer, audience } = provider.document;
  const verified = await verify(token, provider.keys.find, { issuer, audience }, now);
  const { aud, azp } = verified.payload;
  const several = Array.isArray(aud) && aud.length > 1;
  if ((several || azp !== undefined) && azp !== audience) {
    throw new WafError("subject_token_claim", "azp is not the registered audience");
  }
  return verified;
}

async function byClient(token: string, { client, audience, now }: Context): Promise<Verified> {
  const { clientId } = client.document;
  if (client.subjectKeys === undefined) {
    throw new WafError("subject_token_claim", "this client is not registered to vouch for users; send an ID token");
  }
  if (issuerOf(token) !== clientId) throw new WafError("subject_token_claim", "iss is not the client_id");
  const verified = await verify(token, client.subjectKeys.find, { issuer: clientId, audience }, now);
  const { sub, exp = 0 } = verified.payload;
  // A client assertion, whose subject is the client, vouches for nobody.
  if (sub === clientId) throw new WafError("subject_token_claim", "sub is the client itself");
  if (exp > now / 1000 + maxLifeSeconds + skewSeconds) {
    throw new WafError("subject_token_claim", `exp is more than ${maxLifeSeconds} seconds ahead`);
  }
  return verified;
}

interface Verified {
  readonly payload: JWTPayload;
  readonly type: string | undefined;
}

async function verify(token: string, keys: JWTVerifyGetKey, who: JWTVerifyOptions, now: number): Promise<Verified> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      ...who,
      algorithms: signatureAlgorithms,
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

/** @throws WafError `subject_token_signature` for a text that is no JWT */
function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? "";
  } catch {
    throw new WafError("subject_token_signature");
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
