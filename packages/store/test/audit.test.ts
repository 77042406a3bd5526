import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { type AuditEvent, type Checkpoint, makeCheckpoint, openStore, type Store, verifyAudit } from "../src/index.ts";
import { describeOnEach } from "./backends.ts";

const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const event = (n: number, o: Partial<AuditEvent> = {}): AuditEvent => ({
  tenant: "acme",
  at: n,
  actor: "key:1",
  action: n % 2 === 0 ? "assignment.end" : "assignment.begin",
  subject: `sip:u${n % 5}@acme.ims.test`,
  person: `https://idp.acme.test user${n % 3}`,
  detail: { n, ключ: ["ü", { deep: null }] },
  ...o,
});

async function fill(store: Store, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await store.audit.append(event(n));
}

async function checkpoints(store: Store): Promise<Checkpoint[]> {
  return (await store.audit.heads()).map((head) => makeCheckpoint(head, 99, privateKey));
}

describeOnEach("audit", (open) => {
  test("WWSF-16 records are read newest first, by filter and page, each chain by itself", async () => {
    const store = await open();
    await fill(store, 1, 20);
    await store.audit.append(event(1, { tenant: "other" }));
    await store.audit.append(event(1, { tenant: undefined, person: undefined, action: "key.add" }));
    const seqs = async (...args: Parameters<Store["audit"]["page"]>): Promise<number[]> =>
      (await store.audit.page(...args)).map(({ seq }) => seq);
    expect(await seqs("acme", 3)).toEqual([20, 19, 18]);
    expect(await seqs("acme", 3, { before: 18 })).toEqual([17, 16, 15]);
    expect(await seqs("acme", 9, { subject: event(5).subject })).toEqual([20, 15, 10, 5]);
    expect(await seqs("acme", 9, { person: "https://idp.acme.test user0", from: 6, until: 12 })).toEqual([9, 6]);
    expect(await seqs("acme", 2, { action: "assignment.end", actor: "key:1" })).toEqual([20, 18]);
    expect(await seqs("acme", 2, { actor: "key:2" })).toEqual([]);
    expect(await seqs("other", 9)).toEqual([1]);
    expect(await store.audit.page(undefined, 9)).toEqual([
      {
        ...event(1, { tenant: undefined, person: undefined, action: "key.add" }),
        seq: 1,
        previous: "",
        hash: expect.any(String),
      },
    ]);
    await store.close();
  });

  test("WWSF-16 who writes at once writes one chain without gaps; what was rolled back is not in it", async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 30 }, (_, n) => store.audit.append(event(n))));
    const failing = store.transaction(async ({ audit }) => {
      await audit.append(event(100));
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
});

test.each<[what: string, statement: string, seq: number]>([
  ["changed", "update audit set detail = '{}' where chain = 'acme' and seq = 7", 7],
  ["changed", "update audit set at = 8 where chain = 'acme' and seq = 7", 7],
  ["changed", "update audit set hash = 'x' where chain = 'acme' and seq = 7", 7],
  ["changed", "update audit set person = null where chain = 'acme' and seq = 7", 7],
  ["missing", "delete from audit where chain = 'acme' and seq = 7", 7],
  ["missing", "delete from audit where chain = 'acme' and seq = 1", 1],
  ["person", "update audit_person set person = 'https://idp.acme.test user9' where person like '%user1'", 1],
  ["truncated", "delete from audit where chain = 'acme' and seq > 17", 18],
  ["truncated", "delete from audit where chain = 'acme'", 1],
  ["truncated", "delete from audit_head where chain = 'acme'", 1],
  ["truncated", "delete from audit; delete from audit_head", 1],
  [
    "truncated",
    "delete from audit where seq > 4; update audit_head set seq = 4, hash = (select hash from audit where seq = 4 and chain = 'acme')",
    5,
  ],
])("WWSF-16 an audit where a record was %s by hand is found: %s", async (what, statement, seq) => {
  const path = join(mkdtempSync(join(tmpdir(), "portico-audit-")), "waf.db");
  const store = await openStore({ sqlite: path });
  await fill(store, 1, 20);
  const seen = await checkpoints(store);
  const raw = new DatabaseSync(path);
  raw.exec(statement);
  raw.close();
  expect((await verifyAudit(store, seen, publicKey)).faults).toEqual([{ tenant: "acme", seq, what }]);
  await store.close();
});

test("WWSF-16 a history that was rolled back and written anew differs from the checkpoint", async () => {
  const one = await openStore({ sqlite: ":memory:" });
  const two = await openStore({ sqlite: ":memory:" });
  for (const store of [one, two]) await fill(store, 1, 5);
  await fill(one, 6, 9);
  const seen = await checkpoints(one);
  await two.audit.append(event(7));
  await fill(two, 7, 12);
  expect((await verifyAudit(two, [], publicKey)).faults).toEqual([]);
  expect((await verifyAudit(two, seen, publicKey)).faults).toEqual([{ tenant: "acme", seq: 9, what: "replaced" }]);
  await one.close();
  await two.close();
});

test("WWSF-16 a checkpoint that was changed or signed by another is no witness", async () => {
  const store = await openStore({ sqlite: ":memory:" });
  await fill(store, 1, 5);
  const [seen] = await checkpoints(store);
  if (seen === undefined) throw new Error("no checkpoint");
  const fault = { tenant: "acme", seq: seen.seq, what: "signature" };
  const other = generateKeyPairSync("ed25519");
  expect((await verifyAudit(store, [{ ...seen, at: 98 }], publicKey)).faults).toEqual([fault]);
  expect((await verifyAudit(store, [seen], other.publicKey)).faults).toEqual([fault]);
  expect((await verifyAudit(store, [{ ...seen, signature: "" }], publicKey)).faults).toEqual([fault]);
  await store.close();
});
