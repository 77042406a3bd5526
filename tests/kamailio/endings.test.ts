import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { missing, reason, Scene } from "./scene.ts";

const tokenSeconds = 60;
const impuOf = (page: Page): Promise<string> => page.evaluate(() => window.telephone.impu);

/** All five ways out of a registration leave no Contact in a real S-CSCF. */
describe.skipIf(missing !== undefined)(`a page's registration with a Kamailio core${reason}`, () => {
  let scene: Scene;
  /** Mary's token ends while Olivia's registrations come and go: no need to wait for it alone. */
  let mary: string;

  beforeAll(async () => {
    scene = await Scene.open({ protocol: "TCP", accessTokenSeconds: tokenSeconds });
    mary = await impuOf(await scene.openPage("mary"));
    scene.site.withoutTokens.add("mary");
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail") console.error(scene.core.logs());
  });
  afterAll(() => scene?.close());

  const lastAssignment = (of: string): string | undefined =>
    scene.core.hss.log.findLast(({ name, impu }) => name === "SAR" && impu === of)?.assignment;

  test("TST-01c ends by the user's log-out", async () => {
    const page = await scene.openPage("olivia");
    const impu = await impuOf(page);
    for (const bound of [impu, mary]) expect(await scene.core.contacts(bound)).toHaveLength(1);
    await page.evaluate(() => window.telephone.logOut());
    await scene.unbound(impu);
    expect(lastAssignment(impu)).toBe("user-deregistration");
    await page.close();
  });

  test("TST-01f ends after the grace time when the page is gone", async () => {
    const page = await scene.openPage("olivia");
    const impu = await impuOf(page);
    await page.close();
    expect(await scene.core.contacts(impu)).toHaveLength(1);
    await scene.unbound(impu);
    expect(lastAssignment(impu)).toBe("user-deregistration");
  });

  test("TST-01g ends by the network, and both the portal and the page learn of it", async () => {
    const page = await scene.openPage("olivia");
    const impu = await impuOf(page);
    // The page would register anew, as it should.
    scene.site.withoutTokens.add("olivia");
    expect(await scene.core.deregister(impu)).toBe(2001);
    await eventually(
      () => page.evaluate(() => window.telephone.state),
      (state) => state !== "registered",
    );
    await scene.unbound(impu);
    await page.close();
    scene.site.withoutTokens.delete("olivia");
  });

  test("TST-01d ends when the web site signs the user out", async () => {
    const page = await scene.openPage("olivia");
    const impu = await impuOf(page);
    await scene.site.signOut("olivia");
    await scene.unbound(impu);
    expect(lastAssignment(impu)).toBe("user-deregistration");
    await page.close();
  });

  test(
    "TST-01e ends with its token",
    async () => {
      // A refresh asks for no more than the token has left: the binding's own time and the token end together, so the core
      // may be the first of the two to end it.
      await scene.unbound(mary, 2 * tokenSeconds * 1000);
      await expect.poll(() => scene.portal.epcscf.counts.registrations).toBe(0);
    },
    3 * tokenSeconds * 1000,
  );
});
