import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { World } from "./world.ts";

const file = (): string => join(mkdtempSync(join(tmpdir(), "portico-waf-")), "keys.json");

async function open(keyFile: string): Promise<World> {
  const world = await World.open({ keyFile });
  onTestFinished(() => world.close());
  return world;
}

async function verifies(world: World, token: string): Promise<boolean> {
  const options = { currentDate: new Date(world.now) };
  const here = await jwtVerify(token, world.waf.verificationKeys, options).then(
    () => true,
    () => false,
  );
  const there = await jwtVerify(token, createLocalJWKSet(world.waf.jwks), options).then(
    () => true,
    () => false,
  );
  expect(here).toBe(there);
  return here;
}

test("the signing key is made once, for its owner only, and outlives a restart", async () => {
  const path = file();
  const before = await open(path);
  const { body } = await before.exchange("mary");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const after = await open(path);
  expect(after.waf.jwks).toEqual(before.waf.jwks);
  expect(await verifies(after, body.access_token)).toBe(true);
});

test("WAF-07a a rotated key signs, the one before still verifies, older ones no longer", async () => {
  const path = file();
  const world = await open(path);
  const first = (await world.exchange("mary")).body.access_token;
  await world.waf.rotateKey();
  const second = (await world.exchange("mary")).body.access_token;
  expect(await Promise.all([first, second].map((token) => verifies(world, token)))).toEqual([true, true]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await world.waf.rotateKey();
  expect(await verifies(world, first)).toBe(false);
  expect(await verifies(world, second)).toBe(true);
  expect((await open(path)).waf.jwks).toEqual(world.waf.jwks);
});

test.skipIf(process.platform === "win32")("a key file that others can read is refused", async () => {
  const path = file();
  await open(path);
  chmodSync(path, 0o644);
  await expect(World.open({ keyFile: path })).rejects.toMatchObject({ code: "key_file" });
});

test.each(["", "{", "[]", '{"keys":[]}', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', '{"keys":[{"kty":"EC"}]}'])(
  "a damaged key file (%s) is refused, not replaced, and not quoted",
  async (content) => {
    const path = file();
    writeFileSync(path, content, { mode: 0o600 });
    await expect(World.open({ keyFile: path })).rejects.toMatchObject({
      code: "key_file",
      message: expect.not.stringContaining("c2VjcmV0"),
    });
    expect(readFileSync(path, "utf8")).toBe(content);
  },
);

test("a folder that is not there is named in the error", async () => {
  await expect(World.open({ keyFile: "/nowhere/keys.json" })).rejects.toMatchObject({
    code: "key_file",
    message: expect.stringContaining("/nowhere/keys.json"),
  });
});
