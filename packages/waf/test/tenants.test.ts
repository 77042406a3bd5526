import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { TenantDocument } from "../src/index.ts";
import {
  acme,
  acmeAudience,
  acmeBlock,
  acmeIssuer,
  acmeWith,
  keyPair,
  keys,
  other,
  sessionOf,
  start,
  World,
} from "./world.ts";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

test.each<[string, Partial<TenantDocument>]>([
  ["a client of another", { clients: other.clients }],
  ["a block of another", { blocks: other.blocks }],
  ["numbers of another", { blocks: [{ ...acmeBlock, numbers: [{ from: "+12125550900" }] }] }],
  ["the id of another", { id: "other" }],
  ["a wrong document", { services: ["voice mail" as never] }],
])("ADM-01 a tenant with %s is refused at start", async (_, change) => {
  await expect(World.open({ tenants: [{ ...acme, ...change }, other] })).rejects.toMatchObject({
    code: expect.stringMatching(/^(configuration|tenant_invalid|tenant_exists)$/),
  });
});

test.each([
  { issuer: "https://portal.op.test/waf/" },
  { issuer: "waf" },
  // The WWSF knows the WAF by its certificate.
  { issuer: "http://portal.op.test/waf" },
  { accessTokenSeconds: 59 },
])("%o is refused at start", async (options) => {
  await expect(World.open(options)).rejects.toMatchObject({ code: "configuration" });
});

test("a tenant suspended in the configuration loses the sessions it had", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const { body } = await before.exchange("mary");
  await before.close();
  const during = await World.open({ path, tenants: [{ ...acme, state: "suspended" }, other] });
  expect(during.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await during.exchange("mary")).body.reason).toBe("tenant_suspended");
  await during.close();
  const after = await open({ path });
  expect(after.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect((await after.refresh(body.refresh_token)).status).toBe(400);
  expect((await after.exchange("mary")).body.ims).toEqual(body.ims);
});

test("a tenant taken out of the configuration is unknown, and its tokens are no longer good", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const { body } = await before.exchange("mary");
  await before.close();
  const after = await open({ path, tenants: [other] });
  expect(after.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
  expect(await after.waf.block.find(body.ims.impu)).toBeUndefined();
  expect((await after.exchange("mary")).body.reason).toBe("client_unauthenticated");
});

test("ADM-01 nothing is issued before the contract begins or after it ends", async () => {
  const contract = { from: "2027-03-01T10:00:00Z", until: "2027-04-01T00:00:00Z" };
  const world = await open({ tenants: [{ ...acme, contract }, other] });
  expect((await world.exchange("mary")).body.reason).toBe("tenant_suspended");
  world.now = start + 3600_000;
  const { status, body } = await world.exchange("mary");
  expect(status).toBe(200);
  world.now = Date.parse(contract.until);
  expect((await world.exchange("mary")).body.reason).toBe("tenant_suspended");
  expect(world.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
});

test("a block that shrinks takes the identity back, and the user gets another", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const { body } = await before.exchange("mary", { impu: "sip:u0004@acme.ims.test" });
  await before.close();
  const after = await open({ path, tenants: [acmeWith({ count: 2 }), other] });
  expect((await after.refresh(body.refresh_token)).status).toBe(400);
  expect((await after.post("identities", { subject: "mary" })).status).toBe(404);
  expect((await after.exchange("mary")).body.ims.impu).toBe("sip:u0001@acme.ims.test");
  expect(after.waf.isRevoked(sessionOf(body.access_token))).toBe(true);
});

test("keys of an identity provider are fetched from its URL, and its failure is told and alarmed", async () => {
  const url = "https://idp.acme.test/jwks";
  let published: object | undefined;
  const asked: string[] = [];
  const fetcher = (input: unknown): Promise<Response> => {
    asked.push(String(input));
    return Promise.resolve(published === undefined ? new Response("down", { status: 503 }) : Response.json(published));
  };
  const provider = { issuer: acmeIssuer, audience: acmeAudience, jwksUri: url };
  const tenants = [{ ...acme, identityProviders: [provider] }, other];
  const world = await open({ tenants, fetch: fetcher });
  const alarms: unknown[] = [];
  world.waf.onAlarm((alarm) => alarms.push(alarm));
  const down = await world.exchange("mary");
  expect(down).toMatchObject({ status: 503, body: { reason: "identity_provider_unreachable" } });
  expect(alarms).toEqual([{ type: "identity_provider_unreachable", tenant: "acme" }]);
  published = { keys: [keys.acmeProvider.public] };
  expect((await world.exchange("mary")).status).toBe(200);
  expect(new Set(asked)).toEqual(new Set([url]));
});

test("an ID token signed with RS256 is accepted, one with a shared secret never", async () => {
  const rsa = await keyPair("rsa", "RS256");
  const jwks = { keys: [rsa.public, { kty: "oct", k: "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw", kid: "shared" }] };
  const provider = { issuer: acmeIssuer, audience: acmeAudience, jwksUri: "https://idp.acme.test/jwks" };
  const world = await open({
    tenants: [{ ...acme, identityProviders: [provider] }, other],
    fetch: () => Promise.resolve(Response.json(jwks)),
  });
  expect((await world.exchange("mary", { subject_token: await world.idToken("mary", {}, rsa) })).status).toBe(200);
  const secret = await crypto.subtle.importKey(
    "raw",
    Buffer.from("c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMw", "base64url"),
    { name: "HMAC", hash: "SHA-256" },
    true,
    ["sign"],
  );
  const forged = await world.idToken(
    "mary",
    {},
    { private: secret, public: { kty: "oct", kid: "shared", alg: "HS256" } },
  );
  expect((await world.exchange("mary", { subject_token: forged })).body.reason).toBe("subject_token_signature");
});
