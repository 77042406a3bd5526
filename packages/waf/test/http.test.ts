import { openSharedState } from "@portico/store";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { acme, acmeClientId, acmeIssuer, claimsOf, issuer, other, World } from "./world.ts";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

const formType = { "content-type": "application/x-www-form-urlencoded" };

test("the metadata name every endpoint and how to authenticate", async () => {
  const world = await open();
  const { body, statusCode } = await world.app.inject("/.well-known/oauth-authorization-server/waf");
  expect(statusCode).toBe(200);
  expect(JSON.parse(body)).toMatchObject({
    issuer,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    introspection_endpoint: `${issuer}/introspect`,
    jwks_uri: `${issuer}/jwks`,
    token_endpoint_auth_methods_supported: ["private_key_jwt"],
    grant_types_supported: ["urn:ietf:params:oauth:grant-type:token-exchange", "client_credentials", "refresh_token"],
  });
});

test.each([
  ["a repeated parameter", 400, { headers: formType, payload: "grant_type=a&grant_type=b" }],
  [
    "more than 32 parameters",
    400,
    { headers: formType, payload: Array.from({ length: 40 }, (_, n) => `p${n}=1`).join("&") },
  ],
  ["a body above 32 KiB", 413, { headers: formType, payload: `a=${"x".repeat(33 * 1024)}` }],
  ["JSON", 400, { headers: { "content-type": "application/json" }, payload: '{"grant_type":"refresh_token"}' }],
  ["another media type", 415, { headers: { "content-type": "text/html" }, payload: "<p>" }],
  ["no body", 400, { headers: {}, payload: "" }],
])("%s is refused with %i and an OAuth error", async (_, status, { headers, payload }) => {
  const world = await open();
  const response = await world.app.inject({ method: "POST", url: "/waf/token", headers, payload });
  expect(response.statusCode).toBe(status);
  expect(response.json()).toMatchObject({ error: "invalid_request", reason: "request_malformed" });
  expect(response.headers["cache-control"]).toBe("no-store");
});

test("an error says what to do in characters that RFC 6749 allows", async () => {
  const world = await open();
  const { body } = await world.exchange("mary", { scope: "ims.video" });
  expect(body["error_description"]).toMatch(/^[ !#-[\]-~]+$/);
  expect(body["error_description"]).toContain("this tenant may ask for ims.register ims.voice");
});

test("WAF-12a a client beyond its rate waits as Retry-After says, and another client does not", async () => {
  const world = await open({ rates: { client: { burst: 3, perSecond: 0.5 }, failures: { burst: 9, perSecond: 1 } } });
  for (let n = 0; n < 3; n++) expect((await world.exchange("mary")).status).toBe(200);
  const refused = await world.exchange("mary");
  expect(refused).toMatchObject({ status: 429, headers: { "retry-after": "2" } });
  const bystander = {
    client_assertion: await world.otherAssertion(),
    subject_token: await world.otherIdToken("x"),
  };
  expect((await world.exchange("x", bystander)).status).toBe(200);
  world.pass(2);
  expect((await world.exchange("mary")).status).toBe(200);
});

test("WAF-12a a tenant's own rate holds for each of its clients, and changes with its document", async () => {
  const world = await open({ tenants: [other] });
  const limited = { ...acme, limits: { tokenRate: { burst: 2, perSecond: 0.1 } } };
  const { version } = await world.waf.tenants.create(limited, { by: "op" });
  expect((await world.exchange("mary")).status).toBe(200);
  expect((await world.exchange("mary")).status).toBe(200);
  expect(await world.exchange("mary")).toMatchObject({ status: 429, headers: { "retry-after": "10" } });
  const wider = { ...acme, limits: { tokenRate: { burst: 3, perSecond: 0.1 } } };
  await world.waf.tenants.replace("acme", wider, { by: "op", version });
  expect((await world.exchange("mary")).status).toBe(200);
});

test("WAF-12a the nodes of a portal count together, so that spreading requests gains nothing", async () => {
  const shared = await openSharedState();
  const rates = { client: { burst: 2, perSecond: 0.001 }, failures: { burst: 1, perSecond: 0.001 } };
  const [one, two] = [await open({ rates, shared }), await open({ rates, shared })];
  expect((await one.exchange("mary")).status).toBe(200);
  expect((await two.exchange("mary")).status).toBe(200);
  expect((await one.exchange("mary")).status).toBe(429);
  expect((await two.exchange("mary")).status).toBe(429);
  const forged = { client_assertion: "forged" };
  expect((await one.exchange("mary", forged)).status).toBe(401);
  expect((await two.exchange("mary", forged)).status).toBe(401);
  expect((await two.exchange("mary", forged)).status).toBe(429);
});

test("SEC-03a no endpoint tells a tenant anything of another, whatever of it the tenant knows", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const { access_token: access, refresh_token: refresh } = body;
  const { sid } = claimsOf(access);
  const known = {
    token: access,
    refresh_token: refresh,
    subject: "mary",
    subject_issuer: acmeIssuer,
    impu: body.ims.impu,
  };
  const bait = [access, refresh, sid, body.ims.impu, body.ims.tel, "mary", "acme", acmeIssuer, acmeClientId];
  const endpoints = ["token", "revoke", "introspect", "identities", "identities/assign", "identities/end"];
  const grants = [
    { grant_type: "refresh_token" },
    {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      subject_token: await world.idToken("mary"),
      subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
      web_session: "web-session-of-mary",
    },
  ];
  for (const path of endpoints) {
    for (const grant of grants) {
      const answer = await world.post(path, { ...known, ...grant, client_assertion: await world.otherAssertion() });
      expect(answer.status).toBeLessThan(500);
      const text = JSON.stringify(answer.body);
      expect(bait.filter((secret) => text.includes(secret))).toEqual([]);
    }
  }
  // And none of it has touched her.
  expect((await world.post("introspect", { token: access })).body).toMatchObject({ active: true });
  expect((await world.post("identities", { subject: "mary" })).body).toEqual({
    impu: body.ims.impu,
    tel: body.ims.tel,
  });
  expect((await world.refresh(refresh)).status).toBe(200);
});

test("WAF-12a failed authentications of one address are stopped before the costly check", async () => {
  const world = await open({ rates: { client: { burst: 99, perSecond: 9 }, failures: { burst: 2, perSecond: 1 } } });
  for (const status of [401, 401, 401, 429]) {
    expect((await world.exchange("mary", { client_assertion: "forged" })).status).toBe(status);
  }
  world.pass(1);
  expect((await world.exchange("mary")).status).toBe(200);
});

test("WAF-12b the audit tells from a token's id who got it, through whom, when and from where", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const { jti, sub } = JSON.parse(Buffer.from(body.access_token.split(".")[1] ?? "", "base64url").toString());
  const trace = await world.waf.trace(jti);
  expect(trace).toMatchObject({
    impu: body.ims.impu,
    pseudonym: sub,
    tenant: "acme",
    clientId: "talk.acme.test",
    address: "127.0.0.1",
    issuedAt: world.now,
    expiresAt: world.now + 3600_000,
  });
  world.pass(91 * 24 * 3600);
  await world.waf.sweep();
  expect(await world.waf.trace(jti)).toBeUndefined();
});

test("no token, assertion or user ever reaches the log, at any level", async () => {
  const lines: string[] = [];
  const world = await open({ logger: { write: (line) => void lines.push(line) } });
  const assertion = await world.assertion();
  const idToken = await world.idToken("mary-the-user");
  const { body } = await world.exchange("", {
    client_assertion: assertion,
    subject_token: idToken,
    web_session: "ws-1",
  });
  expect(body.access_token).toBeTruthy();
  await world.exchange("", { client_assertion: assertion, subject_token: idToken });
  await world.exchange("", { subject_token: `${idToken}x` });
  await world.refresh(body.refresh_token);
  await world.refresh(body.refresh_token);
  await world.revoke(body.access_token);
  await world.store.close();
  expect((await world.exchange("", { subject_token: idToken })).status).toBe(500);
  const log = lines.join("");
  expect(log).toContain("WAF request failed");
  for (const secret of [assertion, idToken, body.access_token, body.refresh_token, "mary-the-user", "ws-1"]) {
    expect(log).not.toContain(secret);
  }
});

test("whatever octets a form holds, the answer is an OAuth error below 500", async () => {
  const world = await open({ rates: { client: { burst: 1, perSecond: 1 }, failures: { burst: 1e9, perSecond: 1e9 } } });
  const name = fc.constantFrom("grant_type", "client_assertion", "client_assertion_type", "client_id", "token", "x");
  // Any character. fast-check's own unit "binary" takes two seconds to prepare.
  const unit = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code).toWellFormed());
  const known = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit }),
    fc.constant(known),
    fc.constant("a.b.c"),
    fc.constant("e30.e30.e30"),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("token", "revoke", "introspect", "identities", "identities/assign", "identities/end"),
      fc.oneof(
        fc.array(fc.tuple(name, value)).map((pairs) => new URLSearchParams(pairs).toString()),
        fc.string({ unit, maxLength: 200 }),
      ),
      async (path, payload) => {
        const response = await world.app.inject({ method: "POST", url: `/waf/${path}`, headers: formType, payload });
        expect([400, 401]).toContain(response.statusCode);
        expect(response.json().error).toMatch(/^invalid_/);
      },
    ),
    { numRuns: 200 },
  );
}, 120_000);
