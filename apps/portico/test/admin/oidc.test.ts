import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, onTestFinished, test, vi } from "vitest";
import { Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 60_000 });

/** An OpenID provider as far as its discovery document and its keys. */
async function provider() {
  const { privateKey, publicKey } = await generateKeyPair("ES256");
  const state = { up: true, issuer: "" };
  const key = { ...(await exportJWK(publicKey)), kid: "k", alg: "ES256" };
  const server = createServer((request, response) => {
    if (!state.up) {
      response.writeHead(500).end();
      return;
    }
    const body = request.url?.endsWith("/openid-configuration")
      ? { issuer: state.issuer, jwks_uri: `${url}/jwks` }
      : { keys: [key] };
    response.end(JSON.stringify(body));
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  state.issuer = url;
  const token = (claims: object, o: { key?: CryptoKey; typ?: string; seconds?: number } = {}): Promise<string> =>
    new SignJWT({ iss: url, aud: "portico-admin", sub: "u-17", ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k", typ: o.typ ?? "at+jwt" })
      .setIssuedAt()
      .setExpirationTime(Math.floor(Date.now() / 1000) + (o.seconds ?? 300))
      .sign(o.key ?? privateKey);
  return { url, state, token };
}

const roles = { operator: "portico-operators", "tenant-admin": "portico-tenants", auditor: "portico-auditors" };
const optionsOf = (issuer: string) => ({
  issuer,
  audience: "portico-admin",
  roleClaim: "realm_access.roles",
  roles,
  tenantClaim: "company",
});
const as = (...names: string[]) => ({ realm_access: { roles: names } });

test("ADM-06d a token of the OpenID provider is taken with the role and tenant its claims say", async () => {
  const { url, token } = await provider();
  const rig = await Rig.open({ oidc: optionsOf(url) });
  const me = async (claims: object) => (await rig.ask("GET", "/me", { key: await token(claims) })).body;
  expect(await me(as("portico-auditors"))).toMatchObject({ actor: "oidc:u-17", role: "auditor" });
  expect(await me(as("portico-auditors", "staff", "portico-operators"))).toMatchObject({ role: "operator" });
  expect(await me({ ...as("portico-tenants"), company: "acme" })).toMatchObject({
    role: "tenant-admin",
    tenant: "acme",
  });
  expect(await me(as("portico-tenants"))).toMatchObject({ code: "role_refused" });
  expect(await me(as("staff"))).toMatchObject({ code: "role_refused" });
  const foreign = await rig.ask("GET", "/tenants/other", {
    key: await token({ ...as("portico-tenants"), company: "acme" }),
  });
  expect(foreign.status).toBe(404);
});

test("tokens of another issuer, audience, key or kind, expired ones and unsigned ones are refused", async () => {
  const { url, token } = await provider();
  const rig = await Rig.open({ oidc: optionsOf(url) });
  const { privateKey: stranger } = await generateKeyPair("ES256");
  const operator = as("portico-operators");
  const code = async (key: string) => (await rig.ask("GET", "/me", { key })).body.code;
  expect(await code(await token(operator, { key: stranger }))).toBe("unauthenticated");
  expect(await code(await token({ ...operator, iss: "https://elsewhere.test" }))).toBe("unauthenticated");
  expect(await code(await token({ ...operator, aud: "another-portal" }))).toBe("unauthenticated");
  expect(await code(await token(operator, { typ: "logout+jwt" }))).toBe("unauthenticated");
  expect(await code(await token(operator, { seconds: -300 }))).toBe("credentials_expired");
  const [, body] = (await token(operator)).split(".");
  expect(await code(`${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`)).toBe("unauthenticated");
  // Without a provider no token is good.
  const plain = await Rig.open();
  expect((await plain.ask("GET", "/me", { key: await token(operator) })).body.code).toBe("unauthenticated");
});

test("a provider that is away is the portal's trouble, not the caller's; it is asked again when it is back", async () => {
  const { url, token, state } = await provider();
  const rig = await Rig.open({ oidc: optionsOf(url) });
  const key = await token(as("portico-operators"));
  state.up = false;
  const away = await rig.ask("GET", "/me", { key });
  expect([away.status, away.body.code, away.headers.get("retry-after")]).toEqual([503, "unavailable", "5"]);
  state.up = true;
  rig.clock.ahead += 6000;
  expect((await rig.ask("GET", "/me", { key })).status).toBe(200);
});

test("a discovery document of another issuer names no operators", async () => {
  const { url, token, state } = await provider();
  state.issuer = "https://elsewhere.test";
  const rig = await Rig.open({ oidc: optionsOf(url) });
  expect((await rig.ask("GET", "/me", { key: await token(as("portico-operators")) })).status).toBe(503);
});
