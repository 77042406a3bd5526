import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { acme, acmeClientId, acmeWith, claimsOf, issuer, keyPair, keys, other, World } from "./world.ts";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

test("WAF-01 WAF-02 WAF-05 an ID token is exchanged for a signed access token with the user's identity", async () => {
  const world = await open();
  const { status, body, headers } = await world.exchange("mary");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    token_type: "Bearer",
    expires_in: 3600,
    scope: "ims.register ims.voice",
    refresh_token: expect.stringMatching(/^[a-z0-9]{43}$/),
    ims: {
      impu: "sip:u0001@acme.ims.test",
      tel: "+12125550100",
      homeDomain: "ims.test",
      wss: ["wss://portal.op.test/w2"],
      iceServers: [],
      services: ["voice"],
      emergencyNumbers: ["112", "911"],
    },
  });
  expect(headers["cache-control"]).toBe("no-store");
  const jwks = (await world.app.inject("/waf/jwks")).json();
  const { payload, protectedHeader } = await jwtVerify(body.access_token, createLocalJWKSet(jwks), {
    issuer,
    audience: "sip:ims.test",
    algorithms: ["ES256"],
    currentDate: new Date(world.now),
  });
  expect(protectedHeader.typ).toBe("at+jwt");
  expect(payload).toMatchObject({
    client_id: acmeClientId,
    tenant: "acme",
    impu: "sip:u0001@acme.ims.test",
    origins: acme.origins,
    iat: world.seconds,
    nbf: world.seconds - 30,
    exp: world.seconds + 3600,
    scope: "ims.register ims.voice",
  });
  expect(payload.sub).not.toContain("mary");
  // The pair that the token stands for can be retrieved by the eP-CSCF (TS 33.203 X.4.1 REQ 3.1).
  expect(await world.waf.block.find(String(payload["impu"]))).toMatchObject({ impi: "u0001.acme@ims.test" });
  expect(await world.waf.trace(String(payload.jti))).toMatchObject({ impu: payload["impu"], pseudonym: payload.sub });
});

test("WAF-04a the access token is a JWS that names no IMPI", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const claims = JSON.stringify(claimsOf(body.access_token));
  expect(body.access_token.split(".")).toHaveLength(3);
  expect(claims).not.toContain("impi");
  expect(claims).not.toContain("u0001.acme@ims.test");
  expect(await world.waf.block.find("sip:u0001@acme.ims.test")).toMatchObject({ impi: "u0001.acme@ims.test" });
});

test("the JWKS never shows a private key", async () => {
  const world = await open();
  const { keys: shown } = (await world.app.inject("/waf/jwks")).json();
  expect(shown).toHaveLength(1);
  expect(Object.keys(shown[0])).not.toContain("d");
});

const strangers = await keyPair("acme-client");
test.each([
  ["signed by a stranger", "client_unauthenticated", (w: World) => w.assertion({}, { key: strangers })],
  ["of an unknown client", "client_unauthenticated", (w: World) => w.assertion({ iss: "x", sub: "x" })],
  ["signed by another tenant", "client_unauthenticated", (w: World) => w.assertion({}, { key: keys.otherClient })],
  ["that is no JWT", "client_unauthenticated", async () => "no.jwt"],
  ["for another audience", "client_assertion_claim", (w: World) => w.assertion({ aud: "https://elsewhere.test" })],
  ["for another subject", "client_assertion_claim", (w: World) => w.assertion({ sub: "someone" })],
  ["without jti", "client_assertion_claim", (w: World) => w.assertion({ jti: undefined })],
  ["without exp", "client_assertion_claim", (w: World) => w.assertion({ exp: undefined })],
  ["that has expired", "client_assertion_expired", (w: World) => w.assertion({ exp: w.seconds - 61 })],
  ["of ten minutes", "client_assertion_long_lived", (w: World) => w.assertion({ exp: w.seconds + 600 })],
])("WAF-09 a client assertion %s is refused: %s", async (_, reason, make) => {
  const world = await open();
  const { status, body } = await world.exchange("mary", { client_assertion: await make(world) });
  expect({ status, error: body.error, reason: body.reason }).toEqual({ status: 401, error: "invalid_client", reason });
  expect(body).not.toHaveProperty("access_token");
});

test("WAF-09 a client assertion works once, also across a restart", async () => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "waf.db");
  const before = await World.open({ path });
  const assertion = await before.assertion();
  const replayed = { status: 401, body: { reason: "client_assertion_replayed" } };
  expect((await before.exchange("mary", { client_assertion: assertion })).status).toBe(200);
  expect(await before.exchange("mary", { client_assertion: assertion })).toMatchObject(replayed);
  await before.close();
  const after = await open({ path });
  expect(await after.exchange("mary", { client_assertion: assertion })).toMatchObject(replayed);
});

test("to a stranger an unknown client and a bad signature look the same", async () => {
  const world = await open();
  const unknown = await world.exchange("mary", { client_assertion: await world.assertion({ iss: "x", sub: "x" }) });
  const forged = await world.exchange("mary", { client_assertion: await world.assertion({}, { key: strangers }) });
  expect(unknown.body).toEqual(forged.body);
});

const unsigned = (claims: object): string =>
  `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.`;
test.each([
  ["of a foreign provider", "subject_token_claim", (w: World) => w.otherIdToken("mary")],
  ["signed by a stranger", "subject_token_signature", (w: World) => w.idToken("mary", {}, strangers)],
  [
    "signed by another tenant's provider",
    "subject_token_signature",
    (w: World) => w.idToken("mary", {}, keys.otherProvider),
  ],
  ["naming a foreign issuer", "subject_token_claim", (w: World) => w.idToken("mary", { iss: "https://evil.test" })],
  ["for a foreign audience", "subject_token_claim", (w: World) => w.idToken("mary", { aud: "someone-else" })],
  ["for two audiences without azp", "subject_token_claim", (w: World) => w.idToken("m", { aud: ["acme-portal", "x"] })],
  ["for another party", "subject_token_claim", (w: World) => w.idToken("mary", { azp: "someone-else" })],
  ["that has expired", "subject_token_expired", (w: World) => w.idToken("mary", { exp: w.seconds - 61 })],
  ["without a subject", "subject_token_claim", (w: World) => w.idToken("", { sub: undefined })],
  [
    "with alg none",
    "subject_token_signature",
    async (w: World) =>
      unsigned({ iss: "https://idp.acme.test", aud: "acme-portal", sub: "mary", iat: w.seconds, exp: w.seconds + 60 }),
  ],
  ["that is no JWT", "subject_token_signature", async () => "mary"],
])("an ID token %s is refused: %s", async (_, reason, make) => {
  const world = await open();
  const { status, body } = await world.exchange("mary", { subject_token: await make(world) });
  expect({ status, error: body.error, reason: body.reason }).toEqual({ status: 400, error: "invalid_request", reason });
});

test("WAF-08 SEC-03a an identity of another tenant's block is never given, nor its existence told", async () => {
  const world = await open();
  const foreign = await world.exchange("mary", { impu: "sip:u0001@other.ims.test" });
  expect(foreign).toMatchObject({ status: 403, body: { error: "invalid_target", reason: "identity_refused" } });
  const nowhere = await world.exchange("mary", { impu: "sip:u9999@other.ims.test" });
  expect(nowhere.body).toEqual(foreign.body);
  const cross = await world.exchange("mary", { client_assertion: await world.otherAssertion() });
  expect(cross).toMatchObject({ status: 400, body: { reason: "subject_token_claim" } });
});

test("the WWSF may ask for a certain identity, as long as it is free and the user has no other", async () => {
  const world = await open();
  const asked = await world.exchange("mary", { impu: "sip:u0003@acme.ims.test" });
  expect(asked.body.ims.impu).toBe("sip:u0003@acme.ims.test");
  expect((await world.exchange("ken", { impu: "sip:u0003@acme.ims.test" })).body.reason).toBe("identity_refused");
  expect((await world.exchange("mary", { impu: "sip:u0004@acme.ims.test" })).body.reason).toBe("identity_refused");
});

test("WWSF-07b an exhausted block answers 503 with the reason, and raises an alarm", async () => {
  const world = await open();
  const alarms: unknown[] = [];
  world.waf.onAlarm(() => {
    throw new Error("a listener's own fault");
  });
  world.waf.onAlarm((alarm) => alarms.push(alarm));
  for (const user of ["a", "b", "c", "d"]) expect((await world.exchange(user)).status).toBe(200);
  const { status, body } = await world.exchange("e");
  expect({ status, error: body.error, reason: body.reason }).toEqual({
    status: 503,
    error: "temporarily_unavailable",
    reason: "block_exhausted",
  });
  expect((await world.exchange("f")).status).toBe(503);
  const alarm = { type: "block_exhausted", tenant: "acme" };
  expect(alarms, "one a minute").toEqual([alarm]);
  world.pass(60);
  await world.exchange("f");
  expect(alarms).toEqual([alarm, alarm]);
  expect((await world.exchange("a")).status).toBe(200);
});

test("WWSF-04a WAF-10 GEN-04b many users at once never get the same identity", async () => {
  const many = acmeWith({ count: 60 });
  const world = await open({ tenants: [many, other] });
  const users = Array.from({ length: 80 }, (_, n) => `user-${n}`);
  const answers = await Promise.all(users.map((user) => world.exchange(user)));
  const given = answers.filter(({ status }) => status === 200).map(({ body }) => body.ims.impu);
  expect(given).toHaveLength(60);
  expect(new Set(given).size).toBe(60);
  expect(answers.filter(({ body }) => body.reason === "block_exhausted")).toHaveLength(20);
});

test("WWSF-04d one user on several devices at once holds one identity and several leases", async () => {
  const world = await open();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => world.exchange("mary", { web_session: `device-${n}` })),
  );
  expect(new Set(answers.map(({ body }) => body.ims.impu)).size).toBe(1);
  expect(new Set(answers.map(({ body }) => claimsOf(body.access_token).sid)).size).toBe(12);
});

test.each([
  ["scope", { scope: "ims.register ims.video" }, 400, "invalid_scope"],
  ["audience", { audience: "sip:elsewhere.test" }, 400, "invalid_target"],
  ["grant type", { grant_type: "password" }, 400, "unsupported_grant_type"],
  ["missing web session", { web_session: undefined }, 400, "invalid_request"],
  ["too long a web session", { web_session: "x".repeat(129) }, 400, "invalid_request"],
  ["subject token type", { subject_token_type: "urn:ietf:params:oauth:token-type:jwt" }, 400, "invalid_request"],
])("a wrong %s is refused", async (_, fields, status, error) => {
  const world = await open();
  expect(await world.exchange("mary", fields)).toMatchObject({ status, body: { error } });
});
