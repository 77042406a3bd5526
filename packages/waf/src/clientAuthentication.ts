import type { SeenAssertions } from "@portico/store";
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { WafError } from "./errors.ts";
import type { Now } from "./ports.ts";
import { skewSeconds } from "./times.ts";

/** Longest life of a client assertion, seconds. */
const maxLifeSeconds = 300;

/** What a client sends to prove who it is (RFC 7521 §4.2). */
export interface ClientCredentials {
  readonly clientId: string | undefined;
  readonly assertionType: string | undefined;
  readonly assertion: string | undefined;
}

/** Authenticates clients by private_key_jwt (RFC 7523 §3; OpenID Connect Core §9). */
export class ClientAuthentication {
  readonly #keys: (clientId: string) => JWTVerifyGetKey | undefined;
  readonly #audience: string[];
  readonly #seen: SeenAssertions;
  readonly #now: Now;

  constructor(o: {
    keys: (clientId: string) => JWTVerifyGetKey | undefined;
    /** Accepted values of `aud`. */
    audience: string[];
    seen: SeenAssertions;
    now: Now;
  }) {
    this.#keys = o.keys;
    this.#audience = o.audience;
    this.#seen = o.seen;
    this.#now = o.now;
  }

  /**
   * @returns the client id
   * @throws WafError `client_...`
   */
  async check({ clientId, assertionType, assertion }: ClientCredentials): Promise<string> {
    if (assertionType !== "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || assertion === undefined) {
      throw new WafError("client_unauthenticated");
    }
    const named = issuerOf(assertion);
    const keys = this.#keys(named);
    if (keys === undefined || (clientId !== undefined && clientId !== named)) {
      throw new WafError("client_unauthenticated");
    }
    const claims = await this.#verify(assertion, named, keys);
    const expiry = claims.exp ?? 0;
    if (expiry > this.#now() / 1000 + maxLifeSeconds + skewSeconds) throw new WafError("client_assertion_long_lived");
    const id = claims.jti;
    if (typeof id !== "string" || id === "" || id.length > 255) {
      throw new WafError("client_assertion_claim", "jti must be a text of 1 to 255 characters");
    }
    if (!(await this.#seen.add(named, id, (expiry + skewSeconds) * 1000))) {
      throw new WafError("client_assertion_replayed");
    }
    return named;
  }

  async #verify(assertion: string, clientId: string, keys: JWTVerifyGetKey): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(assertion, keys, {
        algorithms: ["ES256"],
        issuer: clientId,
        subject: clientId,
        audience: this.#audience,
        requiredClaims: ["exp", "jti"],
        clockTolerance: skewSeconds,
        currentDate: new Date(this.#now()),
      });
      return payload;
    } catch (error) {
      // jose looks at claims only after the signature, so what it says of them reaches no one but the client.
      if (error instanceof errors.JWTExpired) throw new WafError("client_assertion_expired");
      if (error instanceof errors.JWTClaimValidationFailed) {
        throw new WafError("client_assertion_claim", error.claim);
      }
      throw new WafError("client_unauthenticated");
    }
  }
}

function issuerOf(assertion: string): string {
  try {
    return decodeJwt(assertion).iss ?? "";
  } catch {
    return "";
  }
}
