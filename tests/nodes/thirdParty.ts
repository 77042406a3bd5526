import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from "jose";

const exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const jwt = "urn:ietf:params:oauth:token-type:jwt";
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** What the WAF gives for a web session. */
export interface Grant {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly ims: { readonly impu: string };
}

/** A third party that vouches for its users itself, and speaks to whichever node it likes. */
export class ThirdParty {
  readonly #key: CryptoKey;
  readonly #issuer: string;
  readonly tenant: string;
  readonly publicKey: JWK;

  /** @param issuer of the WAF, wherever its nodes are reached */
  static async create(tenant: string, issuer: string): Promise<ThirdParty> {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    return new ThirdParty(tenant, issuer, privateKey, { ...(await exportJWK(publicKey)), kid: "site", alg: "ES256" });
  }

  private constructor(tenant: string, issuer: string, key: CryptoKey, publicKey: JWK) {
    this.tenant = tenant;
    this.#issuer = issuer;
    this.#key = key;
    this.publicKey = publicKey;
  }

  get clientId(): string {
    return `talk.${this.tenant}.test`;
  }

  get origin(): string {
    return `https://${this.clientId}`;
  }

  /** The tenant's document, with so many identities. */
  document(count: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    const keys = { keys: [{ ...this.publicKey }] };
    return {
      id: this.tenant,
      name: this.tenant,
      state: "active",
      origins: [this.origin],
      services: ["voice"],
      clients: [
        {
          clientId: this.clientId,
          authentication: { method: "private_key_jwt", jwks: keys },
          subjectTokens: { jwks: keys },
        },
      ],
      identityProviders: [],
      blocks: [{ id: "main", domain: `${this.tenant}.ims.test`, count, assignment: "sticky", quarantineSeconds: 0 }],
      ...more,
    };
  }

  /** @param node URL of the node. @throws Error when there is no answer */
  async signIn(node: string, user: string, webSession: string = randomUUID()): Promise<Response> {
    return await this.#post(node, "token", {
      grant_type: exchange,
      subject_token: await this.#sign({ iss: this.clientId, sub: user, aud: this.#issuer, jti: randomUUID() }),
      subject_token_type: jwt,
      web_session: webSession,
    });
  }

  /** Signs in where that must succeed. */
  async grant(node: string, user: string, webSession?: string): Promise<Grant> {
    const response = await this.signIn(node, user, webSession);
    if (!response.ok) throw new Error(`the WAF refused: ${await response.text()}`);
    return (await response.json()) as Grant;
  }

  async refresh(node: string, token: string): Promise<Response> {
    return await this.#post(node, "token", { grant_type: "refresh_token", refresh_token: token });
  }

  async revoke(node: string, token: string): Promise<Response> {
    return await this.#post(node, "revoke", { token });
  }

  /** Whether a token is good. */
  async introspect(node: string, token: string): Promise<boolean> {
    const response = await this.#post(node, "introspect", { token });
    if (!response.ok) throw new Error(`the WAF refused: ${await response.text()}`);
    return ((await response.json()) as { active: boolean }).active;
  }

  async #post(node: string, path: string, form: Readonly<Record<string, string>>): Promise<Response> {
    const { clientId } = this;
    const assertion = { iss: clientId, sub: clientId, aud: this.#issuer, jti: randomUUID() };
    return await fetch(`${node}/waf/${path}`, {
      method: "POST",
      body: new URLSearchParams({
        ...form,
        client_id: clientId,
        client_assertion_type: jwtBearer,
        client_assertion: await this.#sign(assertion),
      }),
      signal: AbortSignal.timeout(15_000),
    });
  }

  #sign(claims: Record<string, string>): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: "site" })
      .setIssuedAt()
      .setExpirationTime("2m")
      .sign(this.#key);
  }
}
