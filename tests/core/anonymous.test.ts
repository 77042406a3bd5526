import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { corePackages } from "../kamailio/core.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { startKamailioTestCore } from "./kamailioCore.ts";
import { startLabCore } from "./labCore.ts";
import { PortalUnderTest } from "./portalUnderTest.ts";
import { self, subscriptionOf, type CoreName, type TestCore } from "./testCore.ts";

const missing = needPackages(corePackages);
const starts: Record<CoreName, () => Promise<TestCore>> = {
  lab: () => startLabCore(),
  Kamailio: startKamailioTestCore,
};
const guest = subscriptionOf("mary");
const block = { domain: "ims.test", quarantineSeconds: 0 };

describe.each(["lab", "Kamailio"] as const)("visitors whom nobody knows, on %s", (name) => {
  const skipped = name === "Kamailio" && missing !== undefined;
  let core: TestCore;
  let under: PortalUnderTest;

  beforeAll(async () => {
    if (skipped) return;
    core = await starts[name]();
    const entryOf = ({ impi, impu }: typeof guest) => ({ impi, impu });
    under = await PortalUnderTest.start(core, "TCP", {
      blocks: [
        { ...block, id: "staff", entries: [entryOf(self)], assignment: "sticky" },
        { ...block, id: "guests", entries: [entryOf(guest)], assignment: "dynamic" },
      ],
      rules: [{ choose: "firstFree", block: "staff" }],
      anonymous: { block: "guests", restrictions: { mo: ["internal"] } },
    });
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.error(core?.logs());
  });
  afterAll(async () => {
    await under?.close();
    await core?.close();
  });

  test.skipIf(skipped)(
    "GEN-14b a visitor has an identity of the pool in the IMS and is called by it; others keep theirs, and when she leaves nothing of her is left",
    async () => {
      const first = await under.phone("");
      expect((await first.register()).status).toBe(200);
      await eventually(
        () => core.contacts(guest.impu),
        (all) => all.length === 1,
      );
      expect(core.commands(guest.impu)).not.toContain("MAR");
      expect(await core.call(guest.impu)).toBe(603);
      expect(first.calls).toHaveLength(1);
      await expect(under.signIn(""), "there is one").rejects.toThrow("block_exhausted");
      expect((await under.signIn("anna")).impu).toBe(self.impu);

      await under.site.signOut("");
      under.site.withoutTokens.delete("");
      await eventually(
        () => core.contacts(guest.impu),
        (all) => all.length === 0,
      );
      await expect(under.signIn(""), "it rests until her token is over").rejects.toThrow("block_exhausted");
      first.drop();
    },
  );
});
