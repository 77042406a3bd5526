import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { guardedFetch } from "../src/keys/guardedFetch.ts";
import { acme, acmeAudience, acmeIssuer, keyPair, keys, other, World } from "./world.ts";

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("keys are found by OpenID Connect discovery, once for many users, and a new key is found without a pause", async () => {
  const asked: string[] = [];
  let published = [keys.acmeProvider.public];
  let named = acmeIssuer;
  const world = await World.open({
    tenants: [{ ...acme, identityProviders: [{ issuer: acmeIssuer, audience: acmeAudience, discovery: true }] }, other],
    fetch: async (url) => {
      asked.push(url);
      const configuration = { issuer: named, jwks_uri: "https://keys.acme.test/jwks" };
      return Response.json(url.endsWith("configuration") ? configuration : { keys: published });
    },
  });
  onTestFinished(() => world.close());
  const answers = await Promise.all(["a", "b", "c"].map((user) => world.exchange(user)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(asked).toEqual([`${acmeIssuer}/.well-known/openid-configuration`, "https://keys.acme.test/jwks"]);
  published = [(await keyPair("next")).public];
  named = "https://evil.test";
  expect((await world.exchange("a")).status).toBe(200);
});

test.each([
  ["of another issuer", { issuer: "https://evil.test", jwks_uri: "https://keys.acme.test/jwks" }],
  ["without keys", { issuer: acmeIssuer }],
  ["with keys over plain http", { issuer: acmeIssuer, jwks_uri: "http://keys.acme.test/jwks" }],
])("a discovery document %s is not believed", async (_, document) => {
  const world = await World.open({
    tenants: [{ ...acme, identityProviders: [{ issuer: acmeIssuer, audience: acmeAudience, discovery: true }] }, other],
    fetch: async (url) =>
      Response.json(url.endsWith("configuration") ? document : { keys: [keys.acmeProvider.public] }),
  });
  onTestFinished(() => world.close());
  expect((await world.exchange("mary")).body.reason).toBe("identity_provider_unreachable");
});

test("a user of either of a tenant's providers is served, and the same subject of both is two users", async () => {
  const second = await keyPair("second");
  const provider = { issuer: "https://id2.acme.test", audience: "web2", jwks: { keys: [{ ...second.public }] } };
  const world = await World.open({
    tenants: [{ ...acme, identityProviders: [...acme.identityProviders, provider] }, other],
  });
  onTestFinished(() => world.close());
  const one = await world.exchange("mary", { web_session: "1" });
  const claims = { iss: provider.issuer, aud: provider.audience };
  const token = await world.idToken("mary", claims, second);
  const two = await world.exchange("mary", { subject_token: token, web_session: "2" });
  expect(two.body.ims.impu).not.toBe(one.body.ims.impu);
  const of = { subject: "mary", subject_issuer: provider.issuer };
  expect((await world.post("identities", of)).body).toMatchObject({ impu: two.body.ims.impu });
  expect((await world.post("identities", { subject: "mary" })).body).toMatchObject({ impu: one.body.ims.impu });
  // The key of one provider vouches for no user of the other.
  const crossed = await world.idToken("mary", claims);
  expect((await world.exchange("mary", { subject_token: crossed })).body.reason).toBe("subject_token_signature");
});

test.each([
  "http://idp.example/jwks",
  "https://127.0.0.1/jwks",
  "https://[::1]/jwks",
  "https://10.1.2.3/jwks",
  "https://169.254.169.254/latest/meta-data",
  "https://[::ffff:10.0.0.1]/jwks",
  "https://[fd00::1]/jwks",
  "https://0x7f.1/jwks",
  "https://localhost/jwks",
  "ftp://idp.example/jwks",
])("SEC-03a nothing is fetched from %s, inside the operator's network", async (url) => {
  await expect(guardedFetch()(url)).rejects.toThrow(/is not https|is no public address/);
});

test("on this machine a portal on localhost may fetch, and nothing that is too long, endless or elsewhere", async () => {
  let hits = 0;
  const target = await serve((_, response) => {
    hits += 1;
    response.end("inner");
  });
  const url = await serve(({ url: path }, response) => {
    if (path === "/good") response.end('{"keys":[]}');
    else if (path === "/away") response.writeHead(302, { location: target }).end();
    else if (path === "/long") response.end("x".repeat(300_000));
    else if (path === "/cut") response.socket?.destroy();
  });
  const fetcher = guardedFetch({ loopback: true });
  expect(await (await fetcher(`${url}/good`)).json()).toEqual({ keys: [] });
  // A redirect is an answer like any other that is no 200.
  expect(await fetcher(`${url}/away`)).toMatchObject({ ok: false, status: 302 });
  expect(hits).toBe(0);
  await expect(fetcher(`${url}/long`)).rejects.toThrow("answers with too much");
  await expect(fetcher(`${url}/cut`)).rejects.toThrow("socket hang up");
  const ended = fetcher(`${url}/silent`, { signal: AbortSignal.timeout(100) });
  await expect(ended).rejects.toThrow(/abort/i);
  await expect(guardedFetch()(`${url}/good`)).rejects.toThrow("is not https");
});
