import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { wildcardsOf } from "../src/block/wildcard.ts";
import { type BlockDocument, checkTenant, type WafError } from "../src/index.ts";
import { acmeClientId, acmeWith, issuer, World } from "./world.ts";

const block: BlockDocument = {
  domain: "acme.ims.test",
  id: "main",
  numbers: [{ from: "+12125550199" }],
  count: 3,
  assignment: "sticky",
  quarantineSeconds: 0,
};
const company = "sip:company@acme.ims.test";
const wildcarded = { ...block, wildcard: { impu: company } };

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  const all: string[] = [];
  for await (const piece of pieces) all.push(piece);
  return all.join("");
}

test("ADM-04g a wildcarded block is one subscription in the export: its distinct identity, and the wildcards of its domain and numbers", async () => {
  const ordinary = { ...block, id: "rooms", prefix: "room", count: 1, numbers: [] };
  const world = await World.open({ tenants: [{ ...acmeWith({}), blocks: [wildcarded, ordinary] }] });
  onTestFinished(() => world.close());
  const allowedWafWwsf = [issuer, acmeClientId];
  expect(JSON.parse(await textOf(world.waf.blocks.export("json")))).toEqual([
    {
      tenant: "acme",
      block: "rooms",
      impi: "room0001.acme@ims.test",
      impu: "sip:room0001@acme.ims.test",
      allowedWafWwsf,
    },
    {
      tenant: "acme",
      block: "main",
      impi: "company.acme@ims.test",
      impu: company,
      wildcards: ["sip:!.*!@acme.ims.test", "tel:!\\+12125550199!", "tel:!\\+1212555020[0-1]!"],
      allowedWafWwsf,
    },
  ]);
  const [header, , row] = (await textOf(world.waf.blocks.export("csv"))).split("\r\n");
  expect(header).toBe("tenant,block,impi,impu,alias,allowed");
  expect(row).toBe(
    `acme,main,company.acme@ims.test,${company},` +
      `sip:!.*!@acme.ims.test tel:!\\+12125550199! tel:!\\+1212555020[0-1]!,${issuer} ${acmeClientId}`,
  );
});

test("ADM-04g the block table gives each of its identities the one subscription; identities are given out as of any block", async () => {
  const world = await World.open({ tenants: [acmeWith(wildcarded)] });
  onTestFinished(() => world.close());
  const { body } = await world.exchange("mary");
  expect(body).toMatchObject({ ims: { impu: "sip:u0001@acme.ims.test", tel: "+12125550199" } });
  const shared = { impu: company, impi: "company.acme@ims.test" };
  expect(await world.waf.block.find("sip:u0001@acme.ims.test")).toMatchObject({ impi: shared.impi, shared });
  expect(await world.waf.block.find(company)).toBeUndefined();
  const [entry] = await world.waf.blocks.entries("acme", { limit: 1 });
  expect(entry).toMatchObject({ impu: "sip:u0001@acme.ims.test", impi: shared.impi });
});

test("ADM-04g wildcards of numbers stand for the numbers of the block and for no others", () => {
  const digits = fc.integer({ min: 1_212_550_000, max: 1_212_559_999 }).map((number) => `+${number}`);
  fc.assert(
    fc.property(
      digits,
      fc.integer({ min: 0, max: 600 }),
      fc.array(digits, { maxLength: 20 }),
      (first, more, others) => {
        const numbers = Array.from({ length: more + 1 }, (_, n) => `+${Number(first.slice(1)) + n}`);
        const all = new Set([...numbers, ...others]);
        const [, ...wildcards] = wildcardsOf(block, "ims.test", [...all]);
        const patterns = wildcards.map((wildcard) => new RegExp(`^${wildcard.slice("tel:!".length, -1)}$`, "u"));
        const stands = (number: string): number => patterns.filter((pattern) => pattern.test(number)).length;
        for (const number of all) expect([number, stands(number)]).toEqual([number, 1]);
        for (const near of [...all].flatMap((number) => [Number(number) - 1, Number(number) + 1])) {
          expect(stands(`+${near}`)).toBe(all.has(`+${near}`) ? 1 : 0);
        }
        expect(stands(`${first}0`)).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

const problems = (...blocks: unknown[]): string[] =>
  checkTenant({ ...acmeWith({}), blocks }).map(({ path, problem }) => `${path} ${problem}`);

test("ADM-04g what contradicts itself in a wildcarded block is told by its place", () => {
  expect(problems(wildcarded)).toEqual([]);
  expect(problems({ ...wildcarded, wildcard: { impu: "sip:u0001@acme.ims.test" } })).toEqual([
    "/blocks/0/wildcard/impu is an identity of a user of the block",
  ]);
  const entries = [{ impu: "sip:anna@acme.ims.test", impi: "anna@ims.test" }];
  expect(problems({ ...wildcarded, entries })).toEqual([
    "/blocks/0/entries/0/impi has no use in a block with wildcard; remove it",
  ]);
  expect(
    problems({
      ...wildcarded,
      wildcard: { impu: "sip:anna@acme.ims.test" },
      entries: [{ impu: "sip:anna@acme.ims.test" }],
    }),
  ).toEqual(["/blocks/0/wildcard/impu is an identity of a user of the block"]);
  expect(problems(wildcarded, { ...wildcarded, id: "second", prefix: "v" })).toEqual([
    "/blocks/1/wildcard stands for the domain of another block with wildcard",
  ]);
});

test("ADM-04g the identity that is registered for all is imported as nobody's", async () => {
  const world = await World.open({ tenants: [acmeWith(wildcarded)] });
  onTestFinished(() => world.close());
  const imported = world.waf.blocks.import("acme", "main", JSON.stringify([{ impu: company }]), {
    format: "json",
    by: "test",
  });
  await expect(imported).rejects.toMatchObject({
    problems: [{ path: "/0/impu", problem: "is registered for the whole block; it is no user's" }],
  });
});

test("ADM-04g what one tenant's wildcarded block is known by, no other tenant gets", async () => {
  const world = await World.open({ tenants: [acmeWith(wildcarded)] });
  onTestFinished(() => world.close());
  const refusal = async (...blocks: unknown[]): Promise<string> => {
    const { clients, ...rest } = acmeWith({});
    const other = {
      ...rest,
      id: "other",
      clients: clients.map((client) => Object.assign(structuredClone(client), { clientId: "other.test" })),
      blocks,
    };
    try {
      const { version } = await world.waf.tenants.create(other, { by: "test" });
      await world.waf.tenants.remove("other", { by: "test", version });
      return "";
    } catch (error) {
      return `${(error as WafError).code}: ${(error as Error).message}`;
    }
  };
  const elsewhere = { ...block, domain: "other.ims.test", prefix: "e", numbers: [] };
  const here = { ...block, prefix: "o", numbers: [] };
  expect(await refusal({ ...here, wildcard: { impu: "sip:all@acme.ims.test" } })).toMatch(
    /^tenant_exists: .*the wildcard of domain acme\.ims\.test is another tenant's/,
  );
  expect(await refusal({ ...elsewhere, wildcard: { impu: company } })).toMatch(
    /sip:company@acme\.ims\.test is another/,
  );
  const impi = "company.acme@ims.test";
  expect(await refusal({ ...elsewhere, wildcard: { impu: "sip:all@other.ims.test", impi } })).toContain(`${impi} is`);
  expect(await refusal({ ...elsewhere, wildcard: { impu: "sip:u0001@acme.ims.test" } })).toMatch(/u0001.* is another/);
  expect(await refusal({ ...here, count: 0, entries: [{ impu: company }] })).toMatch(/company.* is another/);
  // Distinct identities beside the wildcard are the HSS's to tell apart (TS 29.228 §6.1.4).
  expect(await refusal(here)).toBe("");
  expect(await refusal({ ...elsewhere, wildcard: { impu: "sip:all@other.ims.test" } })).toBe("");
});
