import { expect } from "vitest";
import { connect, migrate } from "../src/database.ts";
import { migrations } from "../src/migrations/index.ts";
import { openStore, type StoreTarget } from "../src/index.ts";

const names = Object.keys(migrations);

/**
 * What databases have been through: the first so many migrations each; and, since numbers are handed out in ranges, the
 * order in which those of later ranges came to databases of developers.
 */
export const histories: readonly (readonly string[])[] = [
  ...names.map((_, n) => names.slice(0, n + 1)),
  ["001-waf", "002-purge", "003-administration", "050-registration"],
  ["001-waf", "002-purge", "003-administration", "004-entry-state", "030-usage", "050-registration"],
];

/** Rows of the first release. */
const first = [
  `insert into block_entry values
    ('sip:u1@acme.ims.test', 'acme', 1, 'u1.acme@ims.test', '+12125550101', 0, 500),
    ('sip:u2@acme.ims.test', 'acme', 2, 'u2.acme@ims.test', null, 0, 700),
    ('sip:u3@acme.ims.test', 'acme', 3, 'u3.acme@ims.test', null, 0, 0),
    ('sip:u4@acme.ims.test', 'acme', 4, 'u4.acme@ims.test', null, 1, 0)`,
  `insert into assignment values
    ('a1', 'acme', 'sip:u1@acme.ims.test', 'https://idp.acme.test', 'mary', 'p-1', 100, null, null, null),
    ('a2', 'acme', 'sip:u2@acme.ims.test', 'https://idp.acme.test', 'ken', 'p-2', 100, 600, 'left', 700)`,
  `insert into lease values
    ('l1', 'a1', 'acme', 'sip:u1@acme.ims.test', 'talk.acme.test', 'w1', 100, 900, 800, null, null, null),
    ('l2', 'a2', 'acme', 'sip:u2@acme.ims.test', 'talk.acme.test', 'w2', 100, 900, 1000, 90000, 600, 'left')`,
  "insert into refresh_token values ('h1', 'l1', 'ims.register', 100, 900, null)",
  "insert into issued_token values ('j1', 'l1', '192.0.2.1', 100, 800)",
  "insert into seen_assertion values ('talk.acme.test', 'x', 900)",
  "insert into suspension values ('other', 5)",
];

/** Rows of what later migrations have made, as soon as they have. */
const later: Readonly<Record<string, string>> = {
  "003-administration": "insert into tenant values ('acme', 7, 'api', '{}', 1, 2)",
  "030-usage": "insert into usage_day values ('acme', 'talk.acme.test', '2026-01-31', 5, 4, 300, 2, 1)",
  "050-registration": `insert into registration values
    ('n1', 'k1', 'sip:u1@acme.ims.test', 'u1.acme@ims.test', 'acme', 'l1', '<sip:k1@n1>', '<sip:f1@n1>', 90000)`,
};

/**
 * Makes a database with a history and rows from it, opens it as it is today, and expects all rows.
 * @param run runs a statement beside the store
 */
export async function expectForward(
  target: StoreTarget,
  history: readonly string[],
  run: (sql: string) => Promise<unknown> | void,
): Promise<void> {
  const db = connect(target, false);
  await migrate(db, target, history.slice(0, 1));
  for (const statement of first) await run(statement);
  await migrate(db, target, history);
  await db.destroy();
  for (const name of history) if (later[name] !== undefined) await run(later[name]);

  const store = await openStore(target);
  expect(await store.blocks.page("acme", { now: 90_000, limit: 9 })).toMatchObject([
    { impu: "sip:u1@acme.ims.test", block: "main", source: "file", ordinal: 1, tel: "+12125550101", state: "held" },
    { impu: "sip:u2@acme.ims.test", state: "free" },
    { impu: "sip:u3@acme.ims.test", state: "free" },
  ]);
  // The registration of its former holder, which outlives quarantine and token.
  expect(await store.blocks.free("acme", 89_999, { impu: "sip:u2@acme.ims.test" })).toBeUndefined();
  expect(await store.blocks.free("acme", 0)).toMatchObject({ impu: "sip:u3@acme.ims.test" });
  expect(await store.assignments.holding("sip:u1@acme.ims.test")).toMatchObject({ subject: "mary", startedAt: 100 });
  expect(await store.assignments.history("sip:u2@acme.ims.test", 9)).toMatchObject([{ subject: "ken", endedAt: 600 }]);
  expect(await store.leases.get("l1")).toMatchObject({ assignmentId: "a1", tokenUntil: 800, endedAt: undefined });
  expect(await store.leases.get("l2")).toMatchObject({ endedAt: 600 });
  expect(await store.refreshTokens.get("h1")).toMatchObject({ leaseId: "l1", rotatedAt: undefined, superseded: false });
  expect(await store.issuedTokens.trace("j1")).toMatchObject({ address: "192.0.2.1", pseudonym: "p-1" });
  expect(await store.assertions.add("talk.acme.test", "x", 900)).toBe(false);
  expect(await store.suspensions.all()).toEqual(["other"]);
  const made = (name: string): boolean => history.includes(name);
  expect((await store.tenants.all()).map(({ version }) => version)).toEqual(made("003-administration") ? [7] : []);
  expect(await store.registrations.all("n1")).toHaveLength(made("050-registration") ? 1 : 0);
  const usage = await store.usage.between({ from: "2026-01-01", until: "2026-02-28" });
  expect(usage.map(({ calls }) => calls)).toEqual(made("030-usage") ? [5] : []);
  await store.close();
}
