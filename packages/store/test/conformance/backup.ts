import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { backup, openStore, restore, type Store, type StoreTarget, verifyAudit } from "../../src/index.ts";
import { checkpoints, fill, publicKey } from "../auditTrail.ts";
import { assign, entry, lease } from "../entries.ts";

/** @param empty gives a database that has no tables yet, of either kind */
export function backupTests(empty: () => Promise<StoreTarget>, others: () => Promise<StoreTarget>): void {
  async function filled(): Promise<StoreTarget> {
    const target = await empty();
    const store = await openStore(target);
    await store.blocks.add(
      Array.from({ length: 1300 }, (_, n) => entry(n + 1, { tel: n % 2 === 0 ? `+1212${n}` : undefined })),
    );
    await assign(store, entry(1).impu, "märy", 1_900_000_000_000);
    await lease(store, {
      id: "l1",
      impu: entry(1).impu,
      assignmentId: "märy@1900000000000",
      tokenUntil: 1_900_000_000_000,
    });
    await store.tenants.insert({ id: "acme", source: "api", document: '{"name":"Acmé \\"& Co\\"\\n"}' }, 1);
    await fill(store, 1, 20);
    await store.close();
    return target;
  }

  test("a backup taken while others write holds one moment, and is restored into a database of either kind", async () => {
    const target = await filled();
    const store = await openStore(target);
    const before = await content(store);
    const witnesses = await checkpoints(store);
    const file = join(folder(), "backup");
    // Someone is in the middle of a change.
    const rows = await store.transaction(async ({ suspensions }) => {
      await suspensions.add("acme", 1);
      return await backup(target, file);
    });
    await fill(store, 21, 22);
    await store.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    for (const other of [await empty(), await others()]) {
      expect(await restore(file, other)).toBe(rows);
      const restored = await openStore(other);
      expect(await content(restored)).toEqual(before);
      expect(await restored.suspensions.all()).toEqual([]);
      expect(await verifyAudit(restored, witnesses, publicKey)).toEqual({ chains: 1, records: 20, faults: [] });
      // It goes on from there.
      expect(await restored.blocks.free("acme", 0)).toMatchObject({ impu: entry(2).impu });
      await fill(restored, 21, 21);
      await restored.close();
    }
  });

  test("a backup that was cut off or changed, or is none, is refused before anything is written; so is a database in use", async () => {
    const target = await filled();
    const file = join(folder(), "backup");
    await backup(target, file);
    const text = readFileSync(file, "utf8");
    const other = await empty();
    for (const damaged of [
      text.slice(0, -20),
      text.slice(0, text.indexOf("\n", 3000) + 1),
      text.replace("+12120", "+12129"),
      text.replace('"rows":', '"rows":1'),
      "",
      "{}\n",
      "\u0000\u0001",
      `[${"[".repeat(100_000)}`,
    ]) {
      writeFileSync(`${file}.bad`, damaged);
      await expect(restore(`${file}.bad`, other)).rejects.toMatchObject({ code: "store/backup-file" });
    }
    await expect(restore(`${file}.absent`, other)).rejects.toMatchObject({ code: "store/backup-file" });
    await expect(restore(file, target)).rejects.toMatchObject({ code: "store/not-empty" });
    await expect(backup(target, join(file, "nowhere"))).rejects.toMatchObject({ code: "store/backup-file" });
    expect(await restore(file, other)).toBeGreaterThan(1300);
  });
}

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "portico-backup-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

async function content(store: Store): Promise<unknown> {
  const { tenants, blocks, assignments, leases, audit, changes } = store;
  return [
    await tenants.all(),
    await blocks.page("acme", { now: 0, limit: 2000 }),
    await assignments.history(entry(1).impu, 9),
    await leases.live({ tenant: "acme" }),
    await audit.links("acme", 0, 99),
    await changes.counts(),
  ];
}
