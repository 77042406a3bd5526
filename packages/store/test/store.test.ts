import { existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { openStore } from "../src/index.ts";
import { openSqlite } from "../src/sqlite.ts";
import { assign, entry } from "./entries.ts";
import { fillBlock } from "./load/flow.ts";
import { plansOf } from "./plans.ts";

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

test(
  "the write-ahead log is moved into the file by a thread of its own, does not grow for ever, and is gone at the end",
  { timeout: 60_000 },
  async () => {
    const path = file();
    const store = await openStore({ sqlite: path });
    const pages = (): number => statSync(path).size;
    await store.settled();
    const empty = pages();
    const log = (): number => statSync(`${path}-wal`).size;
    const bound = 33 * 1024 * 1024;
    let written = 0;
    const write = async (until: number): Promise<void> => {
      while (written < until) await store.assertions.add("talk.acme.test", `${written++}-${"x".repeat(20_000)}`, 1);
    };
    // Far too few for a commit to empty the log itself.
    await write(250);
    expect(log()).toBeLessThan(bound / 2);
    await expect.poll(pages, { timeout: 15_000 }).toBeGreaterThan(empty);
    await write(1000);
    expect(log()).toBeLessThan(bound);
    await store.close();
    expect(existsSync(`${path}-wal`)).toBe(false);
    const again = await openStore({ sqlite: path });
    expect(await again.assertions.add("talk.acme.test", `999-${"x".repeat(20_000)}`, 1)).toBe(false);
    await again.close();
  },
);

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

test("WWSF-04a no statement of a lease reads more of a block for its being large: none scans or sorts", async () => {
  const path = file();
  const store = await openStore({ sqlite: path });
  await fillBlock(store, 1000);
  await store.close();
  const plans = await plansOf(openSqlite(path), "explain query plan");
  expect(plans.size).toBeGreaterThan(20);
  const slow = [...plans].filter(([, plan]) => /SCAN (?!times|\(subquery|\d)|TEMP B-TREE/.test(plan));
  expect(slow).toEqual([]);
  const next = [...plans].filter(([text]) => text.includes('order by "free_at"')).map(([, plan]) => plan);
  expect(next).toEqual([
    expect.stringContaining("block_entry_next "),
    expect.stringContaining("block_entry_next_of_block "),
    expect.stringContaining("sqlite_autoindex_block_entry_1 "),
  ]);
});
