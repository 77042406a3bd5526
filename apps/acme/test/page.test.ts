import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasChromium, hears, launch, visit, type ToneBrowser } from "./support/browser.ts";
import { password, startTestAcme, type TestAcme } from "./support/testAcme.ts";

if (!hasChromium) console.warn("SKIPPED: the page in a browser needs Chromium (set CHROMIUM to its path)");

const marysTone = 440;
const kensTone = 1000;

describe.skipIf(!hasChromium)("the page", { timeout: 30_000 }, () => {
  let site: TestAcme;
  let marys: ToneBrowser;
  let kens: ToneBrowser;
  // One page each for all tests: that it stays usable is half of what they show.
  let mary: Page;
  let ken: Page;
  const complaints: string[] = [];
  const others: Page[] = [];

  beforeAll(async () => {
    [site, marys, kens] = await Promise.all([startTestAcme(), launch(marysTone), launch(kensTone)]);
    // No telephone network here: what works, works without it.
    site.waf.refusal = { status: 503, body: { error: "temporarily_unavailable", reason: "block_exhausted" } };
    site.waf.numbers.set("ken", "+12125550101");
    [mary, ken] = await Promise.all([signIn(marys, "mary"), signIn(kens, "ken")]);
    await mary.locator("[data-testid=colleague-ken][data-presence=online]").waitFor();
    await ken.locator("[data-testid=colleague-mary][data-presence=online]").waitFor();
  }, 60_000);

  afterEach(async () => {
    for (const page of others.splice(0)) await page.context().close();
  });

  afterAll(async () => {
    await Promise.all([marys?.close(), kens?.close()]);
    await site?.close();
  });

  async function open(browser: ToneBrowser, options = {}): Promise<Page> {
    const page = await visit(browser, site.acme.url, complaints, options);
    others.push(page);
    return page;
  }

  async function signIn(browser: ToneBrowser, username: string, options = {}): Promise<Page> {
    const page = await visit(browser, site.acme.url, complaints, options);
    await page.getByTestId("sign-in").click();
    await page.getByLabel("User name").fill(username);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByTestId("me").waitFor();
    return page;
  }

  /** Somebody of her own, for tests that leave the page unusable. */
  async function olivia(options = {}): Promise<Page> {
    const page = await signIn(marys, "olivia", options);
    others.push(page);
    return page;
  }

  test("GEN-01 GEN-06a two users who followed the link talk from browser to browser, each hearing the other", async () => {
    await talk(mary, ken, "ken");
    expect(await mary.getByTestId("path").textContent()).toBe("Direct");
    expect(await ken.getByTestId("peer").textContent()).toBe("Mary Jones");
    await heard(mary, kensTone);
    await heard(ken, marysTone);
    expect(site.waf.asked.filter(({ path }) => path === "revoke")).toEqual([]);
    await mary.getByTestId("mute").click();
    await expect.poll(() => hears(ken)).toBe(0);
    await mary.getByTestId("mute").click();
    await heard(ken, marysTone);
    await ken.getByTestId("hang-up").click();
    await mary.getByTestId("call-ended").waitFor();
    expect(await hears(mary)).toBe(0);
    expect(await hears(ken)).toBe(0);
  });

  test("GEN-08a GEN-08b after a call each side can call and be called again, without a reload", async () => {
    await talk(mary, ken, "ken");
    await mary.getByTestId("hang-up").click();
    await ken.getByTestId("call-ended").waitFor();
    await talk(ken, mary, "mary");
    await heard(mary, kensTone);
    await mary.getByTestId("hang-up").click();
    await ken.getByTestId("call-again").click();
    await mary.getByTestId("decline").click();
    await expect.poll(() => ken.getByTestId("call-ended").textContent()).toContain("Mary Jones declined the call");
  });

  test("EMG-04 before sign-in and beside the dial pad the page says that emergency calls are not possible", async () => {
    const page = await open(marys);
    expect(await page.getByTestId("emergency-notice").textContent()).toContain("No emergency calls");
    const notice = mary.getByTestId("emergency-notice");
    await notice.waitFor({ state: "visible" });
    expect(await notice.textContent()).toContain("No emergency calls");
    await mary.getByTestId("number").fill("112");
    await mary.getByTestId("number").press("Enter");
    await expect
      .poll(() => mary.getByTestId("call-ended").textContent())
      .toContain("Emergency calls are not possible here");
  });

  test("GEN-06c the number of a colleague who is online, dialled on the pad, takes the direct path", async () => {
    await expect.poll(() => mary.getByTestId("colleague-ken").textContent(), { timeout: 15_000 }).toContain("555 0101");
    await mary.getByTestId("number").fill("+1 212 555");
    for (const key of ["0", "1", "0", "1"]) await mary.getByTestId(`key-${key}`).click();
    await mary.getByTestId("call").click();
    expect(await ken.getByTestId("caller").textContent()).toBe("Mary Jones");
    expect(await mary.getByTestId("path").textContent()).toBe("Direct");
    await mary.getByTestId("hang-up").click();
    await expect.poll(() => ken.getByTestId("call-ended").textContent()).toContain("Missed call from Mary Jones");
  });

  test("all tabs of a user ring, one answers, the others stop", async () => {
    const second = await ken.context().newPage();
    await second.goto(site.acme.url);
    await second.getByTestId("me").waitFor();
    await second.locator("[data-testid=colleague-mary][data-presence=online]").waitFor();
    await mary.getByTestId("call-ken").click();
    await ken.getByTestId("incoming").waitFor();
    await second.getByTestId("answer").click();
    await phase(mary, "active");
    await ken.getByTestId("incoming").waitFor({ state: "detached" });
    await expect.poll(() => ken.getByTestId("call-ended").textContent()).toContain("Answered in another tab");
    await mary.getByTestId("hang-up").click();
    await second.close();
  });

  test("the keyboard alone is enough: call, answer, hang up; Escape answers and declines nothing", async () => {
    await mary.getByTestId("call-ken").focus();
    await mary.keyboard.press("Enter");
    await ken.getByTestId("incoming").waitFor();
    await expect.poll(() => focused(mary)).toBe("peer");
    await expect.poll(() => focused(ken)).toBe("caller");
    await ken.keyboard.press("Escape");
    await ken.getByTestId("incoming").waitFor({ state: "visible" });
    await ken.keyboard.press("Tab");
    await expect.poll(() => focused(ken)).toBe("decline");
    await ken.keyboard.press("Tab");
    await expect.poll(() => focused(ken)).toBe("answer");
    await ken.keyboard.press("Enter");
    await Promise.all([phase(mary, "active"), phase(ken, "active")]);
    await expect.poll(() => ken.getByTestId("announcement").textContent()).toContain("Connected to Mary Jones");
    await ken.keyboard.press("Tab");
    await expect.poll(() => focused(ken)).toBe("mute");
    await ken.keyboard.press("Tab");
    await expect.poll(() => focused(ken)).toBe("hang-up");
    await ken.keyboard.press("Enter");
    await mary.getByTestId("call-ended").waitFor();
  });

  test("at 360 pixels nothing is cut off and every target is 44 pixels or more", async () => {
    for (const page of [
      await open(marys, { viewport: { width: 360, height: 740 } }),
      await olivia({ viewport: { width: 360, height: 740 } }),
    ]) {
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
      for (const target of await page.locator("button:visible, a:visible, input:visible").all()) {
        const box = await target.boundingBox();
        expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(44);
      }
    }
  });

  test("a refused microphone is told with what to do, and nobody is rung", async () => {
    const page = await olivia();
    await page.locator("[data-testid=colleague-ken][data-presence=online]").waitFor();
    await page.evaluate(() => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", "NotAllowedError"));
    });
    await page.getByTestId("call-ken").click();
    await expect
      .poll(() => page.getByTestId("call-ended").textContent())
      .toContain("Acme Talk may not use your microphone");
    expect(await ken.getByTestId("incoming").count()).toBe(0);
  });

  test("the page counts the seconds to the next attempt down for eyes, and tells ears the state alone", async () => {
    const shown = new Set<string>();
    const told = new Set<string>();
    await expect
      .poll(
        async () => {
          shown.add((await mary.getByTestId("ims-state").textContent())?.trim() ?? "");
          told.add((await mary.getByTestId("ims-announcement").textContent()) ?? "");
          return [...shown].filter((words) => /^Connecting in \d+ s$/.test(words)).length;
        },
        { interval: 200, timeout: 15_000 },
      )
      .toBeGreaterThanOrEqual(3);
    expect([...told]).toEqual(["Connecting to the telephone network …"]);
  });

  test("the page tells why there is no telephone network, and that colleagues can still be called", async () => {
    await expect.poll(() => mary.getByTestId("problem").textContent()).toContain("No telephone line is free");
    expect(await mary.getByTestId("ims-state").getAttribute("data-state")).not.toBe("registered");
  });

  test("signing out leads to the landing page, in every tab, and nothing of the user is left in the page", async () => {
    const page = await olivia();
    const second = await page.context().newPage();
    await second.goto(site.acme.url);
    await second.getByTestId("me").waitFor();
    expect(
      await page.evaluate(() => ({ stored: localStorage.length, acme: (globalThis as { acme?: unknown }).acme })),
    ).toEqual({
      stored: 0,
    });
    await page.getByTestId("sign-out").click();
    await page.getByTestId("sign-in").waitFor();
    await second.getByTestId("sign-in").waitFor();
    expect(await page.evaluate(() => document.cookie)).toBe("");
  });

  test("a talk whose network path fails goes on by a new one", async () => {
    const page = await olivia();
    await page.evaluate(() => {
      const Native = RTCPeerConnection;
      const all: RTCPeerConnection[] = [];
      Object.assign(globalThis, { all });
      globalThis.RTCPeerConnection = class extends Native {
        constructor(configuration?: RTCConfiguration) {
          super(configuration);
          all.push(this);
        }
      };
    });
    await page.locator("[data-testid=colleague-ken][data-presence=online]").waitFor();
    await talk(page, ken, "ken");
    const path = (): Promise<string | undefined> =>
      page.evaluate(() => {
        const [peer] = (globalThis as unknown as { all: RTCPeerConnection[] }).all;
        return /a=ice-ufrag:(\S+)/.exec(peer?.currentRemoteDescription?.sdp ?? "")?.[1];
      });
    const before = await path();
    await page.evaluate(() => {
      const [peer] = (globalThis as unknown as { all: RTCPeerConnection[] }).all;
      if (peer === undefined) throw new Error("no connection");
      Object.defineProperty(peer, "connectionState", { value: "failed", configurable: true });
      peer.dispatchEvent(new Event("connectionstatechange"));
      delete (peer as { connectionState?: unknown }).connectionState;
    });
    await expect.poll(path).not.toBe(before);
    await heard(page, kensTone);
    await page.getByTestId("hang-up").click();
    await ken.getByTestId("call-ended").waitFor();
  });

  test("a session that the server no longer knows ends in the landing page, after the call under way", async () => {
    const page = await olivia();
    let drop: (() => void) | undefined;
    await page.routeWebSocket(/\/rtc\?/, (socket) => {
      socket.connectToServer();
      drop = () => void socket.close();
    });
    await page.reload();
    await page.locator("[data-testid=colleague-ken][data-presence=online]").waitFor();
    await talk(page, ken, "ken");
    await page.context().clearCookies();
    drop?.();
    await page.getByText("Your session at Acme has ended.").waitFor();
    await heard(page, kensTone);
    await page.getByTestId("hang-up").click();
    await page.getByTestId("sign-in").waitFor();
    expect(await hears(page)).toBe(0);
    await ken.getByTestId("call-ended").waitFor();
  });

  test("in all of this the browser found no error, and nothing that the page's policy forbids", () => {
    // It logs each refused request by itself.
    expect(complaints.filter((words) => !/status of (503|401)|HTTP Authentication failed/.test(words))).toEqual([]);
  });
});

async function talk(caller: Page, called: Page, user: string): Promise<void> {
  await caller.getByTestId(`call-${user}`).click();
  await called.getByTestId("answer").click();
  await Promise.all([phase(caller, "active"), phase(called, "active")]);
}

async function phase(page: Page, name: string): Promise<void> {
  await page.locator(`[data-testid=call-card][data-phase=${name}]`).waitFor();
}

async function heard(page: Page, hertz: number): Promise<void> {
  await expect.poll(() => hears(page)).toBeCloseTo(hertz, -1.4);
}

/** The test id of what has the focus, through shadow roots. */
function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return (element as HTMLElement | null)?.dataset["testid"];
  });
}
