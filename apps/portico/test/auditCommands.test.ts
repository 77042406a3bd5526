import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Checkpoint, makeCheckpoint } from "@portico/store";
import { expect, test, vi } from "vitest";
import { good } from "./goodConfig.ts";
import { type Ended, newFolder, portico } from "./support/command.ts";
import { newPortal } from "./support/portal.ts";

vi.setConfig({ testTimeout: 60_000 });

interface Printed {
  readonly items: readonly { tenant?: string; seq: number; hash: string; at: string; signature: string }[];
  readonly publicKey: object;
}

/** A portal with some history, its checkpoints in a file beside it, and both commands that verify its audit. */
async function open() {
  const portal = await newPortal({ "home:": "admin: { address: 127.0.0.1, port: 0 }\nhome:" });
  const { folder } = portal;
  const config = join(folder, "portal.yaml");
  writeFileSync(config, good);
  const at = ["--url", String(portal.adminUrl), "--key-file", join(folder, "data/admin.key")];
  for (const verb of ["suspend", "resume", "suspend", "resume"]) await portico("tenant", verb, "acme", ...at);
  const kept = join(folder, "kept.json");
  const printed = await portico("audit", "checkpoints", ...at);
  expect(printed).toMatchObject({ code: 0, err: "" });
  writeFileSync(kept, printed.out);
  return {
    kept,
    checkpoints: JSON.parse(printed.out) as Printed,
    online: (...more: string[]): Promise<Ended> => portico("audit", "verify", ...at, ...more),
    offline: (...more: string[]): Promise<Ended> => portico("verify-audit", "--config", config, ...more),
    /** As somebody does it who can write the database. */
    tamper(sql: string): void {
      const raw = new DatabaseSync(join(folder, "data/portal.sqlite"));
      raw.exec(sql);
      raw.close();
    },
  };
}

type Opened = Awaited<ReturnType<typeof open>>;

/** Both commands say it, with exit code 1 and what to do. */
async function bothSay({ online, offline }: Opened, more: readonly string[], what: string, remedy: string) {
  for (const verify of [online, offline]) {
    const { code, out, err } = await verify(...more);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain(what);
    expect(err).toContain(remedy);
  }
}

test("ADM-06c WWSF-16 an audit that nobody has touched agrees with the checkpoints of its portal, with it and without it", async () => {
  const { kept, checkpoints, online, offline } = await open();
  expect(checkpoints.items.map(({ tenant }) => tenant)).toContain("acme");
  const said = new RegExp(
    `^ok \\d+ records in ${checkpoints.items.length} chains are as they were written, and agree with ${checkpoints.items.length} checkpoints\n$`,
  );
  for (const verify of [online, offline]) {
    expect(await verify("--checkpoints", kept)).toMatchObject({ code: 0, out: expect.stringMatching(said), err: "" });
    const { code, out } = await verify("--checkpoints", kept, "--json");
    expect([code, JSON.parse(out)]).toMatchObject([
      0,
      { valid: true, checkpoints: checkpoints.items.length, faults: [] },
    ]);
  }
});

test("ADM-06c WWSF-16 a record that was changed is named by its chain and place, in one JSON document for programs", async () => {
  const opened = await open();
  opened.tamper("update audit set actor = 'key:somebody-else' where chain = 'acme' and seq = 2");
  await bothSay(opened, [], "acme, record 2: changed", "restore a backup from before beside it");
  for (const verify of [opened.online, opened.offline]) {
    const { code, out, err } = await verify("--json");
    expect([code, err, JSON.parse(out)]).toMatchObject([
      1,
      "",
      { valid: false, faults: [{ tenant: "acme", seq: 2, what: "changed" }] },
    ]);
  }
});

test("ADM-06c WWSF-16 an end that was cut off after its checkpoint had left the database is found by the checkpoint alone", async () => {
  const opened = await open();
  const last = opened.checkpoints.items.find(({ tenant }) => tenant === "acme")?.seq ?? 0;
  expect(last).toBeGreaterThanOrEqual(4);
  opened.tamper(`delete from audit where chain = 'acme' and seq > ${last - 2};
    update audit_head set seq = ${last - 2}, hash = (select hash from audit where chain = 'acme' and seq = ${last - 2})
      where chain = 'acme'`);
  for (const verify of [opened.online, opened.offline]) expect((await verify()).code).toBe(0);
  await bothSay(opened, ["--checkpoints", opened.kept], `acme, record ${last - 1}: truncated`, "restore a backup");
  // The whole chain with its note of where it ends.
  opened.tamper("delete from audit where chain = 'acme'; delete from audit_head where chain = 'acme'");
  await bothSay(opened, ["--checkpoints", opened.kept], "acme, record 1: truncated", "restore a backup");
});

test("ADM-06c WWSF-16 checkpoints of another key, or changed ones, are said to be that, and not the audit to be wrong", async () => {
  const opened = await open();
  const { checkpoints, kept } = opened;
  expect(checkpoints.items).not.toEqual([]);
  const { privateKey } = generateKeyPairSync("ed25519");
  const resigned = checkpoints.items.map(({ tenant, seq, hash, at }) =>
    shown(makeCheckpoint({ tenant, seq, hash }, Date.parse(at), privateKey)),
  );
  writeFileSync(kept, JSON.stringify({ ...checkpoints, items: resigned }));
  await bothSay(
    opened,
    ["--checkpoints", kept],
    "the checkpoints are not this portal's\n",
    "Name the file that portico audit checkpoints has printed for this portal",
  );
  const changed = checkpoints.items.map((one) => ({ ...one, seq: one.seq + 1 }));
  writeFileSync(kept, JSON.stringify({ ...checkpoints, items: changed }));
  await bothSay(opened, ["--checkpoints", kept], "signature, the checkpoint is not signed", "as it was printed");
});

test("a file that holds no checkpoints is refused before anything is asked, and an audit that is not there is not whole", async () => {
  const { kept, online, offline } = await open();
  for (const [text, what] of [
    ["{", "cannot be read as JSON"],
    ["[]", "holds no checkpoints"],
    [readFileSync(kept, "utf8").replace(/"x": "[^"]+"/, '"x": "AA"'), "is no key"],
  ] as const) {
    writeFileSync(kept, text);
    for (const verify of [online, offline]) {
      const refused = await verify("--checkpoints", kept);
      expect(refused).toMatchObject({ code: 2, out: "", err: expect.stringContaining(what) });
      expect(refused.err).toContain("Name a file that portico audit checkpoints has printed");
    }
  }
  const elsewhere = newFolderWith("database: { sqlite: nowhere.sqlite }");
  const none = await portico("verify-audit", "--config", elsewhere);
  expect(none).toMatchObject({ code: 1, out: "", err: expect.stringContaining("there is no such file") });
});

/** A configuration that fits, with one more line. @returns its file */
function newFolderWith(line: string): string {
  const file = join(newFolder(), "portal.yaml");
  writeFileSync(file, `${good}\n${line}\n`);
  return file;
}

/** As the command prints it. */
function shown({ tenant, at, ...rest }: Checkpoint): Printed["items"][number] {
  return { ...(tenant === undefined ? {} : { tenant }), ...rest, at: new Date(at).toISOString() };
}
