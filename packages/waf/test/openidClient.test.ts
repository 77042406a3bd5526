import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import * as oauth from "openid-client";
import { expect, onTestFinished, test } from "vitest";
import { acmeClientId, keys, sessionOf, World } from "./world.ts";

test("WAF-03 a stock OAuth client discovers the WAF, exchanges, refreshes and revokes", async () => {
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
  const second = await oauth.refreshTokenGrant(config, first.refresh_token ?? "");
  await oauth.tokenRevocation(config, second.refresh_token ?? "");
  expect(world.waf.isRevoked(sessionOf(second.access_token))).toBe(true);
  await expect(oauth.refreshTokenGrant(config, second.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});
