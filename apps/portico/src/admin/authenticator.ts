import { type ApiKeyCheck, looksLikeApiKey } from "./apiKeys.ts";
import { AdminError } from "./errors.ts";
import type { OidcTokens } from "./oidc.ts";
import type { Principal } from "./principal.ts";

/** Longest Authorization header taken, characters. */
const maxLength = 8192;

/** Finds out who makes a request (RFC 6750 §2.1): by an API key, or by a token of the OpenID provider. */
export class Authenticator {
  readonly #keys: ApiKeyCheck;
  readonly #oidc: OidcTokens | undefined;

  constructor(keys: ApiKeyCheck, oidc: OidcTokens | undefined) {
    this.#keys = keys;
    this.#oidc = oidc;
  }

  /** @throws AdminError `unauthenticated`, `credentials_expired`, `role_refused`, `unavailable` */
  async principal(authorization: string | undefined): Promise<Principal> {
    if (authorization === undefined || authorization.length > maxLength) throw new AdminError("unauthenticated");
    const token = /^Bearer +([A-Za-z0-9._~+/=-]+) *$/i.exec(authorization)?.[1];
    if (token === undefined) throw new AdminError("unauthenticated");
    if (looksLikeApiKey(token)) return await this.#keys.principal(token);
    if (this.#oidc === undefined) throw new AdminError("unauthenticated");
    return await this.#oidc.principal(token);
  }
}
