import type { Codec } from "@portico/sdp";
import { afterEach, beforeEach } from "vitest";
import {
  openEmbeddedPlane,
  type EmbeddedPlaneOptions,
  type MediaContext,
  type MediaEvent,
  type MediaPlane,
  type RelayPlan,
} from "../../src/index.ts";
import type { RtpPacket } from "../../src/embedded/rtp.ts";
import { CorePhone } from "./corePhone.ts";
import { ScriptedBrowser } from "./scriptedBrowser.ts";
import { until } from "./until.ts";

export const codec = (name: string, payloadType: number, clockRate = 8000): Codec => ({ name, payloadType, clockRate });
export const pcma: RelayPlan = {
  audio: [{ access: codec("PCMA", 8), core: codec("PCMA", 8) }],
  toCore: true,
  toAccess: true,
};

/** What each test has at hand, new each time. */
export let plane: MediaPlane;
export let context: MediaContext;
export let events: MediaEvent[];
export let browser: ScriptedBrowser;
export let core: CorePhone;

async function setUp(options: Partial<EmbeddedPlaneOptions> = {}): Promise<void> {
  plane = await openEmbeddedPlane({
    accessAddresses: [{ bind: "127.0.0.1" }],
    accessPort: 0,
    coreAddress: "127.0.0.1",
    ...options,
  });
  context = await plane.open();
  events = [];
  context.on((event) => events.push(event));
  browser = await ScriptedBrowser.open(context);
  core = await CorePhone.open();
}

async function tearDown(): Promise<void> {
  browser.close();
  core.close();
  await plane.close();
}

/** Call it once in a file. */
export function useTestCall(): void {
  beforeEach(() => setUp());
  afterEach(tearDown);
}

/** Another browser on the same context. */
export async function reopenBrowser(): Promise<void> {
  browser.close();
  browser = await ScriptedBrowser.open(context);
}

/** Begins anew with other options. */
export async function again(options: Partial<EmbeddedPlaneOptions>): Promise<void> {
  await tearDown();
  await setUp(options);
}

export const coreRemote = (): { address: string; port: number; rtcpPort: number } => ({
  address: "127.0.0.1",
  port: core.port,
  rtcpPort: core.rtcpPort,
});

export const rtp = (sequence: number, more: Partial<RtpPacket> = {}): RtpPacket => ({
  marker: false,
  payloadType: 8,
  sequence,
  timestamp: sequence * 160,
  ssrc: 0xbeef,
  payload: Buffer.from("speech"),
  ...more,
});

/** A call with media in both directions. */
export async function connect(plan: RelayPlan = pcma): Promise<void> {
  context.setAccessRemote(browser.describe());
  context.setCoreRemote(coreRemote());
  context.relay(plan);
  await browser.connect();
  await until("connected", () => events.some(({ type }) => type === "connected"));
}

/** Sends until one arrives: UDP on a busy machine may lose. Sequence numbers start at `from`. */
export async function coreSends(from: number, more: Partial<RtpPacket> = {}): Promise<void> {
  const before = browser.received.length;
  let sequence = from;
  await until("the browser hears the core", () => {
    core.send(rtp(sequence++, more), context.core);
    return browser.received.length > before;
  });
}

export async function browserSends(more: Parameters<ScriptedBrowser["send"]>[0] = {}): Promise<RtpPacket> {
  const before = core.received.length;
  browser.send(more);
  await until("the core hears the browser", () => core.received.length > before);
  return core.received.at(-1) ?? rtp(0);
}

/** Everything sent so far has been seen by the plane: a check sent after it has been answered. */
export async function settle(): Promise<void> {
  const before = browser.answers.length;
  browser.check();
  await until("a check's answer", () => browser.answers.length > before);
}

export async function settleCore(): Promise<void> {
  const { dropped } = context.stats();
  core.send(Buffer.from("no RTP"), context.core);
  await until("dropped", () => context.stats().dropped.malformed > dropped.malformed);
}
