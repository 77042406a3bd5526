import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { signIn } from "../support/acmePage.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { openWorld, type World } from "../support/world.ts";

describe.skipIf(!hasChromium)(`a block of one identity${hasChromium ? "" : " (skipped: no Chromium)"}`, () => {
  let world: World;
  const people: Person[] = [];

  beforeAll(async () => {
    world = await openWorld({ count: 1 });
    for (let at = 0; at < 2; at += 1) {
      people.push(await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: true }));
    }
  });

  afterAll(async () => {
    for (const person of people) await person.close();
    await world?.close();
  });

  test("WWSF-07a WWSF-07b the second user is told that no number is free, the administrator gets an alarm", async () => {
    const [mary, ken] = people;
    if (mary === undefined || ken === undefined) throw new Error("two people are needed");
    await signIn(mary.page, world.url, "mary");
    await ken.page.goto(world.url);
    await ken.page.getByTestId("sign-in").click();
    await ken.page.getByLabel(/user name/i).fill("ken");
    await ken.page.getByLabel(/password/i).fill("ken-demo");
    const refused = ken.page.waitForResponse((response) => response.url().endsWith("/api/ims-session"));
    await ken.page.getByRole("button", { name: /sign in/i }).click();
    expect((await refused).status()).toBe(503);
    await expect.poll(() => ken.page.getByTestId("problem").textContent()).toMatch(/number/i);
    expect(world.log.some((event) => event.startsWith("alarm:block_exhausted"))).toBe(true);
    expect(world.portal.epcscf.counts.registrations).toBe(1);
  });
});
