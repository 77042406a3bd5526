import { randomBytes } from "node:crypto";
import type { Server } from "node:http";
import { openStore, type SharedState, type Store, type StoreTarget } from "@portico/store";
import fastify, { type FastifyInstance } from "fastify";
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from "jose";
import {
  type BlockDocument,
  openWaf,
  type TenantDocument,
  type Waf,
  type WafOptions,
  type WafRates,
  wafRoutes,
} from "../src/index.ts";

export const issuer = "https://portal.op.test/waf";
export const start: number = Date.parse("2027-03-01T09:00:00Z");

export interface KeyPair {
  readonly private: CryptoKey;
  readonly public: JWK;
}

export async function keyPair(kid: string, alg = "ES256"): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { private: privateKey, public: { ...(await exportJWK(publicKey)), kid, alg } };
}

const [acmeClient, acmeProvider, otherClient, otherProvider] = await Promise.all([
  keyPair("acme-client"),
  keyPair("acme-idp"),
  keyPair("other-client"),
  keyPair("other-idp"),
]);
export const keys = { acmeClient, acmeProvider, otherClient, otherProvider };

export const acmeClientId = "talk.acme.test";
export const acmeIssuer = "https://idp.acme.test";
export const acmeAudience = "acme-portal";
export const acmeBlock: BlockDocument = {
  id: "main",
  domain: "acme.ims.test",
  numbers: [{ from: "+12125550100" }],
  count: 4,
  assignment: "sticky",
  quarantineSeconds: 600,
};

/** Acme, with a block of one's own. */
export const acmeWith = (block: Partial<BlockDocument>): TenantDocument => ({
  ...acme,
  blocks: [{ ...acmeBlock, ...block }],
});

export const acme: TenantDocument = {
  id: "acme",
  name: "Acme",
  clients: [
    {
      clientId: acmeClientId,
      authentication: { method: "private_key_jwt", jwks: { keys: [{ ...acmeClient.public }] } },
    },
  ],
  identityProviders: [{ issuer: acmeIssuer, jwks: { keys: [{ ...acmeProvider.public }] }, audience: acmeAudience }],
  origins: ["https://talk.acme.test"],
  services: ["voice"],
  emergencyNumbers: ["112", "911"],
  blocks: [acmeBlock],
  state: "active",
};

export const otherClientId = "portal.other.test";

export const otherBlock: BlockDocument = {
  ...acmeBlock,
  domain: "other.ims.test",
  numbers: [{ from: "+12125550900" }],
};

export const other: TenantDocument = {
  ...acme,
  id: "other",
  name: "Other",
  clients: [
    {
      clientId: otherClientId,
      authentication: { method: "private_key_jwt", jwks: { keys: [{ ...otherClient.public }] } },
    },
  ],
  identityProviders: [
    { issuer: "https://idp.other.test", jwks: { keys: [{ ...otherProvider.public }] }, audience: "other-portal" },
  ],
  blocks: [otherBlock],
};

export type Answer = Record<string, unknown> & {
  access_token: string;
  refresh_token: string;
  error: string;
  reason: string;
  ims: { impu: string; tel: string };
};

/** Claims to set, or with undefined to leave out. */
type Claims = Record<string, unknown>;

export type FormFields = Record<string, string | undefined>;

/** A WAF behind its HTTP routes, with a clock of its own and the keys of both tenants. */
export class World {
  now: number = start;
  readonly store: Store;
  #waf: Waf | undefined;
  #app: FastifyInstance | undefined;

  private constructor(store: Store) {
    this.store = store;
  }

  static async open(
    o: Partial<WafOptions> & {
      path?: string;
      target?: StoreTarget;
      rates?: WafRates;
      mutualTls?: string;
      shared?: SharedState;
      logger?: { write(line: string): void };
      server?: Server;
    } = {},
  ): Promise<World> {
    const world = new World(await openStore(o.target ?? { sqlite: o.path ?? ":memory:" }));
    world.#waf = await openWaf({
      store: world.store,
      issuer,
      homeDomain: "ims.test",
      wss: ["wss://portal.op.test/w2"],
      tenants: [acme, other],
      now: () => world.now,
      random: { token: (length) => randomBytes(length).toString("hex").slice(0, length) },
      ...o,
    });
    const { server } = o;
    const app = server
      ? fastify({ serverFactory: (handler) => server.on("request", handler) })
      : fastify(o.logger ? { logger: { level: "trace", stream: o.logger } } : {});
    await app.register(
      wafRoutes(world.waf, {
        ...(o.rates === undefined ? {} : { rates: o.rates }),
        ...(o.mutualTls === undefined ? {} : { mutualTls: o.mutualTls }),
        ...(o.shared === undefined ? {} : { shared: o.shared }),
      }),
    );
    world.#app = app;
    return world;
  }

  get waf(): Waf {
    if (this.#waf === undefined) throw new Error("not open");
    return this.#waf;
  }

  get app(): FastifyInstance {
    if (this.#app === undefined) throw new Error("not open");
    return this.#app;
  }

  get seconds(): number {
    return Math.floor(this.now / 1000);
  }

  pass(seconds: number): void {
    this.now += seconds * 1000;
  }

  async assertion(claims: Claims = {}, o: { key?: KeyPair; alg?: string } = {}): Promise<string> {
    const key = o.key ?? keys.acmeClient;
    return await new SignJWT({
      iss: acmeClientId,
      sub: acmeClientId,
      aud: issuer,
      iat: this.seconds,
      exp: this.seconds + 60,
      jti: randomBytes(12).toString("hex"),
      ...claims,
    })
      .setProtectedHeader({ alg: o.alg ?? "ES256", kid: key.public.kid ?? "" })
      .sign(key.private);
  }

  async otherAssertion(): Promise<string> {
    return await this.assertion({ iss: otherClientId, sub: otherClientId }, { key: keys.otherClient });
  }

  async idToken(subject: string, claims: Claims = {}, key: KeyPair = keys.acmeProvider): Promise<string> {
    return await new SignJWT({
      iss: acmeIssuer,
      aud: acmeAudience,
      sub: subject,
      iat: this.seconds,
      exp: this.seconds + 600,
      ...claims,
    })
      .setProtectedHeader({ alg: key.public.alg ?? "ES256", kid: key.public.kid ?? "" })
      .sign(key.private);
  }

  async otherIdToken(subject: string): Promise<string> {
    return await this.idToken(subject, { iss: "https://idp.other.test", aud: "other-portal" }, keys.otherProvider);
  }

  /** Posts a form; authenticates as Acme unless the form brings an assertion. Fields set to undefined are left out. */
  async post(
    path: string,
    fields: FormFields,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Answer; headers: FormFields }> {
    const form = new URLSearchParams();
    const all: FormFields = {
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: "client_assertion" in fields ? undefined : await this.assertion(),
      ...fields,
    };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) form.set(name, value);
    const response = await this.app.inject({
      method: "POST",
      url: `/waf/${path}`,
      headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
      payload: form.toString(),
    });
    return { status: response.statusCode, body: response.json(), headers: response.headers as FormFields };
  }

  async exchange(
    subject: string,
    fields: FormFields = {},
    headers: Record<string, string> = {},
  ): ReturnType<World["post"]> {
    const form = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: "subject_token" in fields ? undefined : await this.idToken(subject),
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      audience: "sip:ims.test",
      scope: "ims.register ims.voice",
      web_session: `web-session-of-${subject}`,
      ...fields,
    };
    return await this.post("token", form, headers);
  }

  async refresh(
    token: string,
    fields: FormFields = {},
    headers: Record<string, string> = {},
  ): ReturnType<World["post"]> {
    return await this.post("token", { grant_type: "refresh_token", refresh_token: token, ...fields }, headers);
  }

  async revoke(token: string, fields: FormFields = {}): ReturnType<World["post"]> {
    return await this.post("revoke", { token, ...fields });
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.store.close();
  }
}

/** `sid`, tenant and the rest of an access token, unverified. */
export function claimsOf(token: string): JWTPayload & { sid: string; tenant: string; impu: string } {
  return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
}

/** What {@link Waf.isRevoked} wants of an access token. */
export function sessionOf(token: string): { sessionId: string; tenant: string } {
  const { sid, tenant } = claimsOf(token);
  return { sessionId: sid, tenant };
}
