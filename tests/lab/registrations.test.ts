import { parseMessage } from "@portico/sip";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callPhase, signIn, tapW2, type W2Wire } from "../support/acmePage.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { openWorld, type World } from "../support/world.ts";

describe.skipIf(!hasChromium)(`registrations of real pages${hasChromium ? "" : " (skipped: no Chromium)"}`, () => {
  let world: World;
  let mary: Person;
  let w2: W2Wire;

  beforeAll(async () => {
    world = await openWorld();
    mary = await openPerson({ frequency: 440, on: 400, off: 300 }, { loopback: true });
    w2 = tapW2(mary.page);
    await signIn(mary.page, world.url, "mary");
  });

  afterAll(async () => {
    await mary?.close();
    await world?.close();
  });

  const bindings = (): number => world.lab.registrations.flatMap(({ contacts }) => contacts).length;

  test("WAF-04b the token names the IMPU alone; the IMPI comes from the operator's table", () => {
    const register = parseMessage(w2.sent.find((message) => message.startsWith("REGISTER")) ?? "");
    const claims = decodeJwt((register.get("Authorization") ?? "").replace(/^Bearer /, ""));
    expect(JSON.stringify(claims)).not.toContain(".acme@ims.test");
    const [arrived] = world.lab.wire.find("REGISTER", "I-CSCF", "in");
    expect(arrived?.octets).toMatch(/username="u\d{4}\.acme@ims\.test"/);
    expect(register.toOctets()).toContain(String(claims["impu"]));
  });

  test("SEC-04b W2 and Mw have ports of their own, and Mw speaks no HTTP", async () => {
    expect(world.portal.mwPort).not.toBe(Number(new URL(world.portal.url).port));
    await expect(fetch(`http://127.0.0.1:${world.portal.mwPort}/w2`)).rejects.toThrow("fetch failed");
  });

  test("EPC-REG-22 two tabs of one user are two bindings; both ring, one answers, the other stops", async () => {
    const second = await mary.context.newPage();
    await second.goto(world.url);
    await second.locator("[data-testid=ims-state][data-state=registered]").waitFor();
    await expect.poll(bindings).toBe(2);
    const number = (await mary.page.getByTestId("ims-state").textContent())?.replace(/[^+\d]/g, "") ?? "";
    const call = await world.lab.dial({ from: "+12025550120", to: number });
    await mary.page.getByTestId("incoming").waitFor();
    await second.getByTestId("answer").click();
    await callPhase(second, "active");
    expect(await call.connected).toBe(true);
    await mary.page.getByTestId("incoming").waitFor({ state: "detached" });
    call.hangUp();
    await second.getByTestId("call-ended").waitFor();
    await second.close();
    await expect.poll(() => world.portal.media.size).toBe(0);
    expect(world.lab.violations).toEqual([]);
  });

  test("WWSF-11b the web session ends at the site, and the operator ends the registration without the page's help", async () => {
    const before = bindings();
    const status = await mary.page.evaluate(async () => {
      const headers = { "x-acme-talk": "1" };
      return (await fetch("/api/logout", { method: "POST", headers })).status;
    });
    expect(status).toBeLessThan(300);
    await expect.poll(bindings).toBeLessThan(before);
    await expect.poll(() => world.portal.epcscf.counts.registrations).toBe(0);
  });

  test("ADM-02 a suspended tenant has no registration left, and gets no new one", async () => {
    // Acme's identity provider still knows her: no password is asked.
    await mary.page.goto(world.url);
    await mary.page.getByTestId("sign-in").click();
    await mary.page.locator("[data-testid=ims-state][data-state=registered]").waitFor();
    expect(world.portal.epcscf.counts.registrations).toBe(1);
    await world.portal.waf.tenants.suspend("acme", { by: "test" });
    await expect.poll(bindings, { timeout: 2000 }).toBe(0);
    await expect.poll(() => world.portal.epcscf.counts.registrations).toBe(0);
    await mary.page.getByTestId("problem").waitFor();
    expect(bindings()).toBe(0);
  });
});
