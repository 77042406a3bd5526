import { countTone } from "@portico/lab";
import type { Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { hearsNothing, hearsOnly, hearsPattern, listen } from "../support/ears.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { startBaresip, telephonePackages, type Baresip } from "./baresip.ts";
import { corePackages, startKamailioCore, type KamailioCore } from "./core.ts";
import type { PageCall } from "./page/pageTelephone.ts";
import { startPortalOnCore, webUser, type PortalOnCore } from "./portalOnCore.ts";
import { firstTelephone } from "./subscribers.ts";

const missing = needPackages([...corePackages, ...telephonePackages, ...(hasChromium ? [] : ["chromium"])]);
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;

const pageTone = { frequency: 440, on: 400, off: 400 };
const telephoneTone = { frequency: 1000, onMs: 300, offMs: 300 };

for (const protocol of ["TCP", "UDP"] as const) {
  describe.skipIf(missing !== undefined)(`portal on a Kamailio core over ${protocol}${reason}`, () => {
    const opened: { close(): Promise<void> }[] = [];
    let core: KamailioCore;
    let here: PortalOnCore;
    let person: Person;
    let page: Page;

    const track = async <T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
      const started = await starting;
      opened.push(started);
      return started;
    };
    const telephone = (rings = false): Promise<Baresip> =>
      track(
        startBaresip({
          index: 0,
          subscription: firstTelephone,
          accessPoint: core.accessPoint,
          tone: telephoneTone,
          rings,
        }),
      );
    const pageCall = (fits: (call: PageCall) => boolean): Promise<PageCall | undefined> =>
      eventually(
        () => page.evaluate(() => window.telephone.call),
        (call) => call !== undefined && fits(call),
      );
    const bothHear = async (baresip: Baresip): Promise<void> => {
      const before = countTone(baresip.heard(), pageTone.frequency);
      await eventually(
        () => listen(page, 2000),
        (heard) => hearsPattern(heard, telephoneTone.frequency) && hearsOnly(heard, telephoneTone.frequency),
      );
      await eventually(
        () => countTone(baresip.heard(), pageTone.frequency) - before,
        (count) => count >= 8,
      );
      expect(
        baresip
          .heard()
          .slice(-20)
          .some(({ frequency }) => frequency === undefined),
      ).toBe(true);
    };

    beforeEach(async () => {
      core = await track(startKamailioCore({ subscriptions: [webUser, firstTelephone] }));
      here = await track(startPortalOnCore(protocol));
      person = await track(openPerson(pageTone, { loopback: true }));
      ({ page } = person);
      await page.goto(here.site.origin);
      await page.evaluate(() => void window.telephone.start());
      await eventually(
        () => page.evaluate(() => window.telephone.state),
        (state) => state === "registered",
      );
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === "fail") console.error(core.logs());
      for (const one of opened.splice(0).toReversed()) await one.close();
    });

    test("a page is registered by its token alone and de-registered without a trace", async () => {
      const { log } = core.hss;
      // No MAR: nobody was asked for a password.
      const names = log.map((procedure) => procedure.name);
      expect(names.slice(0, 2)).toEqual(["UAR", "SAR"]);
      expect(names).not.toContain("MAR");
      expect(log[1]).toMatchObject({ impi: webUser.impi, impu: webUser.impu, assignment: "registration" });
      expect(await page.evaluate(() => window.telephone.associated.join(" "))).toContain(`tel:${webUser.tel}`);
      const [contact = ""] = await core.contacts(webUser.impu);
      expect(contact).toContain("@127.0.10.5:5060");

      await page.evaluate(() => window.telephone.logOut());
      await eventually(
        () => core.contacts(webUser.impu),
        (contacts) => contacts.length === 0,
      );
      expect(log.at(-1)).toMatchObject({ name: "SAR", impu: webUser.impu, assignment: "user-deregistration" });
      expect(here.portal.epcscf.counts.registrations).toBe(0);
    });

    test("a page calls a telephone: each hears the other, and nothing after the end", async () => {
      const baresip = await telephone();
      await page.evaluate((number) => window.telephone.dial(number), firstTelephone.tel ?? "");
      await pageCall(({ state }) => state === "active");
      await bothHear(baresip);
      baresip.hangUp();
      expect((await pageCall(({ state }) => state === "ended"))?.end?.cause).toBe("remote-hung-up");
      expect(hearsNothing(await listen(page, 1000))).toBe(true);
      await eventually(
        () => here.portal.media.size,
        (size) => size === 0,
      );
    });

    test("a telephone calls a page: each hears the other, and nothing after the end", async () => {
      const baresip = await telephone();
      baresip.dial(`sip:${webUser.tel}@ims.test`);
      const call = await pageCall(({ state }) => state === "ringing");
      expect(call?.remote).toContain("phone1@ims.test");
      await baresip.event("CALL_RINGING");
      await page.evaluate(() => window.telephone.answer());
      await baresip.event("CALL_ESTABLISHED");
      await pageCall(({ state }) => state === "active");
      await bothHear(baresip);
      await page.evaluate(() => window.telephone.hangUp());
      await baresip.event("CALL_CLOSED");
      const length = baresip.heard().length;
      expect(hearsNothing(await listen(page, 1000))).toBe(true);
      expect(baresip.heard()).toHaveLength(length);
      expect(here.portal.epcscf.counts.sessions).toBe(0);
    });

    test("the network ends a registration: the portal and the page learn of it", async () => {
      expect(await core.deregister(webUser.impu)).toBe(2001);
      await eventually(
        () => here.portal.epcscf.counts.registrations,
        (count) => count === 0,
      );
      await eventually(
        () => page.evaluate(() => window.telephone.state),
        (state) => state !== "registered",
      );
    });
  });
}
