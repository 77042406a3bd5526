import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openStore, type Store } from "../../src/index.ts";
import { openPostgres } from "../../src/postgres.ts";
import { backupTests } from "../conformance/backup.ts";
import { conformanceTests } from "../conformance/index.ts";
import { assign, entry, lease } from "../entries.ts";
import { migrations } from "../../src/migrations/index.ts";
import { expectForward, histories } from "../histories.ts";
import { fillBlock, take } from "../load/flow.ts";
import { plansOf } from "../plans.ts";
import { noPostgres, PostgresServer } from "../postgresServer.ts";
import { TurnCounter } from "../turnCounter.ts";

describe.skipIf(noPostgres !== undefined)(
  `PostgreSQL${noPostgres === undefined ? "" : ` (skipped: ${noPostgres})`}`,
  () => {
    let server: PostgresServer;
    beforeAll(async () => {
      server = await PostgresServer.start(false);
    });
    afterAll(() => server.stop());
    const open = (schema = server.newSchema()): Promise<Store> => openStore({ postgres: server.url, schema });

    /** The same schema again and again, emptied: making the tables takes longer than a test. */
    conformanceTests(async () => {
      const store = await open("conformance");
      const [all] = await server.query<{ names: string }>(
        `select string_agg(format('conformance.%I', tablename), ', ') as names from pg_tables
         where schemaname = 'conformance' and tablename not like 'kysely%'`,
      );
      await server.query(`truncate ${all?.names}`);
      return store;
    });

    describe("backup", () => {
      backupTests(
        async () => ({ postgres: server.url, schema: server.newSchema() }),
        async () => {
          const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
          onTestFinished(() => rmSync(folder, { recursive: true }));
          return { sqlite: join(folder, "waf.db") };
        },
      );
    });

    test("WWSF-04a no statement of a lease reads more of a block for its being large: none scans or sorts it", async () => {
      const schema = server.newSchema();
      const store = await open(schema);
      await fillBlock(store, 10_000);
      await store.close();
      await server.query(`analyze ${schema}.block_entry`);
      const plans = await plansOf(openPostgres({ postgres: server.url, schema }, true), "explain");
      expect(plans.size).toBeGreaterThan(20);
      expect([...plans].filter(([, plan]) => /Seq Scan on (block_entry|"block_entry)/.test(plan))).toEqual([]);
      const next = [...plans].filter(([text]) => text.includes('order by "free_at"') && !text.includes('"impu" ='));
      expect(next.length).toBeGreaterThan(0);
      for (const [, plan] of next) {
        expect(plan).toMatch(/Index Scan using block_entry_next/);
        expect(plan).not.toContain("Sort");
      }
    });

    test("an assignment that ends while a registration under it is being noted waits for that, and rests as long", async () => {
      const store = await open();
      const { impu } = entry(1);
      await store.blocks.define([entry(1)]);
      await assign(store, impu, "mary");
      await lease(store, { id: "a", impu, assignmentId: "mary@0", tokenUntil: 1000 });
      const waiting = "select from pg_stat_activity where wait_event_type = 'Lock'";
      const ending = await store.transaction(async ({ leases }) => {
        await leases.register("a", 500_000);
        const end = store.assignments.end("mary@0", 10, "ended", 50);
        await expect.poll(() => server.query(waiting)).toHaveLength(1);
        return { end };
      });
      expect(await ending.end).toBe(true);
      expect(await store.blocks.free("acme", 499_999)).toBeUndefined();
      expect(await store.blocks.free("acme", 500_000)).toMatchObject({ impu });
      await store.close();
    });

    test("what was written is there after the database is opened again, and two schemas know nothing of each other", async () => {
      const schema = server.newSchema();
      const store = await open(schema);
      await store.blocks.define([entry(1), entry(2)]);
      await assign(store, entry(1).impu, "mary", 1_900_000_000_000);
      await store.close();
      await store.close();
      const [again, other] = [await open(schema), await open()];
      const held = await again.assignments.holding(entry(1).impu);
      expect(held).toMatchObject({ subject: "mary", startedAt: 1_900_000_000_000, endedAt: undefined });
      expect(await other.blocks.all()).toEqual([]);
      await again.close();
      await other.close();
    });

    test("several processes that open a new database at once make its tables once", async () => {
      const schema = server.newSchema();
      const stores = await Promise.all([1, 2, 3].map(() => open(schema)));
      await stores[0]?.suspensions.add("acme", 1);
      expect(await stores[2]?.suspensions.all()).toEqual(["acme"]);
      await Promise.all(stores.map((store) => store.close()));
    });

    test("WWSF-04a users who come at once get one identity each, from the last free ones, and the same user the same", async () => {
      const store = await open();
      await store.blocks.define([entry(1), entry(2), entry(3)]);
      const hold = (subject: string): Promise<string | undefined> =>
        store.transaction(async (tables) => {
          const held = await tables.assignments.of({ tenant: "acme", issuer: "https://idp.acme.test", subject });
          if (held !== undefined) return held.impu;
          const impu = (await tables.blocks.free("acme", 0))?.impu;
          if (impu !== undefined) await assign(tables, impu, subject);
          return impu;
        });
      const given = await Promise.all(["a", "b", "c", "a", "b", "c", "a", "b", "c"].map(hold));
      const impus = given.filter((impu) => impu !== undefined);
      expect(new Set(impus).size).toBe(3);
      for (const [n, subject] of ["a", "b", "c"].entries()) {
        const impu = given[n] ?? given[n + 3] ?? given[n + 6];
        const holder = await store.assignments.holding(impu ?? "");
        expect(holder?.subject).toBe(subject);
      }
      await store.close();
    });

    test("WWSF-04a a lease waits for the server five times, commit included: each answer that nothing goes on by is passed over", async () => {
      const wire = await TurnCounter.before(server);
      const store = await openStore({ postgres: wire.url, schema: server.newSchema() });
      await fillBlock(store, 10);
      // The first of a connection prepares its statements.
      for (const user of ["mary", "ken"]) {
        const turns = wire.turns;
        expect(await take(store, user)).toBeDefined();
        expect(wire.turns - turns).toBe(5);
      }
      await store.close();
      await wire.close();
    });

    test("WWSF-04a what nobody waited for and failed fails the transaction with its own error, and nothing of it is kept", async () => {
      const store = await open();
      await store.blocks.define([entry(1), entry(2)]);
      await assign(store, entry(1).impu, "mary");
      let attempts = 0;
      const twice = store.transaction(async (tables) => {
        attempts += 1;
        await tables.suspensions.add("acme", 1);
        await assign(tables, entry(1).impu, "ken");
        await tables.blocks.find(entry(2).impu);
      });
      await expect(twice).rejects.toMatchObject({ code: "23505", constraint: "assignment_one_holder" });
      expect(attempts).toBe(5);
      const last = store.transaction(async (tables) => {
        await tables.suspensions.add("acme", 1);
        await assign(tables, entry(2).impu, "mary");
      });
      await expect(last).rejects.toMatchObject({ code: "23505" });
      expect(await store.suspensions.all()).toEqual([]);
      expect(await store.assignments.holding(entry(1).impu)).toMatchObject({ subject: "mary" });
      expect(await store.assignments.holding(entry(2).impu)).toBeUndefined();
      await store.close();
    });

    test("a server that is cut off gets its own error, keeps nothing by halves, and is found again when it is back", async () => {
      const store = await open();
      await store.suspensions.add("acme", 1);
      const cut = store.transaction(async ({ suspensions }) => {
        await suspensions.add("other", 1);
        await server.kill("SIGINT");
        await suspensions.add("third", 1);
      });
      await expect(cut).rejects.toMatchObject({ name: "StoreError", code: "store/unreachable" });
      await expect(store.suspensions.all()).rejects.toMatchObject({ code: "store/unreachable" });
      await server.run();
      expect(await store.suspensions.all()).toEqual(["acme"]);
      await store.suspensions.add("other", 2);
      expect((await store.suspensions.all()).toSorted()).toEqual(["acme", "other"]);
      await store.close();
    });

    test("a row that another keeps locked is waited for, and then refused with its own error", async () => {
      const store = await open();
      await store.blocks.define([entry(1)]);
      await assign(store, entry(1).impu, "mary");
      const held = Promise.withResolvers<void>();
      const locked = Promise.withResolvers<void>();
      const first = store.transaction(async ({ assignments }) => {
        await assignments.holding(entry(1).impu);
        locked.resolve();
        await held.promise;
      });
      await locked.promise;
      await expect(store.assignments.end("mary@0", 1, "left", 1)).rejects.toMatchObject({ code: "store/busy" });
      held.resolve();
      await first;
      expect(await store.assignments.end("mary@0", 1, "left", 1)).toBe(true);
      await store.close();
    });

    test.each(histories.map((history): [string, readonly string[]] => [history.join(" "), history]))(
      "a database that has been through %s is brought up to date with all its rows",
      async (_, history) => {
        const schema = server.newSchema();
        const run = (sql: string): Promise<unknown> =>
          server.query(sql.replaceAll(/^insert into /gm, `insert into ${schema}.`));
        await expectForward({ postgres: server.url, schema }, history, run);
        const done = await server.query(`select name from ${schema}.kysely_migration`);
        expect(done).toHaveLength(Object.keys(migrations).length);
      },
    );

    test("statements prepared before a newer release changed their tables go on, in a transaction and outside", async () => {
      const schema = server.newSchema();
      const store = await open(schema);
      await store.blocks.define([entry(1)]);
      const found = { impu: entry(1).impu };
      const inside = (): Promise<unknown> => store.transaction(({ blocks }) => blocks.find(entry(1).impu));
      const outside = (): Promise<unknown> => store.blocks.find(entry(1).impu);
      for (const [column, ways] of [
        ["later", [outside, inside]],
        ["later_still", [inside, outside]],
      ] as const) {
        for (const find of ways) expect(await find()).toMatchObject(found);
        await server.query(`alter table ${schema}.block_entry add column ${column} text`);
        for (const find of ways) expect(await find()).toMatchObject(found);
      }
      await store.close();
    });

    test("a database or user that is unknown, a newer release and a strange schema each get their own error", async () => {
      const unknown = server.url.replace("/postgres?", "/nowhere?");
      await expect(openStore({ postgres: unknown })).rejects.toMatchObject({ code: "store/open" });
      await expect(openStore({ postgres: server.url.replace("postgres@", "nobody@") })).rejects.toMatchObject({
        code: "store/open",
      });
      await expect(open('x"; drop table x')).rejects.toMatchObject({ code: "store/open" });
      await expect(openStore({ postgres: "postgresql://u:secret@127.0.0.1:1/db" })).rejects.toSatisfy(
        (error: Error) => "code" in error && error.code === "store/unreachable" && !error.message.includes("secret"),
      );
      const schema = server.newSchema();
      await (await open(schema)).close();
      await server.query(`insert into ${schema}.kysely_migration values ('999-later', '2030-01-01')`);
      await expect(open(schema)).rejects.toMatchObject({ code: "store/newer" });
    });
  },
);
