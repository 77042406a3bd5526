import { compactDecrypt, errors, jwtVerify, type CompactDecryptGetKey, type JWTVerifyGetKey } from "jose";
import { detached } from "./detached.ts";
import { TokenError } from "./errors.ts";
import { Interned } from "./interned.ts";
import { readRestrictions } from "./policy/restrictions.ts";
import type { AccessClaims, TokenVerifier } from "./ports.ts";

/** Clock skew allowed, seconds (WAF-06). */
const skew = 60;
/** Longest life of a token, seconds (WAF-06): what a stolen signing key has signed does not outlive that key's end for ever. */
const longest = 24 * 3600;
/** Verified tokens kept; the oldest goes first. */
const cacheSize = 20_000;
/** Web sites, each with what its tokens allow in common. */
const mostTerms = 1000;

/** What the tokens of one web site mostly have alike. */
type Terms = Pick<AccessClaims, "clientId" | "tenant" | "scope" | "origins" | "restrictions">;

export interface JwtVerifierOptions {
  /** The WAF's `iss`. */
  readonly issuer: string;
  /** `sip:` and the home domain. */
  readonly audience: string;
  /** Keys of the WAF, by key id. */
  readonly keys: JWTVerifyGetKey;
  /** This node's private keys, by key id, for tokens nested in a JWE (RFC 8898 §2.1.2); absent: none are taken. */
  readonly decryptionKeys?: CompactDecryptGetKey;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Verifies signed access tokens (RFC 9068) of one WAF. A token is verified once: the claims are kept under the whole
 * token until it expires, since an ES256 check costs more than the rest of a REGISTER.
 */
export class JwtVerifier implements TokenVerifier {
  readonly #options: JwtVerifierOptions;
  readonly #verified = new Map<string, AccessClaims>();
  readonly #terms = new Interned<Terms>(mostTerms);

  constructor(options: JwtVerifierOptions) {
    this.#options = options;
  }

  async verify(token: string): Promise<AccessClaims> {
    const known = this.#verified.get(token);
    if (known !== undefined) {
      if (known.expiresAt * 1000 > this.#options.now()) return known;
      this.#verified.delete(token);
      throw new TokenError("invalid_token", "the token has expired");
    }
    const claims = await this.#check(detached(token));
    if (!claims.scope.includes("ims.register")) throw new TokenError("invalid_scope", "the token lacks ims.register");
    if (this.#verified.size >= cacheSize) this.#verified.delete(this.#verified.keys().next().value ?? "");
    this.#verified.set(claims.token, claims);
    return claims;
  }

  /** The signed token inside an encrypted one: RFC 7519 §5.2 nesting, told by the five parts of a compact JWE. */
  async #opened(token: string): Promise<string> {
    const { decryptionKeys } = this.#options;
    if (decryptionKeys === undefined || token.split(".", 5).length < 5) return token;
    const { plaintext, protectedHeader } = await compactDecrypt(token, decryptionKeys, {
      keyManagementAlgorithms: ["ECDH-ES"],
      contentEncryptionAlgorithms: ["A128GCM", "A256GCM"],
    });
    if (protectedHeader.cty?.toUpperCase() !== "JWT") throw new TokenError("invalid_token", "the JWE holds no JWT");
    return new TextDecoder().decode(plaintext);
  }

  async #check(token: string): Promise<AccessClaims & { readonly token: string }> {
    const { issuer, audience, keys, now } = this.#options;
    try {
      const { payload } = await jwtVerify(await this.#opened(token), keys, {
        issuer,
        audience,
        typ: "at+jwt",
        algorithms: ["ES256"],
        clockTolerance: skew,
        maxTokenAge: longest,
        currentDate: new Date(now()),
        requiredClaims: ["exp", "iat", "jti", "sub", "client_id", "tenant", "sid", "scope", "impu", "origins"],
      });
      const { exp = 0, iat = 0 } = payload;
      if (exp - iat > longest + skew) throw new TokenError("invalid_token", "the token lives longer than a day");
      const { clientId, tenant, scope, origins, restrictions } = this.#terms.one({
        clientId: text(payload["client_id"]),
        tenant: text(payload["tenant"]),
        scope: text(payload["scope"]).split(" "),
        origins: texts(payload["origins"]),
        restrictions: readRestrictions(payload["restr"]),
      });
      return {
        token,
        issuer,
        subject: text(payload["sub"]),
        clientId,
        tenant,
        sessionId: text(payload["sid"]),
        tokenId: text(payload["jti"]),
        expiresAt: exp,
        scope,
        impu: text(payload["impu"]),
        origins,
        restrictions,
      };
    } catch (error) {
      if (error instanceof TokenError) throw error;
      const why = error instanceof errors.JOSEError ? error.code : "the token cannot be read";
      throw new TokenError("invalid_token", why);
    }
  }
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TokenError("invalid_token", "a claim has the wrong type");
  return value;
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw new TokenError("invalid_token", "a claim has the wrong type");
  return value.map(text);
}
