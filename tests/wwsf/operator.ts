import { randomUUID } from "node:crypto";
import { openStore } from "@portico/store";
import { systemRandom } from "@portico/transport";
import { openWaf, wafRoutes, type Waf } from "@portico/waf";
import fastify from "fastify";
import { exportJWK, exportPKCS8, generateKeyPair, SignJWT } from "jose";
import { freePort } from "../support/ports.ts";

/** The operator's WAF over HTTP, with one third party whose identity provider is this test. */
export interface Operator {
  readonly waf: Waf;
  readonly issuer: string;
  readonly clientId: string;
  /** The third party's private key, and as PKCS #8 PEM. */
  readonly clientKey: CryptoKey;
  readonly clientPem: string;
  /** An ID token of a user, good for ten minutes. */
  idToken(subject: string): Promise<string>;
  close(): Promise<void>;
}

const provider = "https://idp.acme.example";
const clientId = "talk.acme.example";

/** @param count identities in the block */
export async function openOperator(count = 50): Promise<Operator> {
  const client = await generateKeyPair("ES256", { extractable: true });
  const idp = await generateKeyPair("ES256", { extractable: true });
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}/waf`;
  const store = await openStore({ sqlite: ":memory:" });
  const waf = await openWaf({
    store,
    issuer,
    homeDomain: "ims.test",
    wss: ["wss://portal.ims.test/w2"],
    tenants: [
      {
        id: "acme",
        name: "Acme",
        clients: [
          {
            clientId,
            subjectTokens: { jwks: { keys: [{ ...(await exportJWK(client.publicKey)), alg: "ES256" }] } },
            authentication: {
              method: "private_key_jwt",
              jwks: { keys: [{ ...(await exportJWK(client.publicKey)), alg: "ES256" }] },
            },
          },
        ],
        identityProviders: [
          {
            issuer: provider,
            jwks: { keys: [{ ...(await exportJWK(idp.publicKey)), alg: "ES256" }] },
            audience: "web",
          },
        ],
        origins: ["https://talk.acme.example"],
        services: ["voice"],
        emergencyNumbers: ["112"],
        blocks: [
          {
            id: "main",
            domain: "acme.ims.test",
            numbers: [{ from: "+12125550100" }],
            count,
            assignment: "sticky",
            quarantineSeconds: 600,
          },
          {
            id: "guests",
            domain: "acme.ims.test",
            prefix: "g",
            count: 1,
            assignment: "dynamic",
            quarantineSeconds: 0,
          },
        ],
        rules: [{ choose: "firstFree", block: "main" }],
        anonymous: { block: "guests", restrictions: { direction: ["mo"] } },
        state: "active",
      },
    ],
    now: Date.now,
    random: systemRandom,
  });
  const app = fastify();
  await app.register(wafRoutes(waf));
  await app.listen({ host: "127.0.0.1", port });
  return {
    waf,
    issuer,
    clientId,
    clientKey: client.privateKey,
    clientPem: await exportPKCS8(client.privateKey),
    idToken: (subject) =>
      new SignJWT({ nonce: randomUUID() })
        .setProtectedHeader({ alg: "ES256" })
        .setIssuer(provider)
        .setAudience("web")
        .setSubject(subject)
        .setIssuedAt()
        .setExpirationTime("10m")
        .sign(idp.privateKey),
    close: async () => {
      await app.close();
      await waf.close();
      await store.close();
    },
  };
}
