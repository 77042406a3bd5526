import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startLabCore } from "./labCore.ts";
import { PortalUnderTest } from "./portalUnderTest.ts";
import type { TestCore } from "./testCore.ts";

let core: TestCore;
let under: PortalUnderTest;

beforeAll(async () => {
  core = await startLabCore();
  under = await PortalUnderTest.start(core, "UDP", { limits: { registrations: 1 } });
});
afterAll(async () => {
  await under?.close();
  await core?.close();
});

test("ADM-01 GEN-09b a tenant has no more registrations than its document says; a place that is left is another's", async () => {
  const [mary, ken] = [await under.phone("mary"), await under.phone("ken")];
  expect((await mary.register()).status).toBe(200);
  const refused = await ken.register();
  expect([refused.status, refused.has("Retry-After")]).toEqual([480, true]);
  expect(under.alarms).toEqual(["tenant.registrations-full"]);
  expect((await mary.register()).status).toBe(200);
  expect((await mary.register(0)).status).toBe(200);
  expect((await ken.register()).status).toBe(200);
  expect((await ken.register(0)).status).toBe(200);
  for (const phone of [mary, ken]) phone.drop();
  await eventually(
    () => under.portal.epcscf.counts,
    ({ registrations, leftovers }) => registrations + leftovers === 0,
  );
});
