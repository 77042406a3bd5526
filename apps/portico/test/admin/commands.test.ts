import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { good } from "../goodConfig.ts";
import { newFolder, portico } from "../support/command.ts";
import { Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A running Admin API, and a command line that reaches it. */
async function open() {
  const rig = await Rig.open();
  const folder = newFolder();
  const [keyFile, config] = [join(folder, "key"), join(folder, "portal.yaml")];
  writeFileSync(keyFile, rig.operator);
  writeFileSync(config, good);
  const at = ["--url", rig.url, "--key-file", keyFile, "--config", config];
  return { rig, folder, run: (...words: string[]) => portico(...words, ...at) };
}

test("ADM-03b a long file of identities is imported in parts with its progress, and a wrong one says how much is in", async () => {
  const { rig, folder, run } = await open();
  const { document, version } = await rig.waf.tenants.get("acme");
  const blocks = [
    ...document.blocks,
    { id: "lent", domain: "lent.ims.test", assignment: "sticky", quarantineSeconds: 0 },
  ];
  await rig.waf.tenants.replace("acme", { ...document, blocks }, { by: "test", version });
  const file = join(folder, "entries.csv");
  const lines = Array.from({ length: 12_000 }, (_, n) => `sip:n${n}@lent.ims.test`);
  writeFileSync(file, ["impu", ...lines].join("\r\n"));
  const done = await run("block", "import", "acme", "lent", file);
  expect(done).toEqual({
    code: 0,
    out: "ok 12000 identities added\n",
    err: "5000 of 12000\n10000 of 12000\n12000 of 12000\n",
  });
  expect((await rig.store.blocks.count("acme", rig.now)).size).toBeGreaterThanOrEqual(12_000);

  writeFileSync(
    file,
    ["impu", ...Array.from({ length: 5000 }, (_, n) => `sip:m${n}@lent.ims.test`), "no uri"].join("\n"),
  );
  const half = await run("block", "import", "acme", "lent", file);
  expect(half.code).toBe(1);
  expect(half.err).toContain("the 5000 identities before are in");
  for (const [text, what] of [
    ["", "has no identities"],
    ["[{", "is no JSON"],
  ] as const) {
    writeFileSync(file, text);
    expect(await run("block", "import", "acme", "lent", file)).toMatchObject({
      code: 2,
      err: expect.stringContaining(what),
    });
  }
});

test("a number is tried by the dial plan of a tenant that was made by the API", async () => {
  const { rig, run } = await open();
  const { document, version } = await rig.waf.tenants.get("acme");
  const dialPlan = { internationalPrefix: "00", national: { trunk: "0", country: "+44", digits: 10 } };
  await rig.waf.tenants.create(
    { ...document, id: "new", clients: document.clients.map(renamed), blocks: [], dialPlan },
    { by: "test" },
  );
  const tried = await run("dialplan", "test", "02079460018", "--tenant", "new");
  expect(tried.out).toContain("of tenant new");
  expect(tried.out).toContain("sent as    tel:+442079460018");
  expect(await run("dialplan", "test", "1", "--tenant", "nobody")).toMatchObject({
    code: 1,
    err: expect.stringContaining("no tenant nobody"),
  });
  expect(version).toBeGreaterThan(0);
});

const renamed = <T extends object>(client: T): T => ({ ...client, clientId: "talk.new.test" });
