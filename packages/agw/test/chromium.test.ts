import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Codec } from "@portico/sdp";
import {
  openEmbeddedPlane,
  type EmbeddedPlaneOptions,
  type MediaContext,
  type MediaEvent,
  type MediaPlane,
  type RelayPlan,
} from "../src/index.ts";
import { createCertificate } from "../src/embedded/dtls/certificate.ts";
import { describeAccess, readBrowser } from "./support/accessSdp.ts";
import { hasChromium, openToneBrowser, type BrowserPhone, type ToneBrowser } from "./support/chromium.ts";
import { CorePhone } from "./support/corePhone.ts";
import { pcma, pcmu, type G711 } from "./support/g711.ts";
import { until } from "./support/until.ts";

/** An address of this machine that is not loopback. */
const outside = Object.values(networkInterfaces())
  .flat()
  .find((address) => address?.family === "IPv4" && !address.internal)?.address;

const codec = ({ name, payloadType }: G711): Codec => ({ name, payloadType, clockRate: 8000 });
const browserEvents: Codec = { name: "telephone-event", payloadType: 126, clockRate: 8000 };

test("Chromium is installed", (context) => {
  if (!hasChromium && process.env["CI"] !== "true")
    context.skip("NO CHROMIUM: the tests with a real browser do not run");
  expect(hasChromium).toBe(true);
});

/** One call between a browser's page and a telephone on the core side. */
class Call {
  readonly events: MediaEvent[] = [];
  readonly plane: MediaPlane;
  readonly context: MediaContext;
  readonly core: CorePhone;
  readonly phone: BrowserPhone;
  readonly codec: G711;

  private constructor(plane: MediaPlane, context: MediaContext, core: CorePhone, phone: BrowserPhone, used: G711) {
    [this.plane, this.context, this.core, this.phone, this.codec] = [plane, context, core, phone, used];
    context.on((event) => this.events.push(event));
  }

  static async open(browser: ToneBrowser, used: G711, options: Partial<EmbeddedPlaneOptions> = {}): Promise<Call> {
    const plane = await openEmbeddedPlane({
      accessAddresses: [{ bind: "127.0.0.1" }],
      accessPort: 0,
      coreAddress: "127.0.0.1",
      ...options,
    });
    return new Call(plane, await plane.open(), await CorePhone.open(), await browser.phone(), used);
  }

  get plan(): RelayPlan {
    return { audio: [{ access: codec(this.codec), core: codec(this.codec) }], toCore: true, toAccess: true };
  }

  coreAnswers(plan: Partial<RelayPlan> = {}): void {
    this.context.setCoreRemote({ address: "127.0.0.1", port: this.core.port, rtcpPort: this.core.rtcpPort });
    this.context.relay({ ...this.plan, ...plan });
    this.core.play(this.codec, 1000, this.context.core);
  }

  /** The browser's offer and our answer. @param setup our role in the answer */
  async browserCalls(setup: "active" | "passive" = "passive", plan: Partial<RelayPlan> = {}): Promise<void> {
    const offer = readBrowser(await this.phone.offer([this.codec.name, "telephone-event"]));
    this.context.setAccessRemote({ ...offer, setup: setup === "passive" ? "active" : "passive" });
    this.coreAnswers(plan);
    const events = plan.events ? [browserEvents] : [];
    await this.phone.accept(describeAccess(this.context.access, [codec(this.codec), ...events], setup, offer.mid));
  }

  /** @returns the events so far */
  async bothHear(): Promise<MediaEvent[]> {
    await until("connected", () => this.events.some(({ type }) => type === "connected"));
    await until("the core hears 440 Hz", () => this.core.hears(this.codec, 440) > 0.9);
    await until("the browser hears 1000 Hz", async () => (await this.phone.hears(1000)) > 0.9);
    return this.events;
  }

  async close(): Promise<void> {
    await this.phone.close();
    this.core.close();
    await this.plane.close();
  }
}

describe.skipIf(!hasChromium)("Chromium", { timeout: 60_000 }, () => {
  let browser: ToneBrowser;

  beforeAll(async () => {
    browser = await openToneBrowser(440, true);
  }, 30_000);
  afterAll(() => browser.close());

  test.concurrent("AGW-01a AGW-06b AGW-11a it calls with PCMA under AES-CM; on hold nothing passes", async () => {
    const call = await Call.open(browser, pcma, { srtpProfiles: ["SRTP_AES128_CM_HMAC_SHA1_80"] });
    await call.browserCalls();
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    const { access } = call.context.stats();
    expect(access.packetsLost).toBe(0);
    call.context.relay({ ...call.plan, toCore: false, toAccess: false });
    await until("the browser hears nothing", async () => (await call.phone.hears(1000)) < 0.1);
    const before = call.core.received.length;
    const arrived = call.context.stats().dropped.gate;
    await until("held packets", () => call.context.stats().dropped.gate > arrived + 10);
    expect(call.core.received.length).toBe(before);
    call.context.relay(call.plan);
    await until("the browser hears 1000 Hz again", async () => (await call.phone.hears(1000)) > 0.9);
    await call.close();
  });

  test.concurrent("AGW-06b it calls with PCMU under AES-GCM", async () => {
    const call = await Call.open(browser, pcmu, { srtpProfiles: ["SRTP_AEAD_AES_128_GCM"] });
    await call.browserCalls();
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    expect(call.context.stats().srtpProfile).toBe("SRTP_AEAD_AES_128_GCM");
    await call.close();
  });

  test.concurrent("SDP-08 AGW-06a it is passive in its call: the gateway is the DTLS client", async () => {
    const call = await Call.open(browser, pcma);
    await call.browserCalls("active");
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    await call.close();
  });

  test.concurrent("AGW-07b AGW-19b it is called; DTLS is done before its answer is here", async () => {
    const call = await Call.open(browser, pcma);
    call.coreAnswers();
    const answer = await call.phone.answer(describeAccess(call.context.access, [codec(pcma)], "actpass", "0"));
    await until("the browser's DTLS is done", async () => (await call.phone.connection()) === "connected");
    expect(call.core.received.length).toBe(0);
    expect(call.events).toEqual([]);
    call.context.setAccessRemote(readBrowser(answer));
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    await call.close();
  });

  test.concurrent("AGW-07a its certificate is not the one of the SDP: no media", async () => {
    const call = await Call.open(browser, pcma);
    const offer = readBrowser(await call.phone.offer(["PCMA"]));
    call.context.setAccessRemote({ ...offer, fingerprints: [createCertificate().fingerprint] });
    call.coreAnswers();
    await call.phone.accept(describeAccess(call.context.access, [codec(pcma)], "passive", offer.mid));
    await until("failed", () => call.events.length > 0);
    expect(call.events).toEqual([{ type: "failed", reason: "fingerprint" }]);
    await until("the browser is told", async () => (await call.phone.connection()) === "failed");
    expect(call.core.received.length).toBe(0);
    expect(call.context.stats().access.packetsSent).toBe(0);
    await call.close();
  });

  test.concurrent("AGW-15a its digits reach the core as telephone-event of the core's payload type", async () => {
    const call = await Call.open(browser, pcma);
    await call.browserCalls("passive", {
      events: { access: browserEvents, core: { ...browserEvents, payloadType: 101 } },
    });
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    await call.phone.dtmf("159#");
    const digits = (): number[] => [
      ...new Set(
        call.core.received.filter(({ payloadType }) => payloadType === 101).map(({ payload }) => payload[0] ?? -1),
      ),
    ];
    await until("four digits", () => digits().length === 4);
    expect(digits()).toEqual([1, 5, 9, 11]);
    await call.close();
  });

  test.concurrent("AGW-09b it learns the round trip from our reports on its stream", async () => {
    const call = await Call.open(browser, pcma);
    await call.browserCalls();
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    await until("a round trip", async () => (await call.phone.roundTrip()) !== undefined, 15_000);
    await until("ours", () => call.context.stats().access.roundTrip !== undefined, 15_000);
    expect(call.context.stats().access.roundTrip).toBeLessThan(1);
    await call.close();
  });

  test.concurrent("AGW-03b it restarts ICE in the middle of a call", async () => {
    const call = await Call.open(browser, pcma);
    await call.browserCalls();
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    const before = call.context.access.ufrag;
    const offer = readBrowser(await call.phone.offer(["PCMA"], true));
    call.context.setAccessRemote({ ...offer, setup: "active" });
    const { access } = call.context;
    expect(access.ufrag).not.toBe(before);
    await call.phone.accept(describeAccess(access, [codec(pcma)], "passive", offer.mid));
    call.core.received.length = 0;
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    await call.close();
  });
});

describe.skipIf(!hasChromium || !outside)("Chromium as users have it, without loopback", { timeout: 60_000 }, () => {
  test("AGW-02 a call passes both ways over an address of the machine, loopback offered last", async () => {
    const browser = await openToneBrowser(440, false);
    const call = await Call.open(browser, pcma, {
      accessAddresses: [{ bind: "127.0.0.1" }, { bind: outside ?? "" }],
    });
    expect(call.context.access.candidates.map(({ address }) => address)).toEqual([outside, "127.0.0.1"]);
    await call.browserCalls();
    expect(await call.bothHear()).toEqual([{ type: "connected" }]);
    await call.close();
    await browser.close();
  });
});
