import type { SeenAssertions } from "@portico/store";
import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { WafError } from "../errors.ts";
import { signatureAlgorithms } from "../keys/algorithms.ts";
import type { PublicKeys } from "../keys/publicKeys.ts";
import type { Now } from "../ports.ts";
import type { KnownClient } from "../tenant/directory.ts";
import { skewSeconds } from "../times.ts";
import { carriesKey, carriesName, type ClientCertificate } from "./certificate.ts";

/** Longest life of a client assertion, seconds. */
const maxLifeSeconds = 300;

/** What a client sends to prove who it is: an assertion (RFC 7521 §4.2), or its id and a certificate (RFC 8705 §2). */
export interface ClientCredentials {
  readonly clientId: string | undefined;
  readonly assertionType?: string | undefined;
  readonly assertion?: string | undefined;
  readonly certificate?: ClientCertificate | undefined;
}

/** Authenticates clients, each by the one method registered for it. Whatever fails before a key or name fits looks the same. */
export class ClientAuthentication {
  readonly #client: (clientId: string) => KnownClient | undefined;
  readonly #audience: string[];
  readonly #seen: SeenAssertions;
  readonly #now: Now;

  constructor(o: {
    client: (clientId: string) => KnownClient | undefined;
    /** Accepted values of `aud`. */
    audience: string[];
    seen: SeenAssertions;
    now: Now;
  }) {
    this.#client = o.client;
    this.#audience = o.audience;
    this.#seen = o.seen;
    this.#now = o.now;
  }

  /** @throws WafError `client_...` */
  async check(credentials: ClientCredentials): Promise<KnownClient> {
    const { assertionType, assertion } = credentials;
    const client =
      assertionType === undefined && assertion === undefined
        ? await this.#byCertificate(credentials)
        : await this.#byAssertion(credentials);
    if (client.document.state === "disabled") throw new WafError("client_disabled");
    return client;
  }

  async #byCertificate({ clientId, certificate }: ClientCredentials): Promise<KnownClient> {
    const client = clientId === undefined ? undefined : this.#client(clientId);
    if (client === undefined || certificate === undefined) throw new WafError("client_unauthenticated");
    const { authentication } = client.document;
    const { method } = authentication;
    const fits =
      (method === "tls_client_auth" && carriesName(certificate, authentication)) ||
      (method === "self_signed_tls_client_auth" &&
        client.keys !== undefined &&
        (await registered(certificate, client.keys)));
    if (!fits) throw new WafError("client_unauthenticated");
    return client;
  }

  async #byAssertion({ clientId, assertionType, assertion }: ClientCredentials): Promise<KnownClient> {
    if (assertionType !== "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || assertion === undefined) {
      throw new WafError("client_unauthenticated");
    }
    const named = issuerOf(assertion);
    const client = this.#client(named);
    const keys = client?.document.authentication.method === "private_key_jwt" ? client.keys : undefined;
    if (client === undefined || keys === undefined || (clientId !== undefined && clientId !== named)) {
      throw new WafError("client_unauthenticated");
    }
    const claims = await this.#verify(assertion, named, keys.find);
    const expiry = claims.exp ?? 0;
    if (expiry > this.#now() / 1000 + maxLifeSeconds + skewSeconds) throw new WafError("client_assertion_long_lived");
    const id = claims.jti;
    if (typeof id !== "string" || id === "" || id.length > 255) {
      throw new WafError("client_assertion_claim", "jti must be a text of 1 to 255 characters");
    }
    if (!(await this.#seen.add(named, id, (expiry + skewSeconds) * 1000))) {
      throw new WafError("client_assertion_replayed");
    }
    return client;
  }

  async #verify(assertion: string, clientId: string, keys: JWTVerifyGetKey): Promise<JWTPayload> {
    try {
      const { payload } = await jwtVerify(assertion, keys, {
        algorithms: signatureAlgorithms,
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

/** A key that was rotated in a moment ago is looked for in a fresh copy of the set. */
async function registered(certificate: ClientCertificate, keys: PublicKeys): Promise<boolean> {
  try {
    if (await carriesKey(certificate, (await keys.all()).keys)) return true;
    return await carriesKey(certificate, (await keys.all(true)).keys);
  } catch {
    return false;
  }
}

function issuerOf(assertion: string): string {
  try {
    const { iss } = decodeJwt(assertion);
    return typeof iss === "string" ? iss : "";
  } catch {
    return "";
  }
}
