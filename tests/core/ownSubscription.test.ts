import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { corePackages } from "../kamailio/core.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { startKamailioTestCore } from "./kamailioCore.ts";
import { startLabCore } from "./labCore.ts";
import { PortalUnderTest } from "./portalUnderTest.ts";
import { self, subscriptionOf, type CoreName, type TestCore } from "./testCore.ts";
import { WebPhone } from "./webPhone.ts";

const missing = needPackages(corePackages);
const starts: Record<CoreName, () => Promise<TestCore>> = {
  lab: () => startLabCore(),
  Kamailio: startKamailioTestCore,
};
/** Anna's subscription, which has a password in the HSS as well, and Boris's. */
const [hers, his] = [self, subscriptionOf("mary")];

/**
 * Scenario 2 of TS 23.228 Annex U: users with IMS subscriptions of their own, each with identities that are hers alone, who sign in
 * on the web. The operator lists the subscriptions, and the identity provider says whose is whose; the rest is as for a block.
 */
describe.each(["lab", "Kamailio"] as const)("users with subscriptions of their own, on %s", (name) => {
  const skipped = name === "Kamailio" && missing !== undefined;
  let core: TestCore;
  let under: PortalUnderTest;
  const phones: WebPhone[] = [];

  beforeAll(async () => {
    if (skipped) return;
    core = await starts[name]();
    under = await PortalUnderTest.start(core, "TCP", {
      blocks: [
        {
          id: "subscribers",
          domain: "ims.test",
          entries: [hers, his].map(({ impi, impu }) => ({ impi, impu })),
          assignment: "sticky",
          quarantineSeconds: 0,
        },
      ],
      rules: [{ choose: "impuInClaim", claim: "ims_identity" }],
    });
    under.site.claims.set("anna", { ims_identity: hers.impu });
    under.site.claims.set("boris", { ims_identity: his.impu });
    // In the opposite order of the list: the first free one would be the wrong one.
    for (const user of ["boris", "anna"]) await under.signIn(user);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") console.error(core?.logs());
    for (const phone of phones.splice(0)) phone.drop();
    if (!skipped) await bound(hers.impu, 0);
  });
  afterAll(async () => {
    await under?.close();
    await core?.close();
  });
  const bound = (impu: string, count: number): Promise<readonly string[]> =>
    eventually(
      () => core.contacts(impu),
      (contacts) => contacts.length === count,
    );
  const kept = (phone: WebPhone): WebPhone => {
    phones.push(phone);
    return phone;
  };

  test.skipIf(skipped)(
    "GEN-14a EPC-REG-08 her web login registers her own IMPU and IMPI; the core asks for no password, though it has one of hers",
    async () => {
      const phone = kept(await under.phone("anna"));
      expect((await phone.register()).status).toBe(200);
      await bound(hers.impu, 1);
      const registered = under.portal.epcscf.registrations(true);
      expect(registered.map(({ impu, network }) => [impu, network?.impi])).toEqual([[hers.impu, hers.impi]]);
      expect(core.commands(hers.impu)).toContain("SAR");
      expect(core.commands(hers.impu)).not.toContain("MAR");
      expect(core.assignments(hers.impu)).toEqual(["REGISTRATION"]);
      expect(await core.call(hers.impu)).toBe(603);
      expect(phone.calls).toHaveLength(1);
      expect((await phone.register(0)).status).toBe(200);
      await bound(hers.impu, 0);
    },
  );

  test.skipIf(skipped)(
    "GEN-14a WWSF-04d she has it on two devices at once; signed out on one, she goes on with the other",
    async () => {
      const devices = [kept(await under.phone("anna")), kept(await under.phone("anna"))];
      for (const phone of devices) expect((await phone.register()).status).toBe(200);
      await bound(hers.impu, 2);
      await under.site.signOut("anna");
      await bound(hers.impu, 1);
      under.site.withoutTokens.delete("anna");
      expect((await under.signIn("anna")).impu).toBe(hers.impu);
    },
  );

  test.skipIf(skipped).each([
    ["that another user holds", { ims_identity: hers.impu }, "the claim ims_identity names none"],
    ["that is not listed", { ims_identity: "sip:nobody@ims.test" }, "the claim ims_identity names none"],
    ["at all", {}, "token lacks the claim ims_identity"],
  ])("GEN-14a WAF-08 no identity for a user whose provider names none %s; she is told why", async (_, claims, why) => {
    under.site.claims.set("mallory", claims);
    await expect(under.signIn("mallory")).rejects.toThrow(why);
    expect((await under.signIn("anna")).impu).toBe(hers.impu);
  });

  test.skipIf(skipped)("GEN-14a a claim that names another's identity from now on gives it to nobody", async () => {
    under.site.claims.set("boris", { ims_identity: hers.impu });
    expect((await under.signIn("boris")).impu).toBe(his.impu);
  });

  test.skipIf(skipped)("GEN-14a EPC-REG-05a another user's token does not register her identity: 403", async () => {
    const { accessToken: token } = await under.signIn("boris");
    const identity = { impu: hers.impu, token };
    const phone = kept(await WebPhone.open({ url: under.w2, origin: under.site.origin, identity }));
    const asked = core.commands(hers.impu).length;
    expect((await phone.register()).status).toBe(403);
    expect(core.commands(hers.impu), "the core would refuse it as well, but is not asked").toHaveLength(asked);
  });

  test.skipIf(skipped)(
    "GEN-14a her own password registers nothing where the web login speaks for her identity: 403",
    async () => {
      const phone = kept(await under.ownPhone(hers));
      expect((await phone.register()).status).toBe(403);
      expect(core.commands(hers.impu)).not.toContain("MAR");
    },
  );
});
