import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";
import { build } from "vite";
import type { ImsSession } from "@portico/wic";

const subject = "olivia";
const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const idTokenType = "urn:ietf:params:oauth:token-type:id_token";
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

interface Keys {
  readonly private: CryptoKey;
  readonly public: JWK;
}

/** A third party in small: one signed-in user, a page with the SDK, and W4 to the portal. */
export class Site {
  static readonly clientId = "talk.acme.test";
  readonly #server: Server;
  readonly #keys: Keys;
  readonly #script: string;
  #issuer = "";

  static async start(): Promise<Site> {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const keys = { private: privateKey, public: { ...(await exportJWK(publicKey)), kid: "site", alg: "ES256" } };
    const site = new Site(keys, await bundle());
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

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    const send = (status: number, type: string, body: string): void => {
      response.writeHead(status, { "content-type": type }).end(body);
    };
    try {
      if (path === "/") send(200, "text/html; charset=utf-8", page);
      else if (path === "/page.js") send(200, "text/javascript; charset=utf-8", this.#script);
      else if (path === "/api/ims-session") send(200, "application/json", JSON.stringify(await this.#session()));
      else send(404, "text/plain", "");
    } catch (error) {
      send(502, "text/plain", String(error));
    }
  }

  async #session(): Promise<ImsSession> {
    const response = await fetch(`${this.#issuer}/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: tokenExchange,
        subject_token: await this.#sign({ iss: this.origin, aud: Site.clientId, sub: subject }),
        subject_token_type: idTokenType,
        requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
        scope: "ims.register ims.voice",
        web_session: "web-session-of-olivia",
        client_id: Site.clientId,
        client_assertion_type: jwtBearer,
        client_assertion: await this.#sign({
          iss: Site.clientId,
          sub: Site.clientId,
          aud: this.#issuer,
          jti: randomUUID(),
        }),
      }),
    });
    const answer = (await response.json()) as { access_token: string; expires_in: number; ims: ImsSession };
    if (!response.ok) throw new Error(`the WAF refused: ${JSON.stringify(answer)}`);
    return { ...answer.ims, accessToken: answer.access_token, expiresIn: answer.expires_in };
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

async function bundle(): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    root: join(import.meta.dirname, "page"),
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    build: {
      write: false,
      target: "es2024",
      modulePreload: false,
      minify: false,
      rolldownOptions: {
        input: join(import.meta.dirname, "page/main.ts"),
        output: { codeSplitting: false, entryFileNames: "page.js" },
      },
    },
  });
  const [first] = Array.isArray(result) ? result : [result];
  if (first === undefined || !("output" in first)) throw new Error("the bundler gave no output");
  return first.output[0].code;
}
