import { chmodSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { keyFile } from "../src/index.ts";
import { World } from "./world.ts";

const file = (): string => join(mkdtempSync(join(tmpdir(), "portico-waf-")), "keys.json");

async function open(path: string): Promise<World> {
  const world = await World.open({ signingKeys: keyFile(path) });
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

const kidOf = (token: string): unknown => decodeProtectedHeader(token).kid;
const published = (world: World): unknown[] => world.waf.jwks.keys.map(({ kid }) => kid);

test("WAF-07a a new key is published before it signs, and the one before until its last token has ended", async () => {
  const path = file();
  const world = await open(path);
  const first = (await world.exchange("mary")).body.access_token;
  await world.waf.rotateKey();
  expect(published(world)).toHaveLength(2);
  const meanwhile = (await world.exchange("mary")).body.access_token;
  expect(kidOf(meanwhile)).toBe(kidOf(first));
  world.pass(600);
  const second = (await world.exchange("mary")).body.access_token;
  expect(kidOf(second)).not.toBe(kidOf(first));
  expect(await Promise.all([first, meanwhile, second].map((token) => verifies(world, token)))).toEqual([
    true,
    true,
    true,
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  // A token of the last moment lives an hour, for a verifier whose clock is a minute late.
  world.pass(3659);
  await world.waf.notice();
  expect(published(world)).toContain(kidOf(first));
  world.pass(1);
  await world.waf.notice();
  expect(published(world)).toEqual([kidOf(second)]);
  expect((await open(path)).waf.jwks).toEqual(world.waf.jwks);
});

test("WAF-07a a key that is no longer trusted is replaced at once", async () => {
  const world = await open(file());
  const first = (await world.exchange("mary")).body.access_token;
  await world.waf.rotateKey({ atOnce: true });
  const second = (await world.exchange("mary")).body.access_token;
  expect(kidOf(second)).not.toBe(kidOf(first));
  expect(await verifies(world, first)).toBe(true);
});

test("WAF-07a the next key is made by itself, and never during another's lead", async () => {
  const world = await open(file());
  await world.waf.rotateKey({ atOnce: true });
  const [key] = published(world);
  world.pass(90 * 24 * 3600 - 601);
  await world.waf.notice();
  expect(published(world)).toEqual([key]);
  world.pass(1);
  await world.waf.notice();
  await world.waf.notice();
  expect(published(world)).toHaveLength(2);
  expect(kidOf((await world.exchange("mary")).body.access_token)).toBe(key);
});

test("a key that another portal with the same file has made is published here too, before it signs there", async () => {
  const path = file();
  const [one, two] = [await open(path), await open(path)];
  await one.waf.rotateKey();
  await two.waf.notice();
  expect(two.waf.jwks).toEqual(one.waf.jwks);
});

test.skipIf(process.platform === "win32")("a key file that others can read is refused", async () => {
  const path = file();
  await open(path);
  chmodSync(path, 0o644);
  await expect(World.open({ signingKeys: keyFile(path) })).rejects.toMatchObject({ code: "key_file" });
});

test.each(["", "{", "[]", '{"keys":[]}', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}', '{"keys":[{"kty":"EC"}]}'])(
  "a damaged key file (%s) is refused, not replaced, and not quoted",
  async (content) => {
    const path = file();
    writeFileSync(path, content, { mode: 0o600 });
    await expect(World.open({ signingKeys: keyFile(path) })).rejects.toMatchObject({
      code: "key_file",
      message: expect.not.stringContaining("c2VjcmV0"),
    });
    expect(readFileSync(path, "utf8")).toBe(content);
  },
);

test("a folder that is not there is named in the error", async () => {
  await expect(World.open({ signingKeys: keyFile("/nowhere/keys.json") })).rejects.toMatchObject({
    code: "key_file",
    message: expect.stringContaining("/nowhere/keys.json"),
  });
});
