import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as oauth from "openid-client";
import { expect, onTestFinished, test } from "vitest";
import { acmeClientId, keys, sessionOf, World } from "./world.ts";

test("WAF-03 a stock OAuth client discovers the WAF, exchanges, introspects, refreshes and revokes", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/waf`;
  const world = await World.open({ issuer, server });
  onTestFinished(async () => {
    await world.close();
    server.close();
  });
  await world.app.ready();
  world.now = Date.now();

  const config = await oauth.discovery(
    new URL(issuer),
    acmeClientId,
    undefined,
    oauth.PrivateKeyJwt({ key: keys.acmeClient.private, kid: "acme-client" }),
    { algorithm: "oauth2", execute: [oauth.allowInsecureRequests] },
  );
  const first = await oauth.genericGrantRequest(config, "urn:ietf:params:oauth:grant-type:token-exchange", {
    subject_token: await world.idToken("mary"),
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
    audience: "sip:ims.test",
    web_session: "s1",
  });
  expect(first).toMatchObject({ expires_in: 3600, ims: { impu: "sip:u0001@acme.ims.test" } });
  expect(await oauth.tokenIntrospection(config, first.access_token)).toMatchObject({ active: true, tenant: "acme" });
  const second = await oauth.refreshTokenGrant(config, first.refresh_token ?? "");
  await oauth.tokenRevocation(config, second.refresh_token ?? "");
  expect(world.waf.isRevoked(sessionOf(second.access_token))).toBe(true);
  expect(await oauth.tokenIntrospection(config, second.access_token)).toEqual({ active: false });
  await expect(oauth.refreshTokenGrant(config, second.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});

test("WAF-03 the same client binds its refresh tokens to a key of its own with DPoP", async () => {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/waf`;
  const world = await World.open({ issuer, server });
  onTestFinished(async () => {
    await world.close();
    server.close();
  });
  await world.app.ready();
  world.now = Date.now();
  const config = await oauth.discovery(
    new URL(issuer),
    acmeClientId,
    undefined,
    oauth.PrivateKeyJwt({ key: keys.acmeClient.private, kid: "acme-client" }),
    { algorithm: "oauth2", execute: [oauth.allowInsecureRequests] },
  );
  const DPoP = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair("ES256"));
  const parameters = {
    subject_token: await world.idToken("mary"),
    subject_token_type: "urn:ietf:params:oauth:token-type:id_token",
    web_session: "s1",
  };
  const grant = "urn:ietf:params:oauth:grant-type:token-exchange";
  const first = await oauth.genericGrantRequest(config, grant, parameters, { DPoP });
  await expect(oauth.refreshTokenGrant(config, first.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
  const another = oauth.getDPoPHandle(config, await oauth.randomDPoPKeyPair("ES256"));
  await expect(
    oauth.refreshTokenGrant(config, first.refresh_token ?? "", undefined, { DPoP: another }),
  ).rejects.toMatchObject({ error: "invalid_grant" });
  const second = await oauth.refreshTokenGrant(config, first.refresh_token ?? "", undefined, { DPoP });
  expect(second.token_type).toBe("bearer");
});
