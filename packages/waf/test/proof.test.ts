import { randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { issuer, type KeyPair, keyPair, keys, World } from "./world.ts";

const key = await keyPair("proof");

async function open(): Promise<World> {
  const world = await World.open();
  onTestFinished(() => world.close());
  return world;
}

async function proof(
  world: World,
  o: { claims?: Record<string, unknown>; typ?: string; signer?: KeyPair; jwk?: KeyPair["public"] } = {},
): Promise<string> {
  const claims = { jti: randomUUID(), htm: "POST", htu: `${issuer}/token`, iat: world.seconds, ...o.claims };
  return await new SignJWT(claims)
    .setProtectedHeader({ alg: "ES256", typ: o.typ ?? "dpop+jwt", jwk: o.jwk ?? key.public })
    .sign((o.signer ?? key).private);
}

async function exchange(world: World, dpop: string): ReturnType<World["exchange"]> {
  return await world.exchange("mary", {}, { dpop });
}

test("a good proof binds the refresh token to its key", async () => {
  const world = await open();
  const { status, body } = await exchange(world, await proof(world));
  expect({ status, type: body["token_type"] }).toEqual({ status: 200, type: "Bearer" });
  expect((await world.refresh(body.refresh_token)).status).toBe(400);
  expect((await world.refresh(body.refresh_token, {}, { dpop: await proof(world) })).status).toBe(200);
});

test.each<[string, (world: World) => Promise<string>, string]>([
  ["signed by another key", (w) => proof(w, { signer: keys.acmeClient }), ""],
  ["of another kind", (w) => proof(w, { typ: "JWT" }), ""],
  ["for another method", (w) => proof(w, { claims: { htm: "GET" } }), "htm"],
  ["for another endpoint", (w) => proof(w, { claims: { htu: `${issuer}/revoke` } }), "htu"],
  ["that is old", (w) => proof(w, { claims: { iat: w.seconds - 200 } }), ""],
  ["without jti", (w) => proof(w, { claims: { jti: undefined } }), "jti"],
  ["that is no JWT", async () => "a.b.c", ""],
  ["that is none at all", async () => "", ""],
])("a proof %s is refused", async (_, make, why) => {
  const world = await open();
  const { status, body } = await exchange(world, await make(world));
  expect({ status, error: body.error }).toEqual({ status: 400, error: "invalid_dpop_proof" });
  expect(body["error_description"]).toContain(why);
});

test("a proof works once", async () => {
  const world = await open();
  const once = await proof(world);
  expect((await exchange(world, once)).status).toBe(200);
  expect((await exchange(world, once)).body.error).toBe("invalid_dpop_proof");
});
