import type { BrowserContext, Page } from "playwright-core";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { startBaresip, telephonePackages, type Baresip } from "./baresip.ts";
import { corePackages, startKamailioCore, type KamailioCore } from "./core.ts";
import type { PageCall } from "./page/pageTelephone.ts";
import { startPortalOnCore, webUsers, type PortalOnCore, type PortalOptions } from "./portalOnCore.ts";
import { firstTelephone } from "./subscribers.ts";

/** What the page's microphone and the telephone say: tones that nobody confuses. */
export const pageTone = { frequency: 440, on: 400, off: 400 };
export const telephoneTone = { frequency: 1000, onMs: 300, offMs: 300 };

/** Why scenes cannot be opened here; undefined when they can. */
export const missing: string | undefined = needPackages([
  ...corePackages,
  ...telephonePackages,
  ...(hasChromium ? [] : ["chromium"]),
]);

/** Ending of a test's name that says why it is skipped. */
export const reason: string = missing === undefined ? "" : ` (skipped: ${missing})`;

/** A Kamailio core, a portal on it, and a browser with one person in front of it. */
export class Scene {
  readonly core: KamailioCore;
  readonly portal: PortalOnCore["portal"];
  readonly site: PortalOnCore["site"];
  readonly #context: BrowserContext;
  readonly #opened: { close(): Promise<void> }[];

  static async open(options: Omit<PortalOptions, "entryPoint">): Promise<Scene> {
    const opened: { close(): Promise<void> }[] = [];
    const keep = <T extends { close(): Promise<void> }>(one: T): T => {
      opened.push(one);
      return one;
    };
    try {
      const core = keep(await startKamailioCore({ subscriptions: [...webUsers, firstTelephone] }));
      const { portal, site } = keep(await startPortalOnCore({ ...options, entryPoint: core.entryPoint }));
      return new Scene(core, { portal, site }, keep(await openPerson(pageTone, { loopback: true })), opened);
    } catch (error) {
      for (const one of opened.toReversed()) await one.close();
      throw error;
    }
  }

  private constructor(
    core: KamailioCore,
    { portal, site }: Pick<PortalOnCore, "portal" | "site">,
    { context }: Person,
    opened: { close(): Promise<void> }[],
  ) {
    this.core = core;
    this.portal = portal;
    this.site = site;
    this.#context = context;
    this.#opened = opened;
  }

  /** Opens the site in a tab of its own and waits until the user's telephone is registered. */
  async openPage(user: string): Promise<Page> {
    const page = await this.#context.newPage();
    await page.goto(`${this.site.origin}/?user=${user}`);
    await page.evaluate(() => void window.telephone.start());
    await eventually(
      () => page.evaluate(() => window.telephone.state),
      (state) => state === "registered",
    );
    return page;
  }

  /** Starts the ordinary telephone. @param rings until the test answers; otherwise it answers by itself. */
  async openTelephone(rings = false): Promise<Baresip> {
    const baresip = await startBaresip({
      index: 0,
      subscription: firstTelephone,
      accessPoint: this.core.accessPoint,
      tone: telephoneTone,
      rings,
    });
    this.#opened.push(baresip);
    return baresip;
  }

  /** Waits until the core holds no Contact of a public identity. */
  async unbound(impu: string, within?: number): Promise<void> {
    await eventually(
      () => this.core.contacts(impu),
      (contacts) => contacts.length === 0,
      within,
    );
  }

  /** Idempotent. */
  async close(): Promise<void> {
    for (const one of this.#opened.splice(0).toReversed()) await one.close();
  }
}

/** Waits until the page's latest call fits. */
export async function pageCall(page: Page, fits: (call: PageCall) => boolean): Promise<PageCall> {
  const call = await eventually(
    () => page.evaluate(() => window.telephone.call),
    (one) => one !== undefined && fits(one),
  );
  return call as PageCall;
}
