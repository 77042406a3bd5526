import { countTone } from "@portico/lab";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hearsNothing, hearsOnly, hearsPattern, listen, untilPattern } from "../support/ears.ts";
import { eventually } from "../support/eventually.ts";
import type { Baresip } from "./baresip.ts";
import { webUsers } from "./portalOnCore.ts";
import { missing, pageCall, pageTone, reason, Scene, telephoneTone } from "./scene.ts";
import { firstTelephone } from "./subscribers.ts";

const [webUser] = webUsers;
const number = firstTelephone.tel ?? "";

/** Waits until the page hears the telephone's pattern, and the telephone the page's, from now on. */
async function bothHear(page: Page, baresip: Baresip): Promise<void> {
  const before = baresip.heard().length;
  await eventually(
    () => listen(page, 1500),
    (heard) => hearsPattern(heard, telephoneTone.frequency) && hearsOnly(heard, telephoneTone.frequency),
  );
  const windows = await eventually(
    () => baresip.heard().slice(before),
    (heard) => countTone(heard, pageTone.frequency) >= 8,
  );
  expect(windows.some(({ frequency }) => frequency === undefined)).toBe(true);
}

for (const protocol of ["TCP", "UDP"] as const) {
  describe.skipIf(missing !== undefined)(`a page with a Kamailio core over ${protocol}${reason}`, () => {
    let scene: Scene;
    let page: Page;
    let baresip: Baresip | undefined;

    beforeAll(async () => {
      scene = await Scene.open({ protocol });
      page = await scene.openPage("olivia");
    });
    afterEach(async ({ task }) => {
      if (task.result?.state === "fail") console.error(scene.core.logs(), baresip?.log());
      await baresip?.close();
      baresip = undefined;
    });
    afterAll(() => scene?.close());

    test("CORE-12 is registered with Kamailio by its token alone, as a trusted node's user", async () => {
      const { impi, impu, tel } = webUser;
      const asked = scene.core.hss.log.filter((one) => one.impu === impu);
      // No MAR: nobody was asked for a password.
      const names = asked.map(({ name }) => name);
      expect(names.slice(0, 2)).toEqual(["UAR", "SAR"]);
      expect(names).not.toContain("MAR");
      expect(asked[1]).toMatchObject({ impi, impu, assignment: "registration", result: 2001 });
      expect(await page.evaluate(() => window.telephone.associated.join(" "))).toContain(`tel:${tel}`);
      expect((await scene.core.contacts(impu)).join(" ")).toMatch(/^sip:[0-9a-f]{26}@127\.0\.10\.5:5060/);
    });

    test("TST-01a calls a telephone: each hears the other, and nothing after the end", async () => {
      baresip = await scene.openTelephone();
      await page.evaluate((target) => window.telephone.dial(target), number);
      await pageCall(page, ({ state }) => state === "active");
      await bothHear(page, baresip);
      baresip.hangUp();
      expect((await pageCall(page, ({ state }) => state === "ended")).end?.cause).toBe("remote-hung-up");
      expect(hearsNothing(await listen(page, 1000))).toBe(true);
      await eventually(
        () => scene.portal.media.size,
        (size) => size === 0,
      );
    });

    test("TST-01b is called by a telephone: each hears the other, and nothing after the end", async () => {
      baresip = await scene.openTelephone();
      baresip.dial(`sip:${webUser.tel}@ims.test`);
      expect((await pageCall(page, ({ state }) => state === "ringing")).remote).toBe(firstTelephone.impu);
      await baresip.event("CALL_RINGING");
      await page.evaluate(() => window.telephone.answer());
      await baresip.event("CALL_ESTABLISHED");
      await bothHear(page, baresip);
      await page.evaluate(() => window.telephone.hangUp());
      await baresip.event("CALL_CLOSED");
      const { length } = baresip.heard();
      expect(hearsNothing(await listen(page, 1000))).toBe(true);
      expect(baresip.heard()).toHaveLength(length);
      await eventually(
        () => scene.portal.epcscf.counts.sessions,
        (count) => count === 0,
      );
    });

    test("SDP-15a holds a call and takes it back: silence, although the telephone goes on speaking", async () => {
      baresip = await scene.openTelephone();
      await page.evaluate((target) => window.telephone.dial(target), number);
      await pageCall(page, ({ state }) => state === "active");
      await bothHear(page, baresip);
      const offers = (): string[] => baresip?.log().match(/^a=(sendrecv|sendonly|recvonly)$/gm) ?? [];
      await page.evaluate(() => window.telephone.hold());
      await pageCall(page, ({ state }) => state === "held");
      expect(offers().slice(-2)).toEqual(["a=sendonly", "a=recvonly"]);
      expect(hearsNothing(await listen(page, 1500))).toBe(true);
      await page.evaluate(() => window.telephone.resume());
      await pageCall(page, ({ state }) => state === "active");
      expect(offers().slice(-2)).toEqual(["a=sendrecv", "a=sendrecv"]);
      await untilPattern(page, telephoneTone.frequency);
      await page.evaluate(() => window.telephone.hangUp());
      await baresip.event("CALL_CLOSED");
    });

    test("presses keys that the telephone reads", async () => {
      baresip = await scene.openTelephone();
      await page.evaluate((target) => window.telephone.dial(target), number);
      await pageCall(page, ({ state }) => state === "active");
      await baresip.event("CALL_ESTABLISHED");
      await bothHear(page, baresip);
      await page.evaluate(() => window.telephone.press("42#"));
      for (const key of ["4", "2", "#"]) expect((await baresip.event("CALL_DTMF_START")).param).toBe(key);
      await page.evaluate(() => window.telephone.hangUp());
      await baresip.event("CALL_CLOSED");
    });

    test("gives up a call that rings, and the telephone stops ringing", async () => {
      baresip = await scene.openTelephone(true);
      await page.evaluate((target) => window.telephone.dial(target), number);
      await pageCall(page, ({ state }) => state === "ringing");
      await page.evaluate(() => window.telephone.hangUp());
      await baresip.event("CALL_CLOSED");
      expect((await pageCall(page, ({ state }) => state === "ended")).end?.cause).toBe("cancelled");
      await eventually(
        () => scene.portal.epcscf.counts.sessions,
        (count) => count === 0,
      );
    });

    test("declines a call, and stops ringing when the caller gives up", async () => {
      baresip = await scene.openTelephone();
      baresip.dial(webUser.impu);
      await pageCall(page, ({ state }) => state === "ringing");
      await page.evaluate(() => window.telephone.decline());
      expect((await baresip.event("CALL_CLOSED")).param).toMatch(/^603/);
      baresip.dial(webUser.impu);
      await pageCall(page, ({ state }) => state === "ringing");
      baresip.hangUp();
      expect((await pageCall(page, ({ state }) => state === "ended")).end?.cause).toBe("cancelled");
    });
  });
}
