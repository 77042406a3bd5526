import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import * as oidc from "openid-client";
import { isLoopback } from "./config.ts";
import { AcmeError } from "./errors.ts";
import type { Accounts } from "./idp/accounts.ts";
import { requireOwnPage } from "./originGuard.ts";
import { errorPage } from "./pages.ts";
import { WebSessions, type WebSession } from "./webSessions.ts";

export interface SignInOptions {
  readonly publicUrl: string;
  readonly client: { readonly id: string; readonly secret: string };
  readonly accounts: Accounts;
  readonly sessions: WebSessions;
}

/** What the browser keeps between leaving for the identity provider and coming back; signed by nobody, bound to it by the code verifier. */
interface Pending {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Seconds in which a sign-in must be completed. */
const pendingLife = 600;

/** The site as relying party of Acme's identity provider: OpenID Connect code flow with PKCE, state and nonce. */
export class SignIn {
  readonly #options: SignInOptions;
  readonly #cookies: { session: string; pending: string };
  readonly #secure: boolean;
  #discovered: Promise<oidc.Configuration> | undefined;

  constructor(options: SignInOptions) {
    this.#options = options;
    this.#secure = options.publicUrl.startsWith("https:");
    // RFC 6265bis §4.1.3: __Host- binds a cookie to this host over TLS. The name is Acme's: ports of one host share cookies.
    const prefix = this.#secure ? "__Host-" : "";
    this.#cookies = { session: `${prefix}acme_session`, pending: `${prefix}acme_sign_in` };
  }

  /** The session of a request's cookies, parsed. */
  find(cookies: Readonly<Record<string, string | undefined>>): WebSession | undefined {
    return this.#options.sessions.find(cookies[this.#cookies.session]);
  }

  /** @throws AcmeError `signed_out` */
  require(request: FastifyRequest): WebSession {
    const session = this.find(request.cookies);
    if (session === undefined) throw new AcmeError("signed_out");
    return session;
  }

  mount(app: FastifyInstance): void {
    app.get("/login", async (_, reply) => {
      const configuration = await this.#discover();
      const pending: Pending = {
        state: oidc.randomState(),
        nonce: oidc.randomNonce(),
        verifier: oidc.randomPKCECodeVerifier(),
      };
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: this.#redirectUri,
        scope: "openid profile",
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: "S256",
      });
      this.#setCookie(reply, this.#cookies.pending, JSON.stringify(pending), pendingLife);
      return reply.redirect(url.href, 303);
    });

    app.get("/callback", async (request, reply) => {
      const pending = readPending(request.cookies[this.#cookies.pending]);
      this.#setCookie(reply, this.#cookies.pending, "", 0);
      try {
        if (pending === undefined) throw new AcmeError("sign_in_failed");
        const session = await this.#complete(request, pending);
        const before = request.cookies[this.#cookies.session];
        if (before !== undefined) this.#options.sessions.end(before);
        this.#setCookie(reply, this.#cookies.session, session, WebSessions.maxAge);
        return reply.redirect("/", 303);
      } catch {
        return reply.code(400).type("text/html; charset=utf-8").send(errorPage("sign_in_failed"));
      }
    });

    app.post("/api/logout", async (request, reply) => {
      requireOwnPage(request, this.#options.publicUrl);
      const session = this.require(request);
      this.#options.sessions.end(request.cookies[this.#cookies.session] ?? "");
      this.#setCookie(reply, this.#cookies.session, "", 0);
      const url = oidc.buildEndSessionUrl(await this.#discover(), {
        id_token_hint: session.idToken,
        post_logout_redirect_uri: `${this.#options.publicUrl}/`,
      });
      return { next: url.href };
    });
  }

  get #redirectUri(): string {
    return `${this.#options.publicUrl}/callback`;
  }

  async #complete(request: FastifyRequest, pending: Pending): Promise<string> {
    const tokens = await oidc.authorizationCodeGrant(
      await this.#discover(),
      new URL(request.url, this.#options.publicUrl),
      {
        pkceCodeVerifier: pending.verifier,
        expectedState: pending.state,
        expectedNonce: pending.nonce,
        idTokenExpected: true,
      },
    );
    const account = this.#options.accounts.find(tokens.claims()?.sub ?? "");
    if (account === undefined || tokens.id_token === undefined) throw new AcmeError("sign_in_failed");
    return this.#options.sessions.open(account, tokens.id_token);
  }

  /** Once, at the first sign-in; again when it failed. */
  async #discover(): Promise<oidc.Configuration> {
    const { publicUrl, client } = this.#options;
    this.#discovered ??= oidc.discovery(
      new URL(`${publicUrl}/idp`),
      client.id,
      { id_token_signed_response_alg: "ES256" },
      oidc.ClientSecretBasic(client.secret),
      isLoopback(new URL(publicUrl).hostname) ? { execute: [oidc.allowInsecureRequests] } : {},
    );
    try {
      return await this.#discovered;
    } catch (cause) {
      this.#discovered = undefined;
      throw new AcmeError("internal", { cause });
    }
  }

  #setCookie(reply: FastifyReply, name: string, value: string, maxAge: number): void {
    reply.setCookie(name, value, { path: "/", httpOnly: true, sameSite: "lax", secure: this.#secure, maxAge });
  }
}

function readPending(cookie: string | undefined): Pending | undefined {
  try {
    const { state, nonce, verifier } = JSON.parse(cookie ?? "") as Record<string, unknown>;
    if (typeof state !== "string" || typeof nonce !== "string" || typeof verifier !== "string") return undefined;
    return { state, nonce, verifier };
  } catch {
    return undefined;
  }
}
