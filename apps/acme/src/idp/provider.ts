import { randomBytes } from "node:crypto";
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from "jose";
import type Provider from "oidc-provider";
import type { KoaContext } from "oidc-provider";
import { errorPage, signedOutPage, signingOutPage } from "../pages.ts";
import type { Accounts } from "./accounts.ts";
import { loadProvider } from "./loadProvider.ts";
import { MemoryAdapter } from "./memoryAdapter.ts";

/** What the identity provider must know about its one client, the site itself. */
export interface IdpOptions {
  /** `${publicUrl}/idp`. */
  readonly issuer: string;
  readonly accounts: Accounts;
  readonly client: {
    readonly id: string;
    readonly secret: string;
    readonly redirectUri: string;
    readonly home: string;
  };
  /** ES256 private key for ID tokens. */
  readonly key: JWK;
}

/** Makes a signing key for ID tokens. */
export async function generateIdpKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return exportJWK(privateKey);
}

/** Acme's own OpenID Connect identity provider: one confidential client, code flow with PKCE, ES256 ID tokens. */
export async function createIdp(options: IdpOptions): Promise<Provider> {
  const { accounts, client, issuer } = options;
  const kid = await calculateJwkThumbprint(options.key);
  const ProviderClass = await loadProvider();
  const provider = new ProviderClass(issuer, {
    adapter: MemoryAdapter,
    clients: [
      {
        client_id: client.id,
        client_secret: client.secret,
        client_name: "Acme Talk",
        redirect_uris: [client.redirectUri],
        post_logout_redirect_uris: [client.home],
      },
    ],
    clientDefaults: {
      grant_types: ["authorization_code"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      id_token_signed_response_alg: "ES256",
    },
    jwks: { keys: [{ ...options.key, kid, alg: "ES256", use: "sig" }] },
    responseTypes: ["code"],
    scopes: ["openid"],
    claims: { openid: ["sub"], profile: ["name", "preferred_username"] },
    // The name travels in the ID token: the portal shows it to colleagues without asking the userinfo endpoint.
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    cookies: {
      names: { session: "acme_idp", interaction: "acme_idp_login", resume: "acme_idp_resume" },
      keys: [randomBytes(32).toString("base64url")],
    },
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context: KoaContext, form: string): void => {
          context.body = signingOutPage(form);
        },
        postLogoutSuccessSource: (context: KoaContext): void => {
          context.body = signedOutPage();
        },
      },
    },
    interactions: { url: (_: KoaContext, { uid }: { uid: string }): string => `${issuer}/interaction/${uid}` },
    ttl: { AccessToken: 300, AuthorizationCode: 60, IdToken: 3600, Interaction: 600, Session: 43_200, Grant: 43_200 },
    findAccount: (_: KoaContext, id: string) => {
      const account = accounts.find(id);
      return (
        account && { accountId: id, claims: () => ({ sub: id, name: account.name, preferred_username: account.id }) }
      );
    },
    // The site is the company's own, so nobody is asked to consent.
    loadExistingGrant: async ({ oidc }: KoaContext) => {
      const { accountId } = oidc.session ?? {};
      if (accountId === undefined || oidc.client === undefined) return undefined;
      const existing = oidc.session?.grantIdFor(oidc.client.clientId);
      if (existing !== undefined) return provider.Grant.find(existing);
      const grant = new provider.Grant({ accountId, clientId: oidc.client.clientId });
      grant.addOIDCScope("openid profile");
      await grant.save();
      return grant;
    },
    renderError: (context: KoaContext): void => {
      context.type = "html";
      context.body = errorPage("sign_in_failed");
    },
  });
  return provider;
}
