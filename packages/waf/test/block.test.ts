import fc from "fast-check";
import { expect, onTestFinished, test, vi } from "vitest";
import { readImport } from "../src/block/import.ts";
import { blockEntries, type BlockDocument, WafError } from "../src/index.ts";
import { acme, acmeBlock, acmeClientId, acmeWith, issuer, other, otherBlock, otherClientId, World } from "./world.ts";

const block: BlockDocument = {
  domain: "acme.ims.test",
  id: "main",
  numbers: [{ from: "+12125550199" }],
  count: 3,
  assignment: "sticky",
  quarantineSeconds: 0,
};

test("ADM-03a GEN-03a GEN-03b each entry of a block has one IMPU in the sub-domain, one IMPI of the home domain and one number", () => {
  expect(blockEntries("acme", block, "ims.test")).toEqual([
    {
      tenant: "acme",
      block: "main",
      ordinal: 1,
      impu: "sip:u0001@acme.ims.test",
      impi: "u0001.acme@ims.test",
      tel: "+12125550199",
    },
    {
      tenant: "acme",
      block: "main",
      ordinal: 2,
      impu: "sip:u0002@acme.ims.test",
      impi: "u0002.acme@ims.test",
      tel: "+12125550200",
    },
    {
      tenant: "acme",
      block: "main",
      ordinal: 3,
      impu: "sip:u0003@acme.ims.test",
      impi: "u0003.acme@ims.test",
      tel: "+12125550201",
    },
  ]);
});

test("a larger block keeps every entry of the smaller one", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 300 }), (count, more) => {
      const small = blockEntries("acme", { ...block, count }, "ims.test");
      const large = blockEntries("acme", { ...block, count: count + more }, "ims.test");
      expect(large.slice(0, count)).toEqual(small);
      expect(new Set(large.flatMap(({ impu, impi, tel }) => [impu, impi, tel])).size).toBe(3 * large.length);
    }),
    { numRuns: 30 },
  );
});

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all.join("");
}

test("ADM-03b ADM-05 all entries are exported as JSON and CSV for the HSS, with the WAF and the WWSFs that may register each", async () => {
  const world = await World.open({
    tenants: [acmeWith(block), { ...other, blocks: [{ ...otherBlock, count: 1 }] }],
  });
  onTestFinished(() => world.close());
  const json = JSON.parse(await textOf(world.waf.blocks.export("json")));
  expect(json).toHaveLength(4);
  expect(json[0]).toEqual({
    tenant: "acme",
    block: "main",
    impi: "u0001.acme@ims.test",
    impu: "sip:u0001@acme.ims.test",
    tel: "+12125550199",
    allowedWafWwsf: [issuer, acmeClientId],
  });
  const [mine, others] = [acmeClientId, otherClientId].map((clientId) => `${issuer} ${clientId}`);
  expect((await textOf(world.waf.blocks.export("csv"))).split("\r\n")).toEqual([
    "tenant,block,impi,impu,alias,allowed",
    `acme,main,u0001.acme@ims.test,sip:u0001@acme.ims.test,tel:+12125550199,${mine}`,
    `acme,main,u0002.acme@ims.test,sip:u0002@acme.ims.test,tel:+12125550200,${mine}`,
    `acme,main,u0003.acme@ims.test,sip:u0003@acme.ims.test,tel:+12125550201,${mine}`,
    `other,main,u0001.other@ims.test,sip:u0001@other.ims.test,tel:+12125550900,${others}`,
    "",
  ]);
});

test("the block table tells whose an identity is, and knows none outside the blocks", async () => {
  const world = await World.open();
  onTestFinished(() => world.close());
  expect(await world.waf.block.find("sip:u0002@other.ims.test")).toEqual({
    tenant: "other",
    block: "main",
    ordinal: 2,
    clientIds: [otherClientId],
    impu: "sip:u0002@other.ims.test",
    impi: "u0002.other@ims.test",
    tel: "+12125550901",
  });
  expect(await world.waf.block.find("sip:u0005@other.ims.test")).toBeUndefined();
});

test("an entry is read once until a block changes, by whatever process", async () => {
  const world = await World.open();
  onTestFinished(() => world.close());
  const impu = "sip:u0001@acme.ims.test";
  const read = world.store.blocks.find.bind(world.store.blocks);
  const found = vi.spyOn(world.store.blocks, "find");
  for (let turn = 0; turn < 3; turn += 1) expect(await world.waf.block.find(impu)).toMatchObject({ impu });
  expect(found).toHaveBeenCalledTimes(1);
  // What is in no block now may be in one in a moment.
  for (let turn = 0; turn < 2; turn += 1) expect(await world.waf.block.find("sip:x@acme.ims.test")).toBeUndefined();
  expect(found).toHaveBeenCalledTimes(3);
  await world.waf.notice();
  expect(await world.waf.block.find(impu)).toBeDefined();
  expect(found).toHaveBeenCalledTimes(3);
  // Another process has taken it out.
  await world.store.blocks.withdraw([impu]);
  await world.waf.notice();
  expect(await world.waf.block.find(impu)).toBeUndefined();
  // One that is taken out while it is being read is not kept.
  const second = "sip:u0002@acme.ims.test";
  found.mockImplementationOnce(async (asked) => {
    const entry = await read(asked);
    await world.store.blocks.withdraw([second]);
    await world.waf.notice();
    return entry;
  });
  await world.waf.block.find(second);
  expect(await world.waf.block.find(second)).toBeUndefined();
});

test("the use of a block counts what is held, what rests and what is free", async () => {
  const world = await World.open();
  onTestFinished(() => world.close());
  await world.exchange("mary", { web_session: "desk" });
  await world.exchange("mary", { web_session: "phone" });
  const { body } = await world.exchange("ken");
  expect(await world.waf.usage("acme")).toEqual({ size: 4, assigned: 2, resting: 0, free: 2, sessions: 3 });
  expect((await world.post("identities/end", { subject: "ken" })).status).toBe(200);
  expect(await world.waf.usage("acme")).toEqual({ size: 4, assigned: 1, resting: 1, free: 2, sessions: 2 });
  expect((await world.refresh(body.refresh_token)).status).toBe(400);
  expect((await world.post("identities/end", { subject: "ken" })).status).toBe(404);
});

const by = "key-1";
const imported: BlockDocument = { id: "desk", domain: "desk.ims.test", assignment: "sticky", quarantineSeconds: 0 };

async function withDesk(): Promise<World> {
  const world = await World.open({ tenants: [other] });
  onTestFinished(() => world.close());
  await world.waf.tenants.create({ ...acme, blocks: [acmeBlock, imported] }, { by });
  return world;
}

test("ADM-03b entries are imported from CSV and JSON into a block, exported as they are, and given to users", async () => {
  const world = await withDesk();
  const csv = 'impu,alias\r\n"sip:anne@desk.ims.test",tel:+12125550400\r\n\r\nsip:bob@desk.ims.test,\r\n';
  expect(await world.waf.blocks.import("acme", "desk", csv, { by, format: "csv" })).toBe(2);
  const json = JSON.stringify([{ impu: "sip:carl@desk.ims.test", impi: "carl@ims.test", tel: "+12125550402" }]);
  expect(await world.waf.blocks.import("acme", "desk", json, { by, format: "json" })).toBe(1);
  expect((await textOf(world.waf.blocks.export("csv", { tenant: "acme" }))).split("\r\n").slice(1, 4)).toEqual([
    `acme,desk,anne.acme@ims.test,sip:anne@desk.ims.test,tel:+12125550400,${issuer} ${acmeClientId}`,
    `acme,desk,bob.acme@ims.test,sip:bob@desk.ims.test,,${issuer} ${acmeClientId}`,
    `acme,desk,carl@ims.test,sip:carl@desk.ims.test,tel:+12125550402,${issuer} ${acmeClientId}`,
  ]);
  const { body } = await world.exchange("mary", { impu: "sip:carl@desk.ims.test" });
  expect(body.ims.tel).toBe("+12125550402");
  expect(await world.waf.blocks.usage("acme")).toMatchObject([
    { id: "main", size: 4, assigned: 0, free: 4, usedPercent: 0 },
    { id: "desk", size: 3, assigned: 1, free: 2, usedPercent: 33 },
  ]);
  // A change of the document leaves them.
  const { version } = await world.waf.tenants.get("acme");
  await world.waf.tenants.replace("acme", { ...acme, blocks: [imported] }, { by, version });
  expect(await world.waf.blocks.usage("acme")).toMatchObject([{ id: "desk", size: 3 }]);
});

test.each<[string, "csv" | "json", string, string[]]>([
  ["no header", "csv", "sip:a@desk.ims.test\n", ["/row/1"]],
  ["a wrong IMPU", "csv", "impu\nsip:a@desk.ims.test\nsips:b@desk.ims.test\n", ["/row/3/impu"]],
  ["another domain", "csv", "impu\nsip:a@acme.ims.test\n", ["/row/2/impu"]],
  ["a wrong number", "csv", "impu,tel\nsip:a@desk.ims.test,0123\n", ["/row/2/tel"]],
  ["one twice", "csv", "impu\nsip:a@desk.ims.test\n\nsip:a@desk.ims.test\n", ["/row/4", "/row/4"]],
  ["a number of another tenant", "csv", "impu,tel\nsip:a@desk.ims.test,+12125550900\n", ["/row/2"]],
  ["too many fields", "csv", "impu\nsip:a@desk.ims.test,x\n", ["/row/2"]],
  ["an open quote", "csv", 'impu\n"sip:a@desk.ims.test\n', [""]],
  ["nothing", "csv", "impu\n", [""]],
  ["no JSON", "json", "[", [""]],
  ["no array", "json", "{}", [""]],
  ["a wrong member", "json", '[{"impu":"sip:a@desk.ims.test"},{"impu":"sip:b@desk.ims.test","x":1},3]', ["/1/x", "/2"]],
])("an import with %s is refused by row, and nothing of it is added", async (_, format, text, paths) => {
  const world = await withDesk();
  const done = world.waf.blocks.import("acme", "desk", text, { by, format });
  await expect(done).rejects.toMatchObject({ code: "import_refused" });
  const { problems } = (await done.catch((error: unknown) => error)) as WafError;
  expect(problems.map(({ path }) => path)).toEqual(paths);
  expect(await world.waf.blocks.usage("acme")).toMatchObject([{ id: "main" }, { id: "desk", size: 0 }]);
});

test("whatever text is imported, it is taken or refused by row", async () => {
  // Any character. fast-check's own unit "binary" takes two seconds to prepare.
  const unit = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code).toWellFormed());
  const piece = fc.constantFrom(
    "impu",
    ",",
    "\n",
    "\r\n",
    '"',
    "sip:a@desk.ims.test",
    "tel:+123",
    "[",
    "]",
    "{",
    "}",
    "x",
  );
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit }),
    fc.array(piece, { maxLength: 30 }).map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, fc.constantFrom("csv" as const, "json" as const), (source, format) => {
      const outcome = ((): unknown => {
        try {
          const o = { tenant: "acme", block: imported, homeDomain: "ims.test" };
          return readImport(source, format, o).every(({ impu }) => /^sip:[^@]+@desk\.ims\.test$/.test(impu));
        } catch (error) {
          return error instanceof WafError ? error.code : error;
        }
      })();
      expect([true, "import_refused"]).toContain(outcome);
    }),
    { numRuns: 500 },
  );
});

test("an imported entry that is held is taken from its user first, then out of the block", async () => {
  const world = await withDesk();
  const impus = ["sip:a@desk.ims.test", "sip:b@desk.ims.test"];
  await world.waf.blocks.import("acme", "desk", ["impu", ...impus].join("\n"), { by, format: "csv" });
  const { body } = await world.exchange("mary", { impu: impus[0] });
  const revoked: unknown[] = [];
  world.waf.onRevoked((revocation) => revoked.push(revocation));
  const foreign = "sip:u0001@other.ims.test";
  expect(await world.waf.blocks.withdraw("acme", [impus[0] ?? "", foreign], { by })).toBe(1);
  expect(revoked).toEqual([{ impu: impus[0], tenant: "acme", reason: "entry_withdrawn" }]);
  expect((await world.refresh(body.refresh_token)).status).toBe(400);
  expect(await world.waf.block.find(impus[0] ?? "")).toBeUndefined();
  expect(await world.waf.block.find(foreign)).toBeDefined();
  const ofDocument = world.waf.blocks.withdraw("acme", ["sip:u0001@acme.ims.test"], { by });
  await expect(ofDocument).rejects.toMatchObject({ code: "entry_of_document" });
  // Imported again, it is as it was, after those that stayed.
  await world.waf.blocks.import("acme", "desk", "impu\nsip:c@desk.ims.test\n", { by, format: "csv" });
  const entries = await world.waf.blocks.entries("acme", { block: "desk", limit: 9 });
  expect(entries.map(({ impu }) => impu)).toEqual(["sip:b@desk.ims.test", "sip:c@desk.ims.test"]);
});

test("WWSF-07b a block that runs out is told once before it has, and once when it no longer does", async () => {
  const world = await World.open({
    tenants: [acmeWith({ count: 10, warnAtPercent: 50, quarantineSeconds: 0 }), other],
  });
  onTestFinished(() => world.close());
  const alarms: unknown[] = [];
  world.waf.onAlarm((alarm) => alarms.push(alarm));
  const look = async (): Promise<void> => {
    world.pass(30);
    await world.waf.notice();
  };
  for (const user of ["a", "b", "c", "d"]) await world.exchange(user);
  await look();
  expect(alarms).toEqual([]);
  await world.exchange("e");
  await look();
  await world.exchange("f");
  await look();
  const told = { type: "block_running_out", tenant: "acme", block: "main" };
  expect(alarms).toEqual([{ ...told, cleared: false, usedPercent: 50 }]);
  for (const subject of ["a", "b", "c"]) await world.post("identities/end", { subject });
  // Their tokens are still good for an hour: the identities rest.
  await look();
  expect(alarms).toHaveLength(1);
  world.pass(3700);
  await look();
  expect(alarms.slice(1)).toEqual([{ ...told, cleared: true, usedPercent: 30 }]);
});
