import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compactDecrypt } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { keyFile, recipientKey } from "../src/index.ts";
import { acme, acmeClientId, claimsOf, keyPair, other, sessionOf, World } from "./world.ts";

async function open(...o: Parameters<typeof World.open>): Promise<World> {
  const world = await World.open(...o);
  onTestFinished(() => world.close());
  return world;
}

const inactive = { active: false };

test("introspection tells a tenant what its own tokens say, access and refresh", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  const access = await world.post("introspect", { token: body.access_token });
  expect(access.body).toEqual({ active: true, token_type: "Bearer", ...claimsOf(body.access_token) });
  expect(access.headers["cache-control"]).toBe("no-store");
  const refresh = await world.post("introspect", { token: body.refresh_token, token_type_hint: "access_token" });
  expect(refresh.body).toEqual({
    active: true,
    token_type: "refresh_token",
    client_id: acmeClientId,
    tenant: "acme",
    scope: "ims.register ims.voice",
    sid: claimsOf(body.access_token).sid,
    impu: body.ims.impu,
    iat: world.seconds,
    exp: world.seconds + 24 * 3600,
  });
});

test("another tenant's token, an ended, an expired, a used, a forged and no token are all just not active", async () => {
  const world = await open();
  const { body } = await world.exchange("mary");
  for (const token of [body.access_token, body.refresh_token]) {
    const foreign = { token, client_assertion: await world.otherAssertion() };
    expect((await world.post("introspect", foreign)).body).toEqual(inactive);
  }
  const used = body.refresh_token;
  const { body: next } = await world.refresh(used);
  const forged = await world.idToken("mary", { ...claimsOf(body.access_token) }, await keyPair("acme-client"));
  for (const token of [used, forged, "x", "a.b.c", "a.b.c.d.e", `${body.access_token}x`]) {
    expect((await world.post("introspect", { token })).body).toEqual(inactive);
  }
  world.pass(3600);
  expect((await world.post("introspect", { token: next.access_token })).body).toEqual(inactive);
  await world.revoke(next.refresh_token);
  expect((await world.post("introspect", { token: next.refresh_token })).body).toEqual(inactive);
});

test("WAF-04d WAF-05 a tenant with encrypted tokens gets them for the eP-CSCF alone, the IMPI in them", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "portico-waf-")), "recipient.json");
  const tokenRecipient = await recipientKey(keyFile(file));
  const world = await open({ tokenRecipient, tenants: [{ ...acme, encryptedTokens: true }, other] });
  const { body } = await world.exchange("mary");
  expect(body.access_token.split(".")).toHaveLength(5);
  expect(Buffer.from(body.access_token, "base64url").toString("latin1")).not.toContain("impu");
  // The key of the file is the key of the tokens, over a restart.
  const { privateKey } = await recipientKey(keyFile(file));
  const { plaintext, protectedHeader } = await compactDecrypt(body.access_token, privateKey);
  expect(protectedHeader).toMatchObject({ cty: "JWT", enc: "A256GCM" });
  const signed = new TextDecoder().decode(plaintext);
  expect(claimsOf(signed)).toMatchObject({ impu: "sip:u0001@acme.ims.test", impi: "u0001.acme@ims.test" });
  // The third party is told what the token says, without the IMPI.
  const { body: told } = await world.post("introspect", { token: body.access_token });
  expect(told).toMatchObject({ active: true, impu: "sip:u0001@acme.ims.test" });
  expect(told).not.toHaveProperty("impi");
  expect((await world.revoke(body.access_token)).status).toBe(200);
  expect(world.waf.isRevoked(sessionOf(signed))).toBe(true);
  const plain = await world.exchange("x", {
    client_assertion: await world.otherAssertion(),
    subject_token: await world.otherIdToken("x"),
  });
  expect(plain.body.access_token.split(".")).toHaveLength(3);
});

test("a damaged recipient key is refused and not quoted", async () => {
  await expect(recipientKey(keyFile("/nowhere/recipient.json"))).rejects.toMatchObject({ code: "key_file" });
});
