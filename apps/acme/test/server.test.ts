import { request as httpRequest } from "node:http";
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, type JWK } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { password, startTestAcme, type TestAcme } from "./support/testAcme.ts";
import { Visitor } from "./support/visitor.ts";

let site: TestAcme;

beforeAll(async () => {
  site = await startTestAcme();
}, 30_000);

afterAll(async () => {
  await site.close();
});

beforeEach(() => {
  site.waf.asked.length = 0;
  site.waf.refusal = undefined;
});

async function signedIn(username = "mary"): Promise<Visitor> {
  const visitor = new Visitor(site.acme.url);
  await visitor.signIn(username, password);
  return visitor;
}

test("GEN-07 WWSF-01a the first web contact serves the page and the operator's client in it", async () => {
  const visitor = new Visitor(site.acme.url);
  const page = await visitor.fetch("/");
  expect(page.status).toBe(200);
  const [, path = ""] = /<script type="module" src="([^"]+)"/.exec(await page.text()) ?? [];
  const script = await visitor.fetch(path);
  expect(script.headers.get("content-type")).toContain("javascript");
  expect(await script.text()).toContain("wic/registration-refused");
});

test("WWSF-01b a visitor who has not signed in gets no directory, no token, no sign-out", async () => {
  const visitor = new Visitor(site.acme.url);
  expect(await (await visitor.fetch("/api/me")).json()).toBeNull();
  for (const path of ["/api/directory", "/api/ims-session"]) {
    const response = await visitor.fetch(path);
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: "signed_out", remedy: "Sign in again." });
  }
  expect((await visitor.post("/api/logout")).status).toBe(401);
  expect(site.waf.asked).toEqual([]);
});

test("GEN-02 WWSF-02b WWSF-03a signing in is OpenID Connect with Acme's own account, and nothing of the operator", async () => {
  const visitor = new Visitor(site.acme.url);
  const { url, response } = await visitor.follow("/login");
  expect(url).toMatch(/\/idp\/interaction\/[\w-]+$/);
  const form = await response.text();
  expect(form.match(/<input[^>]*name="\w+"/g)).toHaveLength(2);
  const submitted = await visitor.submit(url, "mary", password);
  await visitor.follow(submitted.headers.get("location") ?? "");
  expect(await (await visitor.fetch("/api/me")).json()).toMatchObject({ id: "mary", name: "Mary Jones" });
  expect(site.waf.asked, "no word with the operator so far").toEqual([]);
});

test("a wrong password is refused in the form, and so is an unknown name, in the same words", async () => {
  const answers: string[] = [];
  for (const [username, secret] of [
    ["olivia", "wrong"],
    ["nobody", password],
  ] as const) {
    const visitor = new Visitor(site.acme.url);
    const { url } = await visitor.follow("/login");
    const response = await visitor.submit(url, username, secret);
    expect(response.status).toBe(401);
    answers.push((await response.text()).replaceAll(username, ""));
    expect(await (await visitor.fetch("/api/me")).json()).toBeNull();
  }
  expect(answers[0]).toContain("User name and password do not fit together.");
  expect(answers[1]).toBe(answers[0]);
});

test("what was typed comes back escaped", async () => {
  const visitor = new Visitor(site.acme.url);
  const { url } = await visitor.follow("/login");
  const response = await visitor.submit(url, '"><script>alert(1)</script>', "x");
  expect(await response.text()).not.toContain("<script>");
});

test("WWSF-03d the sixth wrong password within a minute has to wait, and so has the right one after it", async () => {
  const visitor = new Visitor(site.acme.url);
  const { url } = await visitor.follow("/login");
  for (let attempt = 0; attempt < 5; attempt += 1)
    expect((await visitor.submit(url, "ken", `wrong ${attempt}`)).status).toBe(401);
  const response = await visitor.submit(url, "ken", password);
  expect(response.status).toBe(429);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  expect((await visitor.submit(url, "mary", password)).status).toBe(303);
});

test("WWSF-03c what changes something is refused from a foreign page", async () => {
  const visitor = await signedIn();
  const foreign = [
    { origin: "https://evil.example", "x-acme-talk": "1" },
    { origin: "null", "x-acme-talk": "1" },
    { origin: site.acme.url },
  ];
  for (const headers of foreign) {
    const response = await visitor.fetch("/api/logout", { method: "POST", headers });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ error: "foreign_request" });
  }
  const { url } = await new Visitor(site.acme.url).follow("/login");
  expect((await visitor.submit(url, "mary", password, "https://evil.example")).status).toBe(403);
  const read = await visitor.fetch("/api/ims-session", { headers: { "sec-fetch-site": "cross-site" } });
  expect(read.status).toBe(403);
  expect(await (await visitor.fetch("/api/me")).json()).toMatchObject({ id: "mary" });
});

test("a sign-in that another browser began cannot be finished here", async () => {
  const thief = new Visitor(site.acme.url);
  const { url } = await thief.follow("/login");
  const submitted = await thief.submit(url, "mary", password);
  let location = submitted.headers.get("location") ?? "";
  while (!location.includes("/callback")) location = (await thief.fetch(location)).headers.get("location") ?? "";
  const victim = new Visitor(site.acme.url);
  expect((await victim.fetch(location)).status).toBe(400);
  expect(await (await victim.fetch("/api/me")).json()).toBeNull();
});

test("WWSF-08a the token comes by private_key_jwt for the user whom the ID token names", async () => {
  const visitor = await signedIn("olivia");
  await visitor.fetch("/api/ims-session");
  const form = site.waf.asked[0]?.form ?? new URLSearchParams();
  expect(form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:token-exchange");
  expect(decodeProtectedHeader(form.get("client_assertion") ?? "").alg).toBe("ES256");
  const idToken = form.get("subject_token") ?? "";
  expect(decodeProtectedHeader(idToken).alg).toBe("ES256");
  expect(decodeJwt(idToken)).toMatchObject({ sub: "olivia", iss: `${site.acme.url}/idp`, aud: "talk.acme.example" });
  expect(form.get("web_session")).toMatch(/^[\w-]{32}$/);
  expect(visitor.cookieHeader, "the handle is not the cookie").not.toContain(form.get("web_session"));
});

test("WWSF-08b the page receives token, expiry, IMPU, number, home domain, wss URLs, ICE servers and services", async () => {
  const visitor = await signedIn();
  const response = await visitor.fetch("/api/ims-session");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.json()).toEqual({
    impu: "sip:u0001@acme.ims.test",
    tel: site.waf.numbers.get("mary"),
    displayName: "Mary Jones",
    homeDomain: "ims.test",
    wss: site.waf.wss,
    accessToken: expect.any(String),
    expiresIn: 600,
    iceServers: [],
    services: ["voice"],
    emergencyNumbers: ["112", "911"],
  });
});

test("WWSF-09 WWSF-10a each page of a web session gets a token of its own, by the rotated refresh token, one at a time", async () => {
  const visitor = await signedIn();
  const answers = await Promise.all(
    [1, 2, 3, 4].map(async () => (await visitor.fetch("/api/ims-session")).json() as Promise<{ accessToken: string }>),
  );
  const olivia = await signedIn("olivia");
  answers.push((await (await olivia.fetch("/api/ims-session")).json()) as { accessToken: string });
  expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(5);
  const grants = site.waf.asked.filter(({ path }) => path === "token").map(({ form }) => form.get("grant_type"));
  expect(grants).toEqual([
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "refresh_token",
    "refresh_token",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:token-exchange",
  ]);
});

test("a refresh token that the operator has ended is replaced by a new exchange", async () => {
  const visitor = await signedIn();
  await visitor.fetch("/api/ims-session");
  site.waf.forgetRefreshTokens();
  expect((await visitor.fetch("/api/ims-session")).status).toBe(200);
});

test("WWSF-03e WWSF-10b signing out revokes at the operator, and nothing is handed out any more", async () => {
  const visitor = await signedIn();
  await visitor.fetch("/api/ims-session");
  const before = new Map(visitor.cookies);
  const response = await visitor.post("/api/logout");
  expect(response.status).toBe(200);
  const { next } = (await response.json()) as { next: string };
  await expect.poll(() => site.waf.asked.map(({ path }) => path)).toContain("revoke");
  for (const [name, cookie] of before) visitor.cookies.set(name, cookie);
  expect((await visitor.fetch("/api/ims-session")).status, "the old cookie is worth nothing").toBe(401);
  expect(next).toContain("/idp/session/end?");
  const page = await (await visitor.fetch(next)).text();
  const [, action = ""] = /action="([^"]+)"/.exec(page) ?? [];
  const [, xsrf = ""] = /name="xsrf" value="([^"]+)"/.exec(page) ?? [];
  const ended = await visitor.fetch(action, {
    method: "POST",
    headers: { origin: site.acme.url },
    body: new URLSearchParams({ xsrf, logout: "yes" }),
  });
  expect(ended.headers.get("location")).toBe(`${site.acme.url}/`);
  const again = await visitor.follow("/login");
  expect(again.url, "the identity provider asks anew").toContain("/idp/interaction/");
});

test("WWSF-07a an exhausted block is a 503 with the reason and what to do", async () => {
  site.waf.refusal = { status: 503, body: { error: "temporarily_unavailable", reason: "block_exhausted" } };
  const visitor = await signedIn();
  const response = await visitor.fetch("/api/ims-session");
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({
    error: "block_exhausted",
    title: "No telephone line is free",
    detail: expect.stringContaining("assigned"),
    remedy: expect.stringContaining("administrator"),
  });
});

test("WWSF-10b what the operator refuses, a block above all, is told in Acme's words, without the operator's", async () => {
  const cases = [
    [{ status: 403, body: { error: "access_denied", error_description: "secret" } }, 403, "telephony_suspended"],
    [{ status: 403, body: { error: "invalid_target", reason: "identity_refused" } }, 403, "identity_refused"],
    [{ status: 401, body: { error: "invalid_client" } }, 502, "portal_refused"],
    [{ status: 500, body: {} }, 502, "portal_unreachable"],
    [{ status: 429, body: { error: "temporarily_unavailable" } }, 502, "portal_unreachable"],
    [{ status: 200, body: { access_token: "x" } }, 502, "portal_refused"],
    [{ status: 400, body: { error: "invalid_request", reason: "subject_token_expired" } }, 401, "signed_out"],
  ] as const;
  const visitor = await signedIn();
  for (const [refusal, status, error] of cases) {
    site.waf.refusal = refusal;
    const response = await visitor.fetch("/api/ims-session");
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toMatchObject([status, { error }]);
    expect(text).not.toContain("secret");
  }
});

test("WWSF-13 the directory has the colleagues by name, their presence, and their numbers as the operator knows them", async () => {
  site.waf.numbers.set("ken", "+12125550177");
  const visitor = await signedIn();
  const { colleagues } = (await (await visitor.fetch("/api/directory")).json()) as { colleagues: unknown[] };
  expect(colleagues).toEqual([
    { id: "ken", name: "Ken Adams", presence: "offline", tel: "+12125550177" },
    expect.objectContaining({ id: "olivia", name: "Olivia Brown", presence: "offline" }),
  ]);
});

test("WWSF-14a scripts come from the own origin, connections go there and to the portal, nothing else", async () => {
  for (const path of ["/", "/api/me", "/assets/page.css", "/nowhere", "/idp/.well-known/openid-configuration"]) {
    const { headers } = await new Visitor(site.acme.url).fetch(path);
    const policy = new Map(
      (headers.get("content-security-policy") ?? "").split("; ").map((part) => {
        const [name = "", ...sources] = part.split(" ");
        return [name, sources];
      }),
    );
    expect(policy.get("default-src")).toEqual(["'none'"]);
    expect(policy.get("script-src")).toEqual(["'self'"]);
    expect(policy.get("frame-ancestors")).toEqual(["'none'"]);
    expect(policy.get("connect-src")).toEqual([
      "'self'",
      site.acme.url.replace("http", "ws"),
      new URL(site.waf.issuer).origin,
      "ws://localhost:8090",
    ]);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("permissions-policy")).toContain("microphone=(self)");
  }
});

test("WWSF-14b the bundle carries its digest, and no page has a script of its own or of others", async () => {
  const visitor = new Visitor(site.acme.url);
  const page = await (await visitor.fetch("/")).text();
  const [, path = "", integrity = ""] = /src="([^"]+)" integrity="sha384-([^"]+)"/.exec(page) ?? [];
  const script = await (await visitor.fetch(path)).arrayBuffer();
  expect(Buffer.from(await crypto.subtle.digest("SHA-384", script)).toString("base64")).toBe(integrity);
  const { response } = await visitor.follow("/login");
  for (const html of [page, await response.text()]) {
    expect(html).not.toMatch(/<script(?![^>]*src="\/)/);
    expect(html).not.toMatch(/\son\w+=|style="|https?:\/\//);
  }
});

test("the identity provider publishes one ES256 key and asks for PKCE", async () => {
  const visitor = new Visitor(site.acme.url);
  const { keys } = (await (await visitor.fetch("/idp/jwks")).json()) as { keys: JWK[] };
  expect(keys).toHaveLength(1);
  expect(keys[0]).toMatchObject({
    kty: "EC",
    crv: "P-256",
    alg: "ES256",
    kid: await calculateJwkThumbprint(keys[0] as JWK),
  });
  expect(keys[0]).not.toHaveProperty("d");
  const plain = new URLSearchParams({
    client_id: "talk.acme.example",
    response_type: "code",
    scope: "openid",
    redirect_uri: `${site.acme.url}/callback`,
  });
  const { url } = await visitor.follow(`/idp/auth?${plain}`);
  expect(url).toContain("error=invalid_request");
});

test("the site answers under its own name only", async () => {
  const ask = (path: string): Promise<{ status: number | undefined; location: string | undefined }> =>
    new Promise((resolve) => {
      const { port } = new URL(site.acme.url);
      httpRequest({ port, path, headers: { host: "rebound.example" } }, (response) => {
        resolve({ status: response.statusCode, location: response.headers.location });
        response.resume();
      }).end();
    });
  expect(await ask("/api/me")).toMatchObject({ status: 421 });
  expect(await ask("/")).toEqual({ status: 307, location: `${site.acme.url}/` });
});

test("a body that is too large, of the wrong kind or malformed is refused, never a 500", async () => {
  const visitor = await signedIn();
  const headers = { origin: site.acme.url, "x-acme-talk": "1", "content-type": "application/json" };
  for (const body of ["{", "x".repeat(100_000)])
    expect((await visitor.fetch("/api/logout", { method: "POST", headers, body })).status).toBe(400);
  const { url } = await new Visitor(site.acme.url).follow("/login");
  const big = await visitor.fetch(url, {
    method: "POST",
    headers: { origin: site.acme.url },
    body: new URLSearchParams({ username: "a".repeat(10_000) }),
  });
  expect(big.status).toBe(400);
});
