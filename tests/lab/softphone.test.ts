import { countTone } from "@portico/lab";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBaresip, telephonePackages, type Baresip } from "../kamailio/baresip.ts";
import { callPhase, dial, signIn } from "../support/acmePage.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { untilPattern } from "../support/ears.ts";
import { needPackages } from "../support/packages.ts";
import { openWorld, type World } from "../support/world.ts";

const missing = needPackages([...telephonePackages, ...(hasChromium ? [] : ["chromium"])]);
const desk = { impu: "sip:desk@ims.test", impi: "desk@ims.test", password: "desk-demo", tel: "+12025550160" };

describe.skipIf(missing !== undefined)(
  `a SIP telephone${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let world: World;
    let mary: Person;
    let telephone: Baresip;

    beforeAll(async () => {
      const { password: digestPassword, ...identity } = desk;
      world = await openWorld({ latchCore: true, lab: { subscriptions: [{ ...identity, digestPassword }] } });
      telephone = await startBaresip({
        index: 5,
        subscription: desk,
        accessPoint: `sip:127.0.0.1:${world.lab.icscf.port}`,
        tone: { frequency: 1000, onMs: 300, offMs: 300 },
      });
      mary = await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: true });
      await signIn(mary.page, world.url, "mary");
    });

    afterAll(async () => {
      await mary?.close();
      await telephone?.close();
      await world?.close();
    });

    const bothHear = async (): Promise<void> => {
      await untilPattern(mary.page, 1000);
      await expect.poll(() => countTone(telephone.heard(), 440)).toBeGreaterThan(8);
    };

    test("GEN-06b a telephone registered with a password calls a web user, both hear the other", async () => {
      const number = (await mary.page.getByTestId("ims-state").textContent())?.replace(/[^+\d]/g, "") ?? "";
      telephone.dial(`sip:${number}@ims.test;user=phone`);
      await mary.page.getByTestId("answer").click();
      await callPhase(mary.page, "active");
      await bothHear();
      telephone.hangUp();
      await mary.page.getByTestId("call-ended").waitFor();
      await expect.poll(() => world.portal.media.size).toBe(0);
    });

    test("GEN-06b she calls its number, both hear the other", async () => {
      await dial(mary.page, desk.tel);
      await callPhase(mary.page, "active");
      await bothHear();
      await mary.page.getByTestId("hang-up").click();
      await telephone.event("CALL_CLOSED");
      await expect.poll(() => world.portal.media.size).toBe(0);
    });
  },
);
