import { generateKeyPairSync, randomUUID } from "node:crypto";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Checkpoint, openStore, verifyAudit } from "../src/index.ts";
import { auditEvent, checkpoints, fill, publicKey } from "./auditTrail.ts";

const folder = mkdtempSync(join(tmpdir(), "portico-audit-"));
const original = join(folder, "original.db");
let seen: Checkpoint[];
beforeAll(async () => {
  const store = await openStore({ sqlite: original });
  await fill(store, 1, 20);
  seen = await checkpoints(store);
  await store.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

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
])("WWSF-16 an audit that was %s by hand is found out: %s", async (what, statement, seq) => {
  const path = join(folder, `${randomUUID()}.db`);
  copyFileSync(original, path);
  const raw = new DatabaseSync(path);
  raw.exec(statement);
  raw.close();
  const store = await openStore({ sqlite: path });
  expect((await verifyAudit(store, seen, publicKey)).faults).toEqual([{ tenant: "acme", seq, what }]);
  await store.close();
});

test("WWSF-16 a history that was rolled back and written anew differs from the checkpoint", async () => {
  const one = await openStore({ sqlite: ":memory:" });
  const two = await openStore({ sqlite: ":memory:" });
  for (const store of [one, two]) await fill(store, 1, 5);
  await fill(one, 6, 9);
  const witnesses = await checkpoints(one);
  await two.audit.append(auditEvent(7));
  await fill(two, 7, 12);
  expect((await verifyAudit(two, [], publicKey)).faults).toEqual([]);
  expect((await verifyAudit(two, witnesses, publicKey)).faults).toEqual([{ tenant: "acme", seq: 9, what: "replaced" }]);
  await one.close();
  await two.close();
});

test("WWSF-16 a checkpoint that was changed or signed by another is no witness", async () => {
  const store = await openStore({ sqlite: ":memory:" });
  await fill(store, 1, 5);
  const [witness] = await checkpoints(store);
  if (witness === undefined) throw new Error("no checkpoint");
  const fault = { tenant: "acme", seq: witness.seq, what: "signature" };
  const other = generateKeyPairSync("ed25519");
  expect((await verifyAudit(store, [{ ...witness, at: 98 }], publicKey)).faults).toEqual([fault]);
  expect((await verifyAudit(store, [witness], other.publicKey)).faults).toEqual([fault]);
  expect((await verifyAudit(store, [{ ...witness, signature: "" }], publicKey)).faults).toEqual([fault]);
  await store.close();
});
