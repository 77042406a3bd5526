import { afterEach, beforeEach, expect, test } from "vitest";
import { startLab } from "../src/index.ts";
import type { Lab } from "../src/index.ts";
import { standsFor } from "../src/core/wildcard.ts";
import { TestNode, ken } from "./ue.ts";

let lab: Lab;
let node: TestNode;

/** One subscription for a whole company: a distinct identity to register, and two wildcards in its set. */
const company = {
  impi: "company.acme@ims.test",
  impu: "sip:company@acme.ims.test",
  wildcards: [{ identity: "sip:!.*!@acme.ims.test" }, { identity: "tel:!\\+121255502[0-9]{2}!" }],
};
const anna = { ...company, impu: "sip:anna@acme.ims.test" };

beforeEach(async () => {
  lab = await startLab({ subscriptions: [company, ken], trusted: [] });
  node = await TestNode.open(lab);
  await node.register(company);
});

afterEach(async () => {
  await node.close();
  await lab.close();
});

/** P-Called-Party-ID of the INVITE that the node gets when somebody calls; undefined: it gets none. */
async function called(to: string): Promise<{ party: string | undefined; status: number | undefined }> {
  let party: string | undefined;
  node.onInvite = (tx) => {
    party = tx.request.get("P-Called-Party-ID");
    tx.reply(486);
  };
  const ended = await (await lab.dial({ from: "+12025550110", to })).ended;
  return { party, status: ended.status };
}

test("a wildcarded identity stands for what its expression matches, in the user part alone", () => {
  const cases: [wildcard: string, identity: string, stands: boolean][] = [
    ["sip:!.*!@acme.ims.test", "sip:anna@acme.ims.test", true],
    ["sip:!.*!@acme.ims.test", "sip:anna@other.ims.test", false],
    ["sip:!.*!@acme.ims.test", "sip:anna@x@acme.ims.test", false],
    ["sip:list!.*!@acme.ims.test", "sip:list7@acme.ims.test", true],
    ["sip:list!.*!@acme.ims.test", "sip:last7@acme.ims.test", false],
    ["sip:!u[0-9]+|v!@acme.ims.test", "sip:v@acme.ims.test", true],
    ["sip:!u[0-9]+|v!@acme.ims.test", "sip:u1v@acme.ims.test", false],
    ["tel:!\\+1212555[0-9]{4}!", "tel:+12125550199", true],
    ["tel:!\\+1212555[0-9]{4}!", "tel:+121255501999", false],
    ["sip:anna@acme.ims.test", "sip:anna@acme.ims.test", false],
  ];
  for (const [wildcard, identity, stands] of cases) {
    expect([wildcard, identity, standsFor(wildcard, identity)]).toEqual([wildcard, identity, stands]);
  }
});

test("CORE-06c a call to an identity that a wildcard of a registered set stands for goes to the set's contact", async () => {
  expect(await called("sip:anna@acme.ims.test")).toEqual({ party: "<sip:anna@acme.ims.test>", status: 486 });
  expect((await called("tel:+12125550207")).party).toBe("<tel:+12125550207>");
  expect((await called(company.impu)).party).toBe(`<${company.impu}>`);
  lab.deregister(company.impu);
  expect(await called("sip:anna@acme.ims.test")).toEqual({ party: undefined, status: 480 });
});

test("CORE-06c a distinct identity wins over the wildcard, whether it is registered or not", async () => {
  expect(await called(ken.impu)).toEqual({ party: undefined, status: 480 });
  expect((await node.send(node.request("MESSAGE", "tel:+12125550207", { ...company, impu: ken.impu }))).status).toBe(
    403,
  );
});

test("CORE-06d who is registered by a wildcard may assert what it stands for, and nothing else", async () => {
  const message = (who: { impi: string; impu: string }) => node.send(node.request("MESSAGE", company.impu, who));
  expect((await message(anna)).status).toBe(200);
  expect((await message({ ...company, impu: "tel:+12125550233" })).status).toBe(200);
  expect((await message({ ...company, impu: "sip:anna@other.ims.test" })).status).toBe(403);
  expect((await message({ ...company, impu: "tel:+12125550333" })).status).toBe(403);
  expect(lab.violations).toEqual([]);
});

test("CORE-06b an identity that only a wildcard stands for cannot be registered", async () => {
  expect((await node.register(anna)).status).toBe(403);
  expect(lab.registrations.map(({ impu }) => impu)).toEqual([company.impu]);
});
