import { countTone, type TelephoneCall } from "@portico/lab";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callPhase, dial, signIn } from "../support/acmePage.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { hearsNothing, hearsOnly, listen, untilPattern } from "../support/ears.ts";
import { eventually } from "../support/eventually.ts";
import { openWorld, type World } from "../support/world.ts";

const marysTone = { frequency: 440, on: 400, off: 300 };
const kensTone = { frequency: 620, on: 300, off: 400 };
const callersTone = { frequency: 1500, onMs: 250, offMs: 250 };
const announcement = "+12025550120";
const announcementTone = 1000;
const set = { impi: "company.acme@ims.test", impu: "sip:company@acme.ims.test" };
const wildcards = ["sip:!.*!@acme.ims.test", "tel:!\\+121255501[01][0-9]!"];

const numberOf = async ({ page }: Person): Promise<string> =>
  (await page.getByTestId("ims-state").textContent())?.replace(/[^+\d]/g, "") ?? "";

/** Both ends hear the other's tone, and nothing else. */
async function bothHear({ page }: Person, own: number, far: number, call: TelephoneCall): Promise<void> {
  expect(hearsOnly(await untilPattern(page, far), far)).toBe(true);
  const before = call.heard().length;
  const heard = await eventually(
    () => call.heard().slice(before),
    (windows) => windows.length >= 20,
  );
  expect(countTone(heard, own)).toBeGreaterThan(heard.length * 0.25);
  expect(countTone(heard, own)).toBeLessThan(heard.length * 0.85);
}

/** Acme's people are all behind one subscription (ADM-04): the core knows none of them by themselves. */
describe.skipIf(!hasChromium)(`browsers in a wildcarded block${hasChromium ? "" : " (skipped: no Chromium)"}`, () => {
  let world: World;
  let mary: Person;
  let ken: Person;

  beforeAll(async () => {
    const subscription = { ...set, wildcards: wildcards.map((identity) => ({ identity })) };
    world = await openWorld({ wildcard: { impu: set.impu }, lab: { subscriptions: [subscription] } });
    mary = await openPerson(marysTone, { loopback: true });
    ken = await openPerson(kensTone, { loopback: true });
    await signIn(mary.page, world.url, "mary");
    await signIn(ken.page, world.url, "ken");
  });
  afterAll(async () => {
    await mary?.close();
    await ken?.close();
    await world?.close();
  });

  async function atRest(): Promise<void> {
    await eventually(
      () => [world.portal.media.size, world.portal.epcscf.counts.sessions],
      ([media, sessions]) => media === 0 && sessions === 0,
    );
    expect(world.lab.violations).toEqual([]);
  }

  test("ADM-04a both are registered, each with a number of her own, by the block's one contact", async () => {
    expect(await numberOf(mary)).toMatch(/^\+121255501\d\d$/);
    expect(await numberOf(ken)).not.toBe(await numberOf(mary));
    expect(world.lab.registrations.map(({ impu, contacts }) => [impu, contacts.length])).toEqual([[set.impu, 1]]);
  });

  test("ADM-04c a call out in her own name: tones both ways, silence after the end", async () => {
    await dial(mary.page, announcement);
    await callPhase(mary.page, "active");
    const call = world.lab.telephones.calls.at(-1) as TelephoneCall;
    expect(call.peer).toBe(`tel:${await numberOf(mary)}`);
    await bothHear(mary, marysTone.frequency, announcementTone, call);
    await mary.page.getByTestId("hang-up").click();
    await mary.page.getByTestId("call-ended").waitFor();
    expect(hearsNothing(await listen(mary.page, 800))).toBe(true);
    await atRest();
  });

  test("ADM-04d a call in to her number rings on her page alone: tones both ways, silence after the end", async () => {
    for (const [callee, other, tone] of [
      [mary, ken, marysTone],
      [ken, mary, kensTone],
    ] as const) {
      const call = await world.lab.dial({ from: "+12025550110", to: await numberOf(callee), tone: callersTone });
      await callee.page.getByTestId("answer").click();
      expect(await call.connected).toBe(true);
      await callPhase(callee.page, "active");
      expect(await other.page.getByTestId("incoming").count()).toBe(0);
      await bothHear(callee, tone.frequency, callersTone.frequency, call);
      call.hangUp();
      await callee.page.getByTestId("call-ended").waitFor();
      expect(hearsNothing(await listen(callee.page, 800))).toBe(true);
      await atRest();
    }
  });
});
