import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { blockEntries, type BlockDocument } from "../src/index.ts";
import { acmeWith, other, otherBlock, otherClientId, World } from "./world.ts";

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

test("ADM-03b all entries are exported as JSON and CSV for the HSS", async () => {
  const world = await World.open({
    tenants: [acmeWith(block), { ...other, blocks: [{ ...otherBlock, count: 1 }] }],
  });
  onTestFinished(() => world.close());
  const json = JSON.parse(await world.waf.provisioning());
  expect(json).toHaveLength(4);
  expect(json[0]).toEqual({
    tenant: "acme",
    impi: "u0001.acme@ims.test",
    impu: "sip:u0001@acme.ims.test",
    tel: "+12125550199",
  });
  expect((await world.waf.provisioning("csv")).split("\r\n")).toEqual([
    "tenant,impi,impu,alias",
    "acme,u0001.acme@ims.test,sip:u0001@acme.ims.test,tel:+12125550199",
    "acme,u0002.acme@ims.test,sip:u0002@acme.ims.test,tel:+12125550200",
    "acme,u0003.acme@ims.test,sip:u0003@acme.ims.test,tel:+12125550201",
    "other,u0001.other@ims.test,sip:u0001@other.ims.test,tel:+12125550900",
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
