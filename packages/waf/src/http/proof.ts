import type { SeenAssertions } from "@portico/store";
import { calculateJwkThumbprint, EmbeddedJWK, errors, jwtVerify } from "jose";
import { WafError } from "../errors.ts";
import { signatureAlgorithms } from "../keys/algorithms.ts";
import { skewSeconds } from "../times.ts";

/** How old a proof may be, seconds, beside the skew. */
const maxAgeSeconds = 60;

/**
 * Checks a DPoP proof (RFC 9449 §4.3) on a request to one of the WAF's endpoints.
 *
 * @param o.urls what `htu` may be
 * @returns the thumbprint of the key that made it (RFC 7638)
 * @throws WafError `proof_refused`
 */
export async function proofKeyOf(
  proof: string,
  o: { readonly method: string; readonly urls: readonly string[]; readonly seen: SeenAssertions; readonly now: number },
): Promise<string> {
  const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
    typ: "dpop+jwt",
    algorithms: signatureAlgorithms,
    requiredClaims: ["iat", "jti", "htm", "htu"],
    maxTokenAge: maxAgeSeconds,
    clockTolerance: skewSeconds,
    currentDate: new Date(o.now),
  }).catch((error: unknown) => {
    const why = error instanceof errors.JWTClaimValidationFailed ? error.claim : undefined;
    throw new WafError("proof_refused", why);
  });
  const { jti, htm, htu } = payload;
  if (htm !== o.method) throw new WafError("proof_refused", "htm");
  if (typeof htu !== "string" || !o.urls.includes(htu)) throw new WafError("proof_refused", "htu");
  if (typeof jti !== "string" || jti === "" || jti.length > 255) throw new WafError("proof_refused", "jti");
  const { jwk } = protectedHeader;
  if (jwk === undefined) throw new WafError("proof_refused", "jwk");
  const key = await calculateJwkThumbprint(jwk);
  const until = o.now + (maxAgeSeconds + 2 * skewSeconds) * 1000;
  if (!(await o.seen.add(`dpop ${key}`, jti, until))) throw new WafError("proof_refused", "jti was used before");
  return key;
}
