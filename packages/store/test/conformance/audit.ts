import { expect, test } from "vitest";
import { type Store, verifyAudit } from "../../src/index.ts";
import { auditEvent, checkpoints, fill, publicKey } from "../auditTrail.ts";

export function auditTests(open: () => Promise<Store>): void {
  test("WWSF-16 records are read newest first, by filter and page, each chain by itself", async () => {
    const store = await open();
    await fill(store, 1, 20);
    await store.audit.append(auditEvent(1, { tenant: "other" }));
    await store.audit.append(auditEvent(1, { tenant: undefined, person: undefined, action: "key.add" }));
    const seqs = async (...args: Parameters<Store["audit"]["page"]>): Promise<number[]> =>
      (await store.audit.page(...args)).map(({ seq }) => seq);
    expect(await seqs("acme", 3)).toEqual([20, 19, 18]);
    expect(await seqs("acme", 3, { before: 18 })).toEqual([17, 16, 15]);
    expect(await seqs("acme", 9, { subject: auditEvent(5).subject })).toEqual([20, 15, 10, 5]);
    expect(await seqs("acme", 9, { person: "https://idp.acme.test user0", from: 6, until: 12 })).toEqual([9, 6]);
    expect(await seqs("acme", 2, { action: "assignment.end", actor: "key:1" })).toEqual([20, 18]);
    expect(await seqs("acme", 2, { actor: "key:2" })).toEqual([]);
    expect(await seqs("other", 9)).toEqual([1]);
    expect(await store.audit.page(undefined, 9)).toEqual([
      {
        ...auditEvent(1, { tenant: undefined, person: undefined, action: "key.add" }),
        seq: 1,
        previous: "",
        hash: expect.any(String),
      },
    ]);
    await store.close();
  });

  test("WWSF-16 who writes at once writes one chain without gaps; what was rolled back is not in it", async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 30 }, (_, n) => store.audit.append(auditEvent(n))));
    const failing = store.transaction(async (tables) => {
      await tables.audit.append(auditEvent(100));
      throw new Error("stop");
    });
    await expect(failing).rejects.toThrow("stop");
    await fill(store, 31, 32);
    expect(await verifyAudit(store, await checkpoints(store), publicKey)).toEqual({
      chains: 1,
      records: 32,
      faults: [],
    });
    await store.close();
  });

  test("PRV-03 a person is erased from the audit and the chain still verifies", async () => {
    const store = await open();
    await fill(store, 1, 9);
    const before = await checkpoints(store);
    const person = "https://idp.acme.test user1";
    expect(await store.audit.erase("acme", person)).toBe(true);
    expect(await store.audit.erase("acme", person)).toBe(false);
    expect(await store.audit.page("acme", 9, { person })).toEqual([]);
    expect(JSON.stringify(await store.audit.links("acme", 0, 99))).not.toContain("user1");
    expect((await store.audit.page("acme", 9)).map((record) => record.person?.slice(-5))).toEqual([
      "user0",
      "user2",
      undefined,
      "user0",
      "user2",
      undefined,
      "user0",
      "user2",
      undefined,
    ]);
    await fill(store, 10, 10);
    expect(await store.audit.page("acme", 9, { person })).toMatchObject([{ seq: 10 }]);
    // Those of whom nothing was recorded for long.
    await store.audit.forget(9);
    expect(JSON.stringify(await store.audit.links("acme", 0, 99))).not.toContain("user2");
    expect(await verifyAudit(store, before, publicKey)).toEqual({ chains: 1, records: 10, faults: [] });
    await store.close();
  });
}
