import { networkInterfaces } from "node:os";
import { countTone } from "@portico/lab";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callPhase, dial, signIn } from "../support/acmePage.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { untilPattern } from "../support/ears.ts";
import { openWorld, type World } from "../support/world.ts";

const address = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;
const lacking = hasChromium ? (address === undefined ? "no interface but loopback" : "") : "no Chromium";

describe.skipIf(lacking !== "")(`a browser as users have it${lacking === "" ? "" : ` (skipped: ${lacking})`}`, () => {
  let world: World;
  let mary: Person;

  beforeAll(async () => {
    world = await openWorld(address === undefined ? {} : { mediaAddress: address });
    mary = await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: false });
    await signIn(mary.page, world.url, "mary");
  });

  afterAll(async () => {
    await mary?.close();
    await world?.close();
  });

  test("AGW-02 Chromium without loopback flags: the call goes over an interface of the machine, both sides hear", async () => {
    await dial(mary.page, "+12025550120");
    await callPhase(mary.page, "active");
    await untilPattern(mary.page, 1000);
    const call = world.lab.telephones.calls.at(-1);
    await expect.poll(() => countTone(call?.heard() ?? [], 440)).toBeGreaterThan(8);
    await mary.page.getByTestId("hang-up").click();
    await expect.poll(() => world.portal.media.size).toBe(0);
  });
});
