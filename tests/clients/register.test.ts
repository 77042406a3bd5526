import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLabCore } from "../core/labCore.ts";
import { PortalUnderTest } from "../core/portalUnderTest.ts";
import type { TestCore } from "../core/testCore.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { bundle } from "../support/bundle.ts";
import { eventually } from "../support/eventually.ts";

/** Both clients refresh in the middle of that. */
const granted = 10;
const clients = [
  { client: "JsSIP", user: "mary" },
  { client: "SIP.js", user: "ken" },
] as const;

describe.skipIf(!hasChromium)(`clients that others have written${hasChromium ? "" : " (skipped: no Chromium)"}`, () => {
  let core: TestCore;
  let under: PortalUnderTest;
  let person: Person;
  let script: string;

  beforeAll(async () => {
    core = await startLabCore(granted);
    under = await PortalUnderTest.start(core, "TCP");
    person = await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: true });
    script = await bundle(fileURLToPath(import.meta.resolve("./page.ts")));
  });
  afterAll(async () => {
    await person?.close();
    await under?.close();
    await core?.close();
  });

  test.concurrent.each(clients)(
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
      expect(await core.contacts(impu)).toEqual([]);
      await page.close();
    },
  );
});
