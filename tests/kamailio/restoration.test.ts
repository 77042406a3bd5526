import { countTone } from "@portico/lab";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hearsOnly, hearsPattern, listen } from "../support/ears.ts";
import { eventually } from "../support/eventually.ts";
import type { Baresip } from "./baresip.ts";
import { webUsers } from "./portalOnCore.ts";
import { missing, pageCall, pageTone, reason, Scene, telephoneTone } from "./scene.ts";
import { firstTelephone } from "./subscribers.ts";

const [{ impu, tel }] = webUsers;
const number = firstTelephone.tel ?? "";
/** How long the portal may not know that an S-CSCF has lost its users, where none of them calls, ms; and what it then takes. */
const unknownFor = 30_000;
const restoring = 5000;

/**
 * The S-CSCF is killed and comes back without its registrations. Kamailio has no restoration data in the HSS (TS 23.380 §4.3) and never
 * answers with 504: it refuses a call of somebody whom it does not know with 403, as TS 24.229 §5.4.3.2 has it, and a call to her does not
 * even reach the portal.
 */
for (const protocol of ["TCP", "UDP"] as const) {
  describe.skipIf(missing !== undefined)(`an S-CSCF that crashes, over ${protocol}${reason}`, () => {
    let scene: Scene;
    let page: Page;
    let baresip: Baresip | undefined;
    /** What her page has shown, since it was opened. */
    const states = (): Promise<string[]> => page.evaluate(() => window.telephone.states.slice());

    beforeAll(async () => {
      scene = await Scene.open({ protocol });
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === "fail") console.error(scene.core.logs(), baresip?.log(), await states());
      await baresip?.close();
      baresip = undefined;
      await page?.close();
      await scene.unbound(impu);
    });
    afterAll(() => scene?.close());

    /** It comes back at once, and knows nobody but whom the portal has found lost meanwhile, as it may at any time. */
    async function crash(): Promise<void> {
      await scene.core.crash("scscf");
      await scene.core.start("scscf");
    }

    async function bothHear(telephone: Baresip): Promise<void> {
      const before = telephone.heard().length;
      await eventually(
        () => listen(page, 1500),
        (heard) => hearsPattern(heard, telephoneTone.frequency) && hearsOnly(heard, telephoneTone.frequency),
      );
      await eventually(
        () => countTone(telephone.heard().slice(before), pageTone.frequency),
        (count) => count >= 8,
      );
    }

    async function callOut(telephone: Baresip): Promise<void> {
      await page.evaluate((target) => window.telephone.dial(target), number);
      await pageCall(page, ({ state, direction }) => state === "active" && direction === "outgoing");
      await bothHear(telephone);
      telephone.hangUp();
      await pageCall(page, ({ state }) => state === "ended");
    }

    async function callIn(telephone: Baresip): Promise<void> {
      telephone.dial(`sip:${tel}@ims.test`);
      await pageCall(page, ({ state, direction }) => state === "ringing" && direction === "incoming");
      await page.evaluate(() => window.telephone.answer());
      await telephone.event("CALL_ESTABLISHED");
      await bothHear(telephone);
      await page.evaluate(() => window.telephone.hangUp());
      await telephone.event("CALL_CLOSED");
    }

    /** Registered, and both the portal and the page have their subscriptions. */
    async function open(): Promise<void> {
      const before = scene.core.watches(impu);
      page = await scene.openPage("olivia");
      await eventually(
        () => scene.core.watches(impu),
        (count) => count === before + 2,
      );
    }

    test("EPC-REG-01d EPC-REG-01h WIC-04d her next call is put through, as if nothing had happened, and she can be called", async () => {
      await open();
      await crash();
      baresip = await scene.openTelephone();
      await callOut(baresip);
      expect(await scene.core.contacts(impu)).toHaveLength(1);
      await callIn(baresip);
      expect(await states()).not.toContain("reconnecting");
    });

    if (protocol === "UDP") return;

    test("EPC-REG-01h nobody calls: the portal finds out and registers her anew; the call that she has goes on, and her page notices nothing", async () => {
      await open();
      baresip = await scene.openTelephone();
      await page.evaluate((target) => window.telephone.dial(target), number);
      await pageCall(page, ({ state }) => state === "active");
      await bothHear(baresip);
      await crash();
      await eventually(
        () => scene.core.contacts(impu),
        (contacts) => contacts.length === 1,
        unknownFor + restoring,
      );
      await bothHear(baresip);
      await page.evaluate(() => window.telephone.hangUp());
      await baresip.event("CALL_CLOSED");
      // The telephone's own registration is lost as well.
      await baresip.close();
      baresip = await scene.openTelephone();
      await callIn(baresip);
      await callOut(baresip);
      expect(await states()).not.toContain("reconnecting");
    });

    // Over UDP only timer B tells that nobody is there, after 32 s.
    test("EPC-REG-01d WIC-04d she calls while it is down: her page says that the network is away, and is back by itself when it is", async () => {
      await open();
      await scene.core.crash("scscf");
      await page.evaluate((target) => window.telephone.dial(target), number);
      expect((await pageCall(page, ({ state }) => state === "ended")).end?.cause).toBe("network");
      expect((await states()).at(-1)).toBe("reconnecting");
      await scene.core.start("scscf");
      await eventually(states, (all) => all.at(-1) === "registered");
      expect(await scene.core.contacts(impu)).toHaveLength(1);
      baresip = await scene.openTelephone();
      await callOut(baresip);
      await callIn(baresip);
    });
  });
}
