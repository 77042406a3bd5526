import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openStore } from "../src/index.ts";
import { assign, entry } from "./entries.ts";

const file = (): string => join(mkdtempSync(join(tmpdir(), "portico-store-")), "waf.db");
test("what was written is there after the file is opened again, in a file only its owner reads", async () => {
  const path = file();
  const store = await openStore({ sqlite: path });
  expect(await store.blocks.define([entry(1), entry(2)])).toEqual([]);
  await assign(store, entry(1).impu, "mary");
  await store.close();
  await store.close();
  const again = await openStore({ sqlite: path });
  expect(await again.assignments.holding(entry(1).impu)).toMatchObject({ subject: "mary", endedAt: undefined });
  expect(await again.blocks.find(entry(2).impu)).toEqual(entry(2));
  await again.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("the journal is a write-ahead log", async () => {
  const path = file();
  const store = await openStore({ sqlite: path });
  const other = new DatabaseSync(path);
  expect(other.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
  other.close();
  await store.close();
});

test("two stores on one file wait for each other and lose nothing", async () => {
  const path = file();
  const one = await openStore({ sqlite: path });
  const two = await openStore({ sqlite: path });
  const added = await Promise.all(
    Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? one : two).assertions.add("acme", `id-${n >> 1}`, 10)),
  );
  expect(added.filter(Boolean)).toHaveLength(50);
  await one.close();
  await two.close();
});

test("a transaction that throws leaves nothing behind", async () => {
  const store = await openStore({ sqlite: ":memory:" });
  await expect(
    store.transaction(async ({ suspensions }) => {
      await suspensions.add("acme", 1);
      throw new Error("stop");
    }),
  ).rejects.toThrow("stop");
  expect(await store.suspensions.all()).toEqual([]);
  await store.close();
});

test("a file that is no database, a missing folder and a newer release each get their own error", async () => {
  const text = file();
  writeFileSync(text, "a text, and longer than the header of a database ".repeat(20));
  await expect(openStore({ sqlite: text })).rejects.toMatchObject({ code: "store/open" });
  await expect(openStore({ sqlite: "/nowhere/at/all.db" })).rejects.toMatchObject({ code: "store/open" });
  const path = file();
  await (await openStore({ sqlite: path })).close();
  const raw = new DatabaseSync(path);
  raw.exec("INSERT INTO kysely_migration VALUES ('999-later', '2030-01-01')");
  raw.close();
  await expect(openStore({ sqlite: path })).rejects.toMatchObject({
    code: "store/newer",
    remedy: expect.stringContaining("release"),
  });
});

test("forgetting leases reads only what is forgotten, however long the audit is", async () => {
  const path = file();
  const store = await openStore({ sqlite: path });
  const raw = new DatabaseSync(path);
  for (const statement of ["SELECT 1 FROM issued_token WHERE lease_id = 'l'", "DELETE FROM lease WHERE ended_at < 1"]) {
    const plan = raw.prepare(`EXPLAIN QUERY PLAN ${statement}`).all();
    expect(plan.map(({ detail }) => detail)).not.toContainEqual(expect.stringMatching(/^SCAN/));
  }
  raw.close();
  await store.close();
});
