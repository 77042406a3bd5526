import { expect, test } from "vitest";
import { Accounts } from "../src/idp/accounts.ts";
import { MemoryAdapter } from "../src/idp/memoryAdapter.ts";
import { hashPassword, verifyPassword } from "../src/idp/passwords.ts";

test("a password fits its argon2id hash and no other, and each hash has a salt of its own", async () => {
  const [one, other] = await Promise.all([hashPassword("correct horse"), hashPassword("correct horse")]);
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
  expect(one).not.toBe(other);
  expect(await verifyPassword("correct horse", one)).toBe(true);
  expect(await verifyPassword("correct horsf", one)).toBe(false);
  expect(await verifyPassword("", one)).toBe(false);
});

test("a hash that is damaged or of another kind fits nothing", async () => {
  const hash = await hashPassword("x");
  for (const damaged of ["", "x", hash.slice(0, -10) + "!".repeat(10), hash.replace("argon2id", "argon2i"), `${hash}$`])
    expect(await verifyPassword("x", damaged)).toBe(false);
});

test("accounts come with a password or with its hash; the user name may be typed in capitals, with spaces around", async () => {
  const accounts = await Accounts.open([
    { username: "mary", name: "Mary Jones", password: "one" },
    { username: "ken", name: "Ken Adams", passwordHash: await hashPassword("two") },
  ]);
  expect(await accounts.verify(" Mary ", "one")).toEqual({ id: "mary", name: "Mary Jones" });
  expect(await accounts.verify("ken", "two")).toEqual({ id: "ken", name: "Ken Adams" });
  for (const [username, password] of [
    ["mary", "two"],
    ["ken", ""],
    ["__proto__", "one"],
    ["", ""],
  ] as const)
    expect(await accounts.verify(username, password)).toBeUndefined();
});

test("the identity provider's memory forgets in time, by grant, and when it is full", async () => {
  const adapter = new MemoryAdapter();
  await adapter.upsert("a", { uid: "u", grantId: "g" }, 60);
  expect(await adapter.findByUid("u")).toMatchObject({ grantId: "g" });
  await adapter.consume("a");
  expect(await adapter.find("a")).toHaveProperty("consumed");
  await adapter.upsert("b", { grantId: "g" }, 60);
  await adapter.revokeByGrantId("g");
  expect([await adapter.find("a"), await adapter.find("b")]).toEqual([undefined, undefined]);
  await adapter.upsert("late", {}, -1);
  expect(await adapter.find("late")).toBeUndefined();
  for (let count = 0; count <= 20_000; count += 1) await adapter.upsert(`n${count}`, {}, 60);
  expect(await adapter.find("n0")).toBeUndefined();
  expect(await adapter.find("n20000")).toEqual({});
});
