import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openStore, type Store, type StoredEntry } from "../src/index.ts";

const file = (): string => join(mkdtempSync(join(tmpdir(), "portico-store-")), "waf.db");
const entry = (ordinal: number, tenant = "acme"): StoredEntry => ({
  tenant,
  ordinal,
  impu: `sip:u${ordinal}@${tenant}.ims.test`,
  impi: `u${ordinal}.${tenant}@ims.test`,
  tel: undefined,
});
const assign = (store: Store, impu: string, subject: string, startedAt = 0): Promise<void> =>
  store.assignments.begin({
    id: `${subject}@${startedAt}`,
    tenant: "acme",
    issuer: "https://idp.acme.test",
    subject,
    impu,
    pseudonym: "p",
    startedAt,
  });

test("what was written is there after the file is opened again, in a file only its owner reads", async () => {
  const path = file();
  const store = await openStore(path);
  expect(await store.blocks.define([entry(1), entry(2)])).toEqual([]);
  await assign(store, entry(1).impu, "mary");
  await store.close();
  await store.close();
  const again = await openStore(path);
  expect(await again.assignments.holding(entry(1).impu)).toMatchObject({ subject: "mary", endedAt: undefined });
  expect(await again.blocks.find(entry(2).impu)).toEqual(entry(2));
  await again.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("the journal is a write-ahead log", async () => {
  const path = file();
  const store = await openStore(path);
  const other = new DatabaseSync(path);
  expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  other.close();
  await store.close();
});

test("two stores on one file wait for each other and lose nothing", async () => {
  const path = file();
  const one = await openStore(path);
  const two = await openStore(path);
  const added = await Promise.all(
    Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? one : two).assertions.add("acme", `id-${n >> 1}`, 10)),
  );
  expect(added.filter(Boolean)).toHaveLength(50);
  await one.close();
  await two.close();
});

test("a transaction that throws leaves nothing behind", async () => {
  const store = await openStore(":memory:");
  await expect(
    store.transaction(async ({ suspensions }) => {
      await suspensions.add("acme", 1);
      throw new Error("stop");
    }),
  ).rejects.toThrow("stop");
  expect(await store.suspensions.all()).toEqual([]);
  await store.close();
});

test("WWSF-04a the table itself refuses a second holder of an identity and a second identity of a user", async () => {
  const store = await openStore(":memory:");
  await store.blocks.define([entry(1), entry(2)]);
  await assign(store, entry(1).impu, "mary");
  await expect(assign(store, entry(1).impu, "ken", 1)).rejects.toThrow(/UNIQUE/);
  await expect(assign(store, entry(2).impu, "mary", 1)).rejects.toThrow(/UNIQUE/);
  await store.close();
});

test("an identity rests through its quarantine, and the one that has rested longest is next", async () => {
  const store = await openStore(":memory:");
  await store.blocks.define([entry(1), entry(2)]);
  expect(await store.blocks.free("acme", { now: 0, skew: 0 })).toBe(entry(1).impu);
  await assign(store, entry(1).impu, "mary");
  await store.blocks.touch(entry(1).impu, 10);
  expect(await store.blocks.free("acme", { now: 0, skew: 0 })).toBe(entry(2).impu);
  expect(await store.blocks.free("acme", { now: 0, skew: 0 }, entry(1).impu)).toBeUndefined();
  await store.assignments.end("mary@0", 10, "ended", 50);
  await assign(store, entry(2).impu, "ken", 11);
  expect(await store.blocks.free("acme", { now: 49, skew: 0 })).toBeUndefined();
  expect(await store.blocks.free("acme", { now: 50, skew: 0 })).toBe(entry(1).impu);
  await store.assignments.end("ken@11", 12, "ended", 20);
  await store.blocks.touch(entry(2).impu, 12);
  expect(await store.blocks.free("acme", { now: 50, skew: 0 })).toBe(entry(1).impu);
  expect(await store.assignments.history(entry(1).impu, 10)).toMatchObject([{ startedAt: 0, endedAt: 10 }]);
  await store.close();
});

test("a block may grow and shrink; an entry of another tenant is a clash", async () => {
  const store = await openStore(":memory:");
  await store.blocks.define([entry(1), entry(2)]);
  expect(await store.blocks.define([entry(2), entry(3)])).toEqual([]);
  expect(await store.blocks.find(entry(1).impu)).toBeUndefined();
  expect(await store.blocks.free("acme", { now: 0, skew: 0 })).toBe(entry(2).impu);
  expect(await store.blocks.define([entry(1), entry(2)])).toEqual([]);
  expect(await store.blocks.all()).toEqual([entry(1), entry(2)]);
  const stolen = { ...entry(9, "other"), impi: entry(3).impi };
  expect(await store.blocks.define([entry(3), stolen])).toEqual([stolen.impu]);
  expect(await store.blocks.define([entry(4), entry(4)])).toEqual([entry(4).impu]);
  expect(await store.blocks.all()).toEqual([entry(1), entry(2)]);
  await store.close();
});

test("a file that is no database, a missing folder and a newer release each get their own error", async () => {
  const text = file();
  writeFileSync(text, "a text, and longer than the header of a database ".repeat(20));
  await expect(openStore(text)).rejects.toMatchObject({ code: "store/open" });
  await expect(openStore("/nowhere/at/all.db")).rejects.toMatchObject({ code: "store/open" });
  const path = file();
  await (await openStore(path)).close();
  const raw = new DatabaseSync(path);
  raw.exec("INSERT INTO kysely_migration VALUES ('999-later', '2030-01-01')");
  raw.close();
  await expect(openStore(path)).rejects.toMatchObject({
    code: "store/newer",
    remedy: expect.stringContaining("release"),
  });
});

test("forgetting leases reads only what is forgotten, however long the audit is", async () => {
  const path = file();
  const store = await openStore(path);
  const raw = new DatabaseSync(path);
  for (const statement of ["SELECT 1 FROM issued_token WHERE lease_id = 'l'", "DELETE FROM lease WHERE ended_at < 1"]) {
    const plan = raw.prepare(`EXPLAIN QUERY PLAN ${statement}`).all();
    expect(plan.map(({ detail }) => detail)).not.toContainEqual(expect.stringMatching(/^SCAN/));
  }
  raw.close();
  await store.close();
});
