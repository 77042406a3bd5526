import { expect, test } from "vitest";
import { openStore, type StoredRegistration } from "../src/index.ts";

const registration = (key: string, more: Partial<StoredRegistration> = {}): StoredRegistration => ({
  key,
  impu: `sip:${key}@acme.ims.test`,
  impi: `${key}.acme@ims.test`,
  tenant: "acme",
  sessionId: "lease-1",
  contact: `<sip:${key}@192.0.2.1:5060>;reg-id=1`,
  path: "sip:flow.mac@192.0.2.1:5060;lr;ob",
  grantedUntil: 1_900_000_000_000,
  ...more,
});

test("registrations are kept by node and key: saved anew, removed, and another node's stay apart", async () => {
  const store = await openStore({ sqlite: ":memory:" });
  await store.registrations.save("a", [registration("u1"), registration("u2")]);
  await store.registrations.save("b", [registration("u1", { sessionId: "lease-9" })]);
  await store.registrations.save("a", [registration("u1", { path: "sip:new@192.0.2.1" })]);
  expect(await store.registrations.all("a")).toEqual([
    registration("u1", { path: "sip:new@192.0.2.1" }),
    registration("u2"),
  ]);
  await store.registrations.remove("a", ["u1", "u2", "u3"]);
  expect(await store.registrations.all("a")).toEqual([]);
  expect(await store.registrations.all("b")).toEqual([registration("u1", { sessionId: "lease-9" })]);
  await store.close();
});

test("thousands are written and removed at once; none is nothing", async () => {
  const store = await openStore({ sqlite: ":memory:" });
  const all = Array.from({ length: 5001 }, (_, n) => registration(`u${n}`));
  await store.registrations.save("a", all);
  expect(await store.registrations.all("a")).toHaveLength(5001);
  await store.registrations.remove(
    "a",
    all.map(({ key }) => key),
  );
  await store.registrations.save("a", []);
  await store.registrations.remove("a", []);
  expect(await store.registrations.all("a")).toEqual([]);
  await store.close();
});
