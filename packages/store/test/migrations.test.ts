import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { connect, migrate } from "../src/database.ts";
import { openStore } from "../src/index.ts";

const rows = `
  insert into block_entry values
    ('sip:u1@acme.ims.test', 'acme', 1, 'u1.acme@ims.test', '+12125550101', 0, 500),
    ('sip:u2@acme.ims.test', 'acme', 2, 'u2.acme@ims.test', null, 0, 700),
    ('sip:u3@acme.ims.test', 'acme', 3, 'u3.acme@ims.test', null, 0, 0),
    ('sip:u4@acme.ims.test', 'acme', 4, 'u4.acme@ims.test', null, 1, 0);
  insert into assignment values
    ('a1', 'acme', 'sip:u1@acme.ims.test', 'https://idp.acme.test', 'mary', 'p-1', 100, null, null, null),
    ('a2', 'acme', 'sip:u2@acme.ims.test', 'https://idp.acme.test', 'ken', 'p-2', 100, 600, 'left', 700);
  insert into lease values
    ('l1', 'a1', 'acme', 'sip:u1@acme.ims.test', 'talk.acme.test', 'w1', 100, 900, 800, null, null, null),
    ('l2', 'a2', 'acme', 'sip:u2@acme.ims.test', 'talk.acme.test', 'w2', 100, 900, 1000, 90000, 600, 'left');
  insert into refresh_token values ('h1', 'l1', 'ims.register', 100, 900, null);
  insert into issued_token values ('j1', 'l1', '192.0.2.1', 100, 800);
  insert into seen_assertion values ('talk.acme.test', 'x', 900);
  insert into suspension values ('other', 5);`;

test("a database of the first release is brought up to date with all its rows, and each entry knows its state", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-store-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const target = { sqlite: join(folder, "waf.db") };
  const first = connect(target, false);
  await migrate(first, target, ["001-waf", "002-purge"]);
  await first.destroy();
  const raw = new DatabaseSync(target.sqlite);
  raw.exec(rows);
  raw.close();

  const store = await openStore(target);
  expect(await store.blocks.page("acme", { now: 90_000, limit: 9 })).toMatchObject([
    { impu: "sip:u1@acme.ims.test", block: "main", source: "file", ordinal: 1, tel: "+12125550101", state: "held" },
    { impu: "sip:u2@acme.ims.test", state: "free" },
    { impu: "sip:u3@acme.ims.test", state: "free" },
  ]);
  // The registration of its former holder, which outlives quarantine and token.
  expect(await store.blocks.free("acme", 89_999, { impu: "sip:u2@acme.ims.test" })).toBeUndefined();
  expect(await store.blocks.free("acme", 0)).toBe("sip:u3@acme.ims.test");
  expect(await store.assignments.holding("sip:u1@acme.ims.test")).toMatchObject({ subject: "mary", startedAt: 100 });
  expect(await store.assignments.history("sip:u2@acme.ims.test", 9)).toMatchObject([{ subject: "ken", endedAt: 600 }]);
  expect(await store.leases.get("l1")).toMatchObject({ assignmentId: "a1", tokenUntil: 800, endedAt: undefined });
  expect(await store.leases.get("l2")).toMatchObject({ endedAt: 600 });
  expect(await store.refreshTokens.get("h1")).toMatchObject({ leaseId: "l1", rotatedAt: undefined });
  expect(await store.issuedTokens.trace("j1")).toMatchObject({ address: "192.0.2.1", pseudonym: "p-1" });
  expect(await store.assertions.add("talk.acme.test", "x", 900)).toBe(false);
  expect(await store.suspensions.all()).toEqual(["other"]);
  await store.close();
});
