import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { fastifyPlugin, fetchHandler, nodeHandler, Wwsf, WwsfError, type SignedInUser } from "@portico/wwsf";
import express from "express";
import fastify from "fastify";
import { decodeJwt, generateKeyPair } from "jose";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openOperator, type Operator } from "./operator.ts";

let operator: Operator;

beforeAll(async () => {
  operator = await openOperator();
});
afterAll(() => operator?.close());

function kit(of: Operator = operator, key: CryptoKey = of.clientKey): Wwsf {
  const { issuer, clientId } = of;
  return new Wwsf({ issuer, clientId, authentication: { method: "private_key_jwt", key } });
}

/** Who is signed in, as a cookie of this test says it: `user=NAME`, her name being her web session too. */
function userOf(cookie: string | undefined): SignedInUser | undefined {
  const name = /user=(\w+)/.exec(cookie ?? "")?.[1];
  return name === undefined
    ? undefined
    : { session: `web-${name}`, idToken: () => operator.idToken(name), displayName: name };
}

/** A third party's own server on each of the hosts; gives the URL of the resource. */
const hosts: Record<string, (wwsf: Wwsf) => Promise<string>> = {
  fastify: async (wwsf) => {
    const app = fastify();
    await app.register(fastifyPlugin, {
      wwsf,
      user: (request) => userOf(request.headers.cookie),
      path: "/api/ims-session",
    });
    onTestFinished(() => app.close());
    return `${await app.listen({ host: "127.0.0.1", port: 0 })}/api/ims-session`;
  },
  express: async (wwsf) => {
    const app = express();
    app.use(
      "/api/ims-session",
      nodeHandler(wwsf, (request: express.Request) => userOf(request.headers.cookie)),
    );
    return await listen(app);
  },
  "node:http": async (wwsf) => await listen(nodeHandler(wwsf, (request) => userOf(request.headers.cookie))),
  "the Fetch API": async (wwsf) => {
    const handler = fetchHandler(wwsf, (request) => userOf(request.headers.get("cookie") ?? undefined));
    return await listen((request, response) => {
      const { method = "GET", url = "/", headers } = request;
      const list = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
      const send = async (): Promise<void> => {
        const answer = await handler(new Request(`http://127.0.0.1${url}`, { method, headers: list }));
        response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
      };
      void send();
    });
  },
};

async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/ims-session`;
}

const as = (name: string, more: Record<string, string> = {}): RequestInit => ({
  headers: { cookie: `user=${name}`, ...more },
});

describe.each(Object.keys(hosts))("a third party's server on %s", (host) => {
  const name = host.replaceAll(/\W/g, "");

  test("WWSF-08b WWSF-09 a signed-in user gets her IMS session, each page a token of its own", async () => {
    const url = (await hosts[host]?.(kit())) ?? "";
    const first = await fetch(url, as(name));
    expect(first.status).toBe(200);
    expect(first.headers.get("cache-control")).toBe("no-store");
    const session = (await first.json()) as { accessToken: string };
    expect(session).toMatchObject({
      displayName: name,
      homeDomain: "ims.test",
      wss: ["wss://portal.ims.test/w2"],
      services: ["voice"],
      emergencyNumbers: ["112"],
    });
    expect(decodeJwt(session.accessToken)).toMatchObject({
      iss: operator.issuer,
      impu: expect.stringMatching(/^sip:u/),
    });
    // Two tabs at once: refresh tokens rotate, and a used one ends the session.
    const tabs = await Promise.all([1, 2, 3].map(async () => (await fetch(url, as(name))).json()));
    const tokens = [session, ...(tabs as { accessToken: string }[])].map(({ accessToken }) => accessToken);
    expect(new Set(tokens).size).toBe(4);
    expect(new Set(tokens.map((token) => decodeJwt(token)["sid"])).size).toBe(1);
  });

  test("WWSF-10b DELETE ends it at the operator, and nothing is issued after it", async () => {
    const url = (await hosts[host]?.(kit())) ?? "";
    const { accessToken } = (await (await fetch(url, as(`${name}2`))).json()) as { accessToken: string };
    const { sid } = decodeJwt<{ sid: string }>(accessToken);
    expect(operator.waf.isRevoked({ sessionId: sid, tenant: "acme" })).toBe(false);
    expect((await fetch(url, { ...as(`${name}2`), method: "DELETE" })).status).toBe(204);
    expect(operator.waf.isRevoked({ sessionId: sid, tenant: "acme" })).toBe(true);
    const after = await fetch(url, as(`${name}2`));
    expect(after.status).toBe(401);
    expect(after.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(await after.json()).toMatchObject({ code: "signed_out", remedy: "Sign in again." });
  });

  test("a visitor, a foreign page and another method are refused before anything is asked", async () => {
    const url = (await hosts[host]?.(kit())) ?? "";
    expect((await fetch(url)).status).toBe(401);
    const foreign = await fetch(url, as(name, { "sec-fetch-site": "cross-site" }));
    expect(await foreign.json()).toMatchObject({ status: 403, code: "foreign_request" });
    expect((await fetch(url, { ...as(name), method: "PUT" })).status).toBeOneOf([404, 405]);
  });
});

test("a refresh token that the operator has ended: the ID token begins anew, while the web session lives", async () => {
  const wwsf = kit();
  const user = { session: "web-nora", idToken: () => operator.idToken("nora") };
  const { accessToken, impu } = await wwsf.imsSession(user);
  await operator.waf.endAssignment(impu, "test", "operator");
  const anew = await wwsf.imsSession(user);
  expect(decodeJwt(anew.accessToken)["sid"]).not.toBe(decodeJwt(accessToken)["sid"]);
});

test("WWSF-11a a user who has left loses her sessions and her number", async () => {
  const wwsf = kit();
  const { accessToken, impu } = await wwsf.imsSession({ session: "web-otto", idToken: await operator.idToken("otto") });
  expect(await wwsf.identityOf("otto")).toMatchObject({ impu });
  await wwsf.endUser("otto");
  const { sid } = decodeJwt<{ sid: string }>(accessToken);
  expect(operator.waf.isRevoked({ sessionId: sid, tenant: "acme" })).toBe(true);
  expect(await wwsf.identityOf("otto")).toBeUndefined();
});

test("WWSF-08a a site without an identity provider vouches for its users with its own key", async () => {
  const { issuer, clientId, clientKey: key } = operator;
  const authentication = { method: "private_key_jwt", key } as const;
  const wwsf = new Wwsf({ issuer, clientId, authentication, vouchingKey: { key } });
  const first = await wwsf.imsSession({ session: "web-p1", subject: "petra", claims: { department: "sales" } });
  const second = await wwsf.imsSession({ session: "web-p2", subject: "petra" });
  expect(second.impu).toBe(first.impu);
  await expect(kit().imsSession({ session: "web-p3", subject: "petra" })).rejects.toThrow(/vouchingKey/);
});

test("WWSF-07a an exhausted block is a 503 that says what to do", async () => {
  const small = await openOperator(1);
  onTestFinished(() => small.close());
  const wwsf = kit(small);
  await wwsf.imsSession({ session: "web-a", idToken: await small.idToken("a") });
  const refused = wwsf.imsSession({ session: "web-b", idToken: await small.idToken("b") });
  await expect(refused).rejects.toMatchObject({ code: "block_exhausted", status: 503 });
});

test("a wrong key is told from an operator who is away, and the cause names what to mend", async () => {
  const { privateKey } = await generateKeyPair("ES256");
  const user = { session: "web-x", idToken: await operator.idToken("x") };
  const refused = await kit(operator, privateKey)
    .imsSession(user)
    .catch((error: unknown) => error);
  expect(refused).toMatchObject({ code: "portal_refused", status: 502 });
  expect(String((refused as WwsfError).cause)).toMatch(/401 invalid_client/);
  const away = new Wwsf({
    issuer: "http://127.0.0.1:9/waf",
    clientId: "x",
    authentication: { method: "private_key_jwt", key: privateKey },
  });
  await expect(away.imsSession(user)).rejects.toMatchObject({ code: "portal_unreachable", status: 502 });
  expect(await away.isReachable()).toBe(false);
  // Signing out does not wait for the operator's consent.
  await away.end("web-x");
  await expect(away.imsSession(user)).rejects.toMatchObject({ code: "signed_out" });
});

test("GEN-14b a visitor whom the site does not know gets an identity of those for such, once for each web session", async () => {
  const wwsf = kit();
  const visitor = { session: "visitor-1", anonymous: true } as const;
  const first = await wwsf.imsSession(visitor);
  expect(first).toMatchObject({ impu: "sip:g0001@acme.ims.test", expiresIn: 300 });
  expect((await wwsf.imsSession(visitor)).impu, "by a refresh").toBe(first.impu);
  await expect(wwsf.imsSession({ session: "visitor-2", anonymous: true })).rejects.toMatchObject({
    code: "block_exhausted",
  });
  await wwsf.end(visitor.session);
  await expect(wwsf.imsSession(visitor)).rejects.toMatchObject({ code: "signed_out" });
  const { sid } = decodeJwt(first.accessToken);
  expect(operator.waf.isRevoked({ sessionId: String(sid), tenant: "acme" })).toBe(true);
});
