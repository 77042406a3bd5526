import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Codec } from "@portico/sdp";
import { openEmbeddedPlane, type MediaContext, type MediaEvent, type MediaPlane } from "../src/index.ts";
import { describeAccess, readBrowser } from "./support/accessSdp.ts";
import { hasChromium, openBrowserPhone, type BrowserPhone } from "./support/chromium.ts";
import { CorePhone } from "./support/corePhone.ts";
import { pcma, type G711 } from "./support/g711.ts";
import { until } from "./support/until.ts";

const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

const codec = ({ name, payloadType }: G711): Codec => ({ name, payloadType, clockRate: 8000 });

test("Chromium is installed", (context) => {
  if (!hasChromium && process.env["CI"] !== "true") context.skip("no /usr/bin/chromium");
  expect(hasChromium).toBe(true);
});

describe.skipIf(!hasChromium)("Chromium", { timeout: 30_000 }, () => {
  let plane: MediaPlane;
  let context: MediaContext;
  let core: CorePhone;
  let browser: BrowserPhone;
  let events: MediaEvent[];

  beforeAll(async () => {
    plane = await openEmbeddedPlane({
      accessAddresses: [{ bind: "127.0.0.1" }],
      accessPort: 0,
      coreAddress: "127.0.0.1",
    });
    core = await CorePhone.open();
    context = await plane.open();
    events = [];
    context.on((event) => events.push(event));
    browser = await openBrowserPhone({ hertz: 440, loopback: true });
  });

  afterAll(async () => {
    await browser.close();
    core.close();
    await plane.close();
  });

  test("AGW-01 a call passes both ways", async () => {
    const offer = readBrowser(await browser.offer(["PCMA", "telephone-event"]));
    context.setAccessRemote(offer);
    context.setCoreRemote({ address: "127.0.0.1", port: core.port });
    context.relay({ audio: [{ access: codec(pcma), core: codec(pcma) }], toCore: true, toAccess: true });
    await browser.accept(describeAccess(context.access, [codec(pcma)], "passive", offer.mid));
    core.play(pcma, 1000, context.core);
    await until("connected", () => events.some(({ type }) => type === "connected"));
    await until("the core hears 440 Hz", () => core.hears(pcma, 440) > 0.9);
    await until("the browser hears 1000 Hz", async () => (await browser.hears(1000)) > 0.9);
    expect(events).toEqual([{ type: "connected" }]);
  });
});
