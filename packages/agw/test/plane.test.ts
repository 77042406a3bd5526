import { describe, expect, test } from "vitest";
import type { Codec } from "@portico/sdp";
import { readRtcp } from "../src/embedded/rtcp.ts";
import { CorePhone } from "./support/corePhone.ts";
import {
  again,
  browser,
  browserSends,
  codec,
  connect,
  context,
  core,
  coreRemote,
  coreSends,
  pcma,
  rtp,
  settle,
  settleCore,
  useTestCall,
} from "./support/testCall.ts";
import { until } from "./support/until.ts";

useTestCall();

describe.each(["SRTP_AES128_CM_HMAC_SHA1_80", "SRTP_AEAD_AES_128_GCM"] as const)("%s", (profile) => {
  test("AGW-01a AGW-06b AGW-10a SRTP and RTP pass both ways, under SSRCs of our own", async () => {
    await again({ srtpProfiles: [profile] });
    await connect();
    expect(browser.result?.profile).toBe(profile);
    expect(context.stats().srtpProfile).toBe(profile);
    const heard = await browserSends({ payload: Buffer.from("from the browser"), marker: true });
    expect(heard).toMatchObject({ payloadType: 8, marker: true, payload: Buffer.from("from the browser") });
    expect(heard.ssrc).not.toBe(0xcafe);
    await coreSends(1, { payload: Buffer.from("from the core") });
    expect(browser.received[0]?.payload.toString()).toBe("from the core");
    expect(browser.received[0]?.ssrc).not.toBe(0xbeef);
    expect(browser.sealed.some((packet) => packet.includes("from the core"))).toBe(false);
  });
});

test("the header is rebuilt: no extension, sequence and time of our own that keep the source's steps", async () => {
  await connect();
  const first = await browserSends({
    sequence: 500,
    timestamp: 80_000,
    headerExtension: Buffer.from("bede000110ff0000", "hex"),
  });
  const second = await browserSends({ sequence: 503, timestamp: 80_480 });
  expect((second.sequence - first.sequence) & 0xffff).toBe(3);
  expect((second.timestamp - first.timestamp) >>> 0).toBe(480);
  expect(first.payload.toString()).toBe("speech");
  // Another source is joined on.
  const third = await browserSends({ ssrc: 0xd00d, sequence: 9, timestamp: 7 });
  expect((third.sequence - second.sequence) & 0xffff).toBe(1);
  expect(third.ssrc).toBe(first.ssrc);
  expect(third.marker).toBe(true);
});

test("AGW-11b nothing passes before relay() opened the gate", async () => {
  context.setAccessRemote(browser.describe());
  context.setCoreRemote(coreRemote());
  await browser.connect();
  browser.send({});
  core.send(rtp(1), context.core);
  await settle();
  await settleCore();
  expect([core.received.length, browser.received.length]).toEqual([0, 0]);
  expect(context.stats().dropped.gate + context.stats().dropped.payload).toBeGreaterThan(0);
});

test("AGW-11a only the negotiated directions pass, and a resumed stream has no gap", async () => {
  await connect();
  const before = await browserSends({ sequence: 1000 });
  await coreSends(1);
  const heard = browser.received.at(-1);
  context.relay({ ...pcma, toCore: false, toAccess: false });
  const [toCore, toAccess] = [core.received.length, browser.received.length];
  for (let at = 0; at < 5; at++) browser.send({ sequence: 1001 + at });
  for (let at = 0; at < 5; at++) core.send(rtp(200 + at), context.core);
  await settle();
  await settleCore();
  expect([core.received.length, browser.received.length]).toEqual([toCore, toAccess]);
  context.relay({ ...pcma, toAccess: false });
  const after = await browserSends({ sequence: 1006 });
  expect((after.sequence - before.sequence) & 0xffff).toBe(1);
  expect(context.stats().access).toMatchObject({ packetsReceived: 7, packetsLost: 0 });
  core.send(rtp(210), context.core);
  await settleCore();
  expect(browser.received.length).toBe(toAccess);
  context.relay({ ...pcma, toCore: false });
  await coreSends(220);
  expect(((browser.received.at(-1)?.sequence ?? 0) - (heard?.sequence ?? 0)) & 0xffff).toBe(1);
});

test("payload types are translated and others dropped", async () => {
  await connect({ audio: [{ access: codec("PCMA", 8), core: codec("PCMA", 96) }], toCore: true, toAccess: true });
  expect((await browserSends({})).payloadType).toBe(96);
  await coreSends(1, { payloadType: 96 });
  expect(browser.received.at(-1)?.payloadType).toBe(8);
  browser.send({ payloadType: 0 });
  await settle();
  expect(context.stats().dropped.payload).toBe(1);
});

test("AGW-15a telephone-event of 48 kHz becomes one of 8 kHz and back: payload type and durations", async () => {
  await connect({
    ...pcma,
    events: { access: codec("telephone-event", 110, 48_000), core: codec("telephone-event", 101) },
  });
  // Digit 5, end, volume 10, duration 4800 of 48 kHz: 100 ms.
  const heard = await browserSends({ payloadType: 110, payload: Buffer.from("058a12c0", "hex"), marker: true });
  expect(heard.payloadType).toBe(101);
  expect(heard.marker).toBe(true);
  expect(heard.payload.toString("hex")).toBe("058a0320");
  await coreSends(1, { payloadType: 101, payload: Buffer.from("058a0320", "hex") });
  expect(browser.received.at(-1)?.payloadType).toBe(110);
  expect(browser.received.at(-1)?.payload.toString("hex")).toBe("058a12c0");
});

test("AGW-15b where speech is converted, events pass as events", async () => {
  await connect({
    audio: [{ access: codec("PCMU", 0), core: codec("PCMA", 8) }],
    events: { access: codec("telephone-event", 126), core: codec("telephone-event", 101) },
    toCore: true,
    toAccess: true,
  });
  const heard = await browserSends({ payloadType: 126, payload: Buffer.from("0b8a0320", "hex") });
  expect([heard.payloadType, heard.payload.toString("hex")]).toEqual([101, "0b8a0320"]);
  await coreSends(1, { payloadType: 101, payload: Buffer.from("0b0a00a0", "hex") });
  expect(browser.received.at(-1)).toMatchObject({ payloadType: 126, payload: Buffer.from("0b0a00a0", "hex") });
});

const opus = (payloadType: number): Codec => ({ ...codec("opus", payloadType, 48_000), channels: 2 });

test("Opus and comfort noise pass as they are where both sides have them", async () => {
  await connect({
    audio: [
      { access: opus(111), core: opus(96) },
      { access: codec("CN", 13), core: codec("CN", 13) },
    ],
    toCore: true,
    toAccess: true,
  });
  expect(await browserSends({ payloadType: 111, payload: Buffer.from("opus") })).toMatchObject({
    payloadType: 96,
    payload: Buffer.from("opus"),
  });
  expect(await browserSends({ payloadType: 13, payload: Buffer.from([60]) })).toMatchObject({ payloadType: 13 });
});

test("AGW-10b only the SDP's peer is heard on the core side", async () => {
  await connect();
  const stranger = await CorePhone.open();
  stranger.send(rtp(1), context.core);
  await until("dropped", () => context.stats().dropped.source === 1);
  expect(browser.received.length).toBe(0);
  await coreSends(5);
  stranger.close();
});

test("AGW-10a with latching the first source of a negotiated payload type is followed, once", async () => {
  context.setCoreRemote({ address: "127.0.0.1", port: 9, latch: true });
  context.setAccessRemote(browser.describe());
  context.relay(pcma);
  await browser.connect();
  const stranger = await CorePhone.open();
  stranger.send(rtp(1, { payloadType: 0 }), context.core);
  await until("dropped", () => context.stats().dropped.source === 1);
  await coreSends(1);
  await browserSends({});
  stranger.send(rtp(2), context.core);
  await until("dropped", () => context.stats().dropped.source === 2);
  // The same description again keeps the latch; a new address forgets it.
  context.setCoreRemote({ address: "127.0.0.1", port: 9, latch: true });
  await browserSends({});
  context.setCoreRemote({ address: "127.0.0.1", port: stranger.port });
  browser.send({});
  await until("sent to the new address", () => stranger.received.length > 0);
  expect(stranger.received[0]?.payload.toString()).toBe("speech");
  stranger.close();
});

test("AGW-09b AGW-20d AGW-01c RTCP on the port of RTP: reports on both sides, from which both learn loss and round trip", async () => {
  await connect();
  for (const sequence of [700, 701, 703]) await browserSends({ sequence });
  await coreSends(1);
  await until("a report to the browser", () => browser.rtcp.length > 0);
  await until("a report to the core", () => core.rtcp.length > 0);
  const toBrowser = browser.rtcp[0] ?? Buffer.alloc(0);
  expect(toBrowser[1]).toBe(200);
  expect(toBrowser.readUInt32BE(4)).toBe(browser.received[0]?.ssrc);
  expect(readRtcp(toBrowser)?.blocks[0]).toMatchObject({ ssrc: 0xcafe, lost: 1 });
  expect(readRtcp(core.rtcp[0] ?? Buffer.alloc(0))?.senderReport).toBeDefined();
  // The browser answers with a report on ours: the round trip follows.
  const report = Buffer.alloc(32);
  report.writeUInt32BE(0x81c9_0007);
  report.writeUInt32BE(0xcafe, 4);
  report.writeUInt32BE(browser.received[0]?.ssrc ?? 0, 8);
  report[12] = 64;
  report.writeUInt32BE(readRtcp(toBrowser)?.senderReport ?? 0, 24);
  browser.sendRtcp(report);
  await until("round trip", () => context.stats().access.roundTrip !== undefined);
  expect(context.stats().access).toMatchObject({ packetsLost: 1, fractionLostRemote: 0.25, packetsReceived: 3 });
});

test("AGW-09a replayed and forged SRTP never reach the core", async () => {
  await connect();
  const before = core.received.length;
  const sealed = browser.send({});
  const forged = Buffer.from(sealed);
  forged.writeUInt16BE(forged.readUInt16BE(2) + 1, 2);
  browser.raw(sealed);
  browser.raw(forged);
  await settle();
  await until("the one that is real", () => core.received.length > before);
  expect(core.received.length).toBe(before + 1);
  expect(context.stats().dropped).toMatchObject({ replay: 1, authentication: 1 });
});

test("a held peer (0.0.0.0) is sent nothing", async () => {
  await connect();
  context.setCoreRemote({ address: "0.0.0.0", port: core.port });
  const before = core.received.length;
  browser.send({});
  await settle();
  expect(core.received.length).toBe(before);
  context.setCoreRemote(coreRemote());
  await browserSends({});
});

test("a browser with PCMU and a core with PCMA hear each other", async () => {
  await connect({ audio: [{ access: codec("PCMU", 0), core: codec("PCMA", 8) }], toCore: true, toAccess: true });
  const heard = await browserSends({ payloadType: 0, payload: Buffer.from([0xfe, 0xff]) });
  expect([heard.payloadType, heard.payload.toString("hex")]).toEqual([8, "d5d5"]);
  await coreSends(1, { payloadType: 8, payload: Buffer.from([0xd5, 0x55]) });
  expect(browser.received.at(-1)?.payload.toString("hex")).toBe("fe7e");
});

test("AGW-20d statistics of both sides: packets, octets, loss, jitter and a score", async () => {
  await connect();
  for (const sequence of [10, 11, 12]) await browserSends({ sequence, payload: Buffer.alloc(160) });
  await coreSends(1, { payload: Buffer.alloc(80) });
  const { access, core: coreStats, connected } = context.stats();
  expect(connected).toBe(true);
  expect(access).toMatchObject({ packetsReceived: 3, octetsReceived: 480, packetsLost: 0 });
  expect(access.mos).toBeGreaterThan(4);
  expect(coreStats).toMatchObject({ packetsSent: 3, octetsSent: 480 });
  expect(coreStats.octetsReceived).toBe(80 * coreStats.packetsReceived);
});
