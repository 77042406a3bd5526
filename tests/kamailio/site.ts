import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import type { ImsSession } from "@portico/wic";
import { bundle } from "../support/bundle.ts";

const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const idTokenType = "urn:ietf:params:oauth:token-type:id_token";
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

interface Grant {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly expires_in: number;
  readonly ims: Omit<ImsSession, "accessToken" | "expiresIn">;
}

interface Keys {
  readonly private: CryptoKey;
  readonly public: JWK;
}

/** A third party in small: users who are signed in by being named in the query, anonymous ones by not being named, a page with the SDK, W4 to the portal. */
export class Site {
  static readonly clientId = "talk.acme.test";
  readonly #server: Server;
  readonly #keys: Keys;
  readonly #script: string;
  /** Users for whom the site has no tokens to give, as if its own connection to the portal were down. */
  readonly withoutTokens = new Set<string>();
  /** What else the site's identity provider says of a user in her ID token. */
  readonly claims = new Map<string, Readonly<Record<string, string>>>();
  readonly #refreshTokens = new Map<string, string>();
  #issuer = "";

  static async start(): Promise<Site> {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const keys = { private: privateKey, public: { ...(await exportJWK(publicKey)), kid: "site", alg: "ES256" } };
    const site = new Site(keys, await bundle(fileURLToPath(import.meta.resolve("./page/main.ts"))));
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    return site;
  }

  private constructor(keys: Keys, script: string) {
    this.#keys = keys;
    this.#script = script;
    this.#server = createServer((request, response) => void this.#answer(request.url ?? "/", response));
  }

  /** Also the issuer of its ID tokens. */
  get origin(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Signs both the ID tokens and the client assertions. */
  get publicKey(): JWK {
    return this.#keys.public;
  }

  /** Where the portal's WAF is. */
  useWaf(issuer: string): void {
    this.#issuer = issuer;
  }

  /** Signs a user out: ends the tokens of her web session (RFC 7009), and there are no others. */
  async signOut(user: string): Promise<void> {
    this.withoutTokens.add(user);
    const token = this.#refreshTokens.get(user) ?? "";
    await this.#post("revoke", { token, token_type_hint: "refresh_token" });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(target: string, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams } = new URL(target, this.origin);
    const user = searchParams.get("user") ?? "";
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "content-type": type }).end(body);
    };
    try {
      if (path === "/") send(200, "text/html; charset=utf-8", page);
      else if (path === "/page.js") send(200, "text/javascript; charset=utf-8", this.#script);
      else if (path === "/api/ims-session") send(200, "application/json", JSON.stringify(await this.#session(user)));
      else send(404, "text/plain", "");
    } catch (error) {
      send(502, "text/plain", String(error));
    }
  }

  async #session(user: string): Promise<ImsSession> {
    if (this.withoutTokens.has(user)) throw new Error("no tokens now");
    const response = await this.#post("token", {
      ...(user === "" ? { grant_type: "client_credentials" } : await this.#exchange(user)),
      scope: "ims.register ims.voice",
      web_session: randomUUID(),
    });
    const answer = (await response.json()) as Grant;
    this.#refreshTokens.set(user, answer.refresh_token);
    return { ...answer.ims, accessToken: answer.access_token, expiresIn: answer.expires_in };
  }

  async #exchange(user: string): Promise<Readonly<Record<string, string>>> {
    const claims = { iss: this.origin, aud: Site.clientId, sub: user, ...this.claims.get(user) };
    return {
      grant_type: tokenExchange,
      subject_token: await this.#sign(claims),
      subject_token_type: idTokenType,
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
    };
  }

  async #post(path: string, form: Readonly<Record<string, string>>): Promise<Response> {
    const { clientId } = Site;
    const assertion = { iss: clientId, sub: clientId, aud: this.#issuer, jti: randomUUID() };
    const response = await fetch(`${this.#issuer}/${path}`, {
      method: "POST",
      body: new URLSearchParams({
        ...form,
        client_id: clientId,
        client_assertion_type: jwtBearer,
        client_assertion: await this.#sign(assertion),
      }),
    });
    if (!response.ok) throw new Error(`the WAF refused: ${await response.text()}`);
    return response;
  }

  #sign(claims: Record<string, string>): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: "site" })
      .setIssuedAt()
      .setExpirationTime("2m")
      .sign(this.#keys.private);
  }
}

const page = `<!doctype html><title>Telephone</title><audio id="remote-audio" autoplay></audio><script type="module" src="/page.js"></script>`;
