import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startKamailioTestCore } from "../core/kamailioCore.ts";
import { startLabCore } from "../core/labCore.ts";
import { PortalUnderTest } from "../core/portalUnderTest.ts";
import type { TestCore } from "../core/testCore.ts";
import { corePackages } from "../kamailio/core.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { bundle } from "../support/bundle.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";

/** Seconds at most; both clients refresh in the middle of that. */
const granted = 10;
const cores = [
  { name: "lab", missing: undefined, start: () => startLabCore(granted) },
  {
    name: "Kamailio",
    missing: needPackages(corePackages),
    start: () => startKamailioTestCore({ maxExpires: granted }),
  },
] as const;
const clients = [
  { client: "JsSIP", user: "mary" },
  { client: "SIP.js", user: "ken" },
] as const;

describe.skipIf(!hasChromium)(`clients that others have written${hasChromium ? "" : " (skipped: no Chromium)"}`, () => {
  let person: Person;
  let script: string;

  beforeAll(async () => {
    person = await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: true });
    script = await bundle(fileURLToPath(import.meta.resolve("./page.ts")));
  });
  afterAll(() => person?.close());

  // Side by side: what takes time is to wait for refreshes.
  describe.concurrent.each(cores)("on $name", ({ missing, start }) => {
    const skipped = missing !== undefined;
    let core: TestCore;
    let under: PortalUnderTest;

    beforeAll(async () => {
      if (skipped) return;
      core = await start();
      under = await PortalUnderTest.start(core, "TCP");
    });
    afterAll(async () => {
      await under?.close();
      await core?.close();
    });

    test.skipIf(skipped).each(clients)(
      "EPC-REG-03a $client registers with nothing but the token, stays registered over three refreshes, calls, and leaves",
      async ({ client, user }) => {
        const { accessToken, impu } = await under.signIn(user);
        const page = await person.context.newPage();
        await page.goto(under.site.origin);
        await page.addScriptTag({ content: script });
        const setting = { url: under.w2, impu, authorization: `Bearer ${accessToken}` };
        await page.evaluate(([name, given]) => window.openClient(name, given), [client, setting] as const);
        await eventually(
          () => core.assignments(impu),
          ({ length }) => length >= 4,
          4 * granted * 1000,
        );
        expect(await page.evaluate(() => window.client.failure)).toBeUndefined();
        expect(await core.contacts(impu)).toHaveLength(1);
        const [first, ...refreshes] = core.assignments(impu);
        expect([first, new Set(refreshes)]).toEqual(["REGISTRATION", new Set(["RE_REGISTRATION"])]);
        expect(core.commands(impu)).not.toContain("MAR");
        expect(await page.evaluate(() => window.client.call("sip:+12025550110@ims.test"))).toBe("answered");
        await page.evaluate(() => window.client.stop());
        expect(core.assignments(impu).at(-1)).toBe("USER_DEREGISTRATION");
        // Kamailio takes it out with its next round.
        await eventually(
          () => core.contacts(impu),
          ({ length }) => length === 0,
        );
        await page.close();
      },
    );
  });
});
