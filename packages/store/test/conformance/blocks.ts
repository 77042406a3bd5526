import { expect, test } from "vitest";
import type { Store } from "../../src/index.ts";
import { assign, entry, lease } from "../entries.ts";

export function blocksTests(open: () => Promise<Store>): void {
  test("WWSF-04a the table itself refuses a second holder of an identity and a second identity of a user", async () => {
    const store = await open();
    await store.blocks.define([entry(1), entry(2)]);
    await assign(store, entry(1).impu, "mary");
    await expect(assign(store, entry(1).impu, "ken", 1)).rejects.toThrow(/unique/i);
    await expect(assign(store, entry(2).impu, "mary", 1)).rejects.toThrow(/unique/i);
    expect(await store.blocks.count("acme", 0)).toEqual({ size: 2, free: 1 });
    await store.close();
  });

  test("WWSF-06b an identity rests through its quarantine, and the one that has been free for longest is next", async () => {
    const store = await open();
    await store.blocks.define([entry(1), entry(2)]);
    expect(await store.blocks.free("acme", 0)).toMatchObject({ impu: entry(1).impu });
    await assign(store, entry(1).impu, "mary");
    expect(await store.blocks.free("acme", 0)).toMatchObject({ impu: entry(2).impu });
    expect(await store.blocks.free("acme", 0, { impu: entry(1).impu })).toBeUndefined();
    expect(await store.assignments.end("mary@0", 10, "ended", 50)).toBe(true);
    expect(await store.assignments.end("mary@0", 11, "ended", 90)).toBe(false);
    await assign(store, entry(2).impu, "ken", 11);
    expect(await store.blocks.free("acme", 49)).toBeUndefined();
    expect(await store.blocks.free("acme", 50)).toMatchObject({ impu: entry(1).impu });
    await store.assignments.end("ken@11", 12, "ended", 20);
    expect(await store.blocks.free("acme", 50)).toMatchObject({ impu: entry(2).impu });
    expect(await store.assignments.history(entry(1).impu, 10)).toMatchObject([{ startedAt: 0, endedAt: 10 }]);
    await store.close();
  });

  test("WWSF-06a an identity rests until the last token, its skew, and the last registration are over", async () => {
    const store = await open();
    const { impu } = entry(1);
    await store.blocks.define([entry(1)]);
    await assign(store, impu, "mary");
    for (const [id, tokenUntil] of [
      ["a", 100_000],
      ["b", 90_000],
    ] as const) {
      await lease(store, { id, impu, assignmentId: "mary@0", tokenUntil });
    }
    await store.leases.register("b", 500_000);
    await store.assignments.end("mary@0", 10, "ended", 50);
    expect(await store.blocks.free("acme", 499_999)).toBeUndefined();
    expect(await store.blocks.free("acme", 500_000)).toMatchObject({ impu });
    // The core has confirmed the de-registration.
    await store.leases.register("b", null);
    expect(await store.blocks.free("acme", 159_999)).toBeUndefined();
    expect(await store.blocks.free("acme", 160_000)).toMatchObject({ impu });
    // A late registration under the ended lease.
    await store.leases.register("a", 170_000);
    expect(await store.blocks.free("acme", 160_000)).toBeUndefined();
    await store.close();
  });

  test("ADM-03a a block may grow and shrink; an entry of another tenant or block is a clash", async () => {
    const store = await open();
    await store.blocks.define([entry(1), entry(2)]);
    expect(await store.blocks.define([entry(2), entry(3)])).toEqual([]);
    expect(await store.blocks.find(entry(1).impu)).toBeUndefined();
    expect(await store.blocks.free("acme", 0)).toMatchObject({ impu: entry(2).impu });
    expect(await store.blocks.define([entry(1), entry(2)])).toEqual([]);
    expect(await store.blocks.all()).toEqual([entry(1), entry(2)]);
    const stolen = entry(9, { tenant: "other", impi: entry(3).impi });
    expect(await store.blocks.define([entry(3), stolen])).toEqual([stolen.impu]);
    expect(await store.blocks.define([entry(4), entry(4)])).toEqual([entry(4).impu]);
    expect(await store.blocks.define([entry(1, { block: "guests" })])).toEqual([entry(1).impu]);
    expect(await store.blocks.all()).toEqual([entry(1), entry(2)]);
    await store.close();
  });

  test("ADM-03b entries are added in bulk and withdrawn; the configuration's word on its own leaves them alone", async () => {
    const store = await open();
    const many = Array.from({ length: 1200 }, (_, n) =>
      entry(n + 1, { block: "guests", tel: `+1212555${String(n).padStart(4, "0")}` }),
    );
    expect(await store.blocks.add(many)).toEqual([]);
    expect(await store.blocks.count("acme", 0)).toEqual({ size: 1200, free: 1200 });
    expect(await store.blocks.define([entry(1, { tenant: "other" })])).toEqual([]);
    expect(await store.blocks.count("acme", 0)).toEqual({ size: 1200, free: 1200 });
    const sameNumber = entry(5000, { tel: "+12125550007" });
    expect(await store.blocks.add([entry(4000), sameNumber])).toEqual([sameNumber.impu]);
    expect(await store.blocks.find(entry(4000).impu)).toBeUndefined();
    const gone = many.slice(0, 700).map(({ impu }) => impu);
    expect(await store.blocks.withdraw([...gone, "sip:nobody@acme.ims.test"])).toBe(700);
    expect(await store.blocks.withdraw(gone)).toBe(0);
    expect(await store.blocks.count("acme", 0)).toEqual({ size: 500, free: 500 });
    expect(await store.blocks.add(many)).toEqual([]);
    expect(await store.blocks.count("acme", 0)).toEqual({ size: 1200, free: 1200 });
    expect(await store.blocks.free("acme", 0, { block: "main" })).toBeUndefined();
    expect(await store.blocks.free("acme", 0, { block: "guests" })).toMatchObject({ impu: many[0]?.impu });
    await store.close();
  });

  test("entries are listed by block and place, page by page, with their states", async () => {
    const store = await open();
    const guests = [1, 2, 3].map((n) =>
      entry(n, { block: "guests", impu: `sip:g${n}@acme.ims.test`, impi: `g${n}@ims.test` }),
    );
    const staff = [1, 2, 10].map((n) => entry(n, { block: "staff" }));
    await store.blocks.add([...staff, ...guests, entry(1, { tenant: "other" })]);
    await assign(store, "sip:u2@acme.ims.test", "mary");
    await assign(store, "sip:u10@acme.ims.test", "ken");
    await store.assignments.end("ken@0", 10, "ended", 50);
    await store.blocks.withdraw(["sip:g2@acme.ims.test"]);
    const seen: string[] = [];
    for (let after: string | undefined; ;) {
      const page = await store.blocks.page("acme", { now: 20, limit: 2, ...(after === undefined ? {} : { after }) });
      seen.push(...page.map(({ impu, state }) => `${impu.slice(4, -14)} ${state}`));
      after = page.at(-1)?.impu;
      if (after === undefined) break;
    }
    expect(seen).toEqual(["g1 free", "g3 free", "u1 free", "u2 held", "u10 resting"]);
    const [withdrawn, ...more] = await store.blocks.page("acme", { now: 20, limit: 9, state: "withdrawn" });
    expect(withdrawn).toEqual({ ...guests[1], state: "withdrawn", source: "api" });
    expect(more).toEqual([]);
    for (const [state, impus] of [
      ["held", ["sip:u2@acme.ims.test"]],
      ["resting", ["sip:u10@acme.ims.test"]],
      ["free", ["sip:u1@acme.ims.test"]],
    ] as const) {
      const page = await store.blocks.page("acme", { now: 20, limit: 9, block: "staff", state });
      expect(page.map(({ impu }) => impu)).toEqual(impus);
    }
    expect(await store.blocks.page("acme", { now: 20, limit: 9, after: "sip:nobody@acme.ims.test" })).toEqual([]);
    await store.close();
  });
}
