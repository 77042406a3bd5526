import fc from "fast-check";
import { expect, test } from "vitest";
import { aLawToMuLaw, muLawToALaw } from "../src/embedded/g711.ts";
import { estimateMos } from "../src/embedded/mos.ts";
import { RateLimit } from "../src/embedded/rateLimit.ts";
import { classify } from "../src/embedded/demux.ts";
import { Reception } from "../src/embedded/reception.ts";
import { readRtcp, writeReport } from "../src/embedded/rtcp.ts";
import { readRtp, rtpHeaderLength, writeRtp, type RtpPacket } from "../src/embedded/rtp.ts";
import { RtpStream, scaleEvent, type PayloadRule } from "../src/embedded/rtpStream.ts";
import { RtpTermination } from "../src/embedded/termination.ts";
import { pcma, pcmu } from "./support/g711.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

const of = (first: number, second = 0): string | undefined =>
  classify(Buffer.concat([Buffer.from([first, second]), Buffer.alloc(20)]));

test("AGW-08 the first octet tells STUN, DTLS and RTP apart, the second RTCP", () => {
  // RFC 7983 §7: 16 to 19 ZRTP, 64 to 79 TURN, the rest unknown.
  expect([0, 3].map((first) => of(first))).toEqual(["stun", "stun"]);
  expect([20, 63].map((first) => of(first))).toEqual(["dtls", "dtls"]);
  expect([128, 191].map((first) => of(first))).toEqual(["rtp", "rtp"]);
  expect([4, 16, 19, 64, 79, 127, 192, 255].map((first) => of(first))).toEqual(Array.from({ length: 8 }));
  // RFC 5761 §4: the marker with payload types 64 to 95 stands for RTCP.
  expect([192, 200, 223].map((second) => of(128, second))).toEqual(["rtcp", "rtcp", "rtcp"]);
  expect([8, 136, 191, 224].map((second) => of(128, second))).toEqual(["rtp", "rtp", "rtp", "rtp"]);
  expect(classify(Buffer.alloc(0))).toBeUndefined();
  expect(classify(Buffer.from([128, 200]))).toBeUndefined();
});

test("an RTP header with CSRCs, extension and padding is read", () => {
  const packet = hex("b1880001 00000002 00000003 00000004 bede0001 10ff0000 616263 0002");
  expect(rtpHeaderLength(packet)).toBe(24);
  expect(readRtp(packet)).toEqual({
    marker: true,
    payloadType: 8,
    sequence: 1,
    timestamp: 2,
    ssrc: 3,
    payload: Buffer.from("abc"),
  });
  for (const bad of [
    "",
    "80080001",
    "40080001 00000002 00000003",
    "af080001 00000002 00000003",
    "90080001 00000002 00000003 bede0001",
  ]) {
    expect(readRtp(hex(bad))).toBeUndefined();
  }
  expect(readRtp(hex("a0080001 00000002 00000003 05"))).toBeUndefined();
});

test("no octets make the readers throw", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 0x80, max: 0xbf }), (octets, first) => {
      const packet = Buffer.concat([Buffer.from([first]), octets]);
      expect(readRtp(packet)?.payload.length ?? 0).toBeLessThanOrEqual(octets.length);
      readRtcp(packet);
      readRtcp(Buffer.concat([hex("80c90001 00000001"), packet]));
    }),
  );
});

const rule: PayloadRule = { payloadType: 0, clockRate: 8000 };
const packet = (sequence: number, more: Partial<RtpPacket> = {}): RtpPacket => ({
  marker: false,
  payloadType: 8,
  sequence,
  timestamp: sequence * 160,
  ssrc: 7,
  payload: Buffer.from("x"),
  ...more,
});

function send(stream: RtpStream, input: RtpPacket, now = 0, by: PayloadRule = rule): RtpPacket {
  const output = readRtp(stream.translate(input, by, now));
  if (!output) throw new Error("no packet");
  return output;
}

test("losses and disorder of the source stay visible, over the wrap of its sequence numbers", () => {
  const stream = new RtpStream();
  const base = send(stream, packet(65_534)).sequence;
  expect(base).toBeLessThanOrEqual(0x8000);
  const steps = [65_535, 2, 0, 1, 5].map((sequence) => (send(stream, packet(sequence)).sequence - base) & 0xffff);
  expect(steps).toEqual([1, 4, 2, 3, 7]);
});

test("a new source is joined on: next number, time by the clock, one SSRC", () => {
  const stream = new RtpStream();
  const first = send(stream, packet(10, { timestamp: 1000 }), 0);
  const second = send(stream, packet(4000, { timestamp: 99, ssrc: 8 }), 100);
  expect((second.sequence - first.sequence) & 0xffff).toBe(1);
  expect((second.timestamp - first.timestamp) >>> 0).toBe(800);
  expect(second.ssrc).toBe(first.ssrc);
  expect([first.marker, second.marker]).toEqual([true, true]);
  // A leap of one source is a new beginning, too.
  const third = send(stream, packet(20_000, { timestamp: 5, ssrc: 8 }), 120);
  expect((third.sequence - second.sequence) & 0xffff).toBe(1);
});

test("after a hold the stream goes on without a gap", () => {
  const stream = new RtpStream();
  const first = send(stream, packet(10), 0);
  stream.interrupt();
  const second = send(stream, packet(510), 10_000);
  expect((second.sequence - first.sequence) & 0xffff).toBe(1);
  expect((second.timestamp - first.timestamp) >>> 0).toBe(80_000);
});

test("AGW-15a AGW-15b durations of events are scaled and stay within 16 bits; all else of an event is kept", () => {
  expect(scaleEvent(hex("0b8a 0320"), 6)).toEqual(hex("0b8a 12c0"));
  expect(scaleEvent(hex("0b8a 12c0"), 1 / 6)).toEqual(hex("0b8a 0320"));
  expect(scaleEvent(hex("0b8a 4000"), 6)).toEqual(hex("0b8a ffff"));
  expect(scaleEvent(hex("0b"), 6)).toEqual(hex("0b"));
  const stream = new RtpStream();
  const event = packet(1, { payload: hex("018a0320"), marker: true, timestamp: 1600 });
  const [first, second] = [
    send(stream, event, 0, { payloadType: 110, clockRate: 48_000, eventScale: 6 }),
    // RFC 4733 §2.5.1.2: packets of one event carry its one timestamp.
    send(stream, { ...event, sequence: 2, marker: false }, 20, { payloadType: 110, clockRate: 48_000, eventScale: 6 }),
  ];
  expect(first.timestamp).toBe(second.timestamp);
  expect([first.marker, second.marker]).toEqual([true, false]);
});

test("AGW-09b loss, extended sequence number and jitter of a stream are reckoned as RFC 3550 says", () => {
  const reception = new Reception();
  for (const [index, sequence] of [65_534, 65_535, 0, 2, 3].entries()) {
    reception.add(5, sequence, index * 160, 160, 8000, index * 20);
  }
  expect(reception.report()).toEqual({ ssrc: 5, fractionLost: 1 / 6, lost: 1, highest: 65_539, jitter: 0 });
  expect(reception.lost).toBe(1);
  // Nothing lost since.
  reception.add(5, 4, 5 * 160, 160, 8000, 140);
  const next = reception.report();
  expect(next).toMatchObject({ fractionLost: 0, lost: 1 });
  // It came 40 ms late: 320 units, of which 1/16 count.
  expect(next?.jitter).toBe(20);
  expect(reception.jitter).toBe(20 / 8000);
  reception.add(6, 900, 0, 160, 8000, 200);
  expect(reception.report()).toMatchObject({ ssrc: 6, lost: 0 });
  expect(reception.lost).toBe(1);
});

test("AGW-09b a report is a compound packet of SR or RR and SDES, and is read back", () => {
  const block = {
    ssrc: 9,
    fractionLost: 0.25,
    lost: -3,
    highest: 70_000,
    jitter: 12,
    lastReport: 0x12345678,
    delay: 65_536,
  };
  const sender = { time: Date.UTC(2026, 0, 1), timestamp: 160, packets: 1, octets: 160 };
  const report = writeReport(77, "name", sender, block);
  expect(report.subarray(0, 8)).toEqual(hex("81c8000c 0000004d"));
  expect(report.subarray(52)).toEqual(hex("81ca0003 0000004d 0104 6e616d65 0000"));
  expect(report.length % 4).toBe(0);
  expect(readRtcp(report)).toEqual({ senderReport: report.readUInt32BE(10), blocks: [block] });
  expect(readRtcp(writeReport(77, "name"))).toEqual({ blocks: [] });
  expect(readRtcp(Buffer.concat([report, Buffer.from([0x80])]))).toBeUndefined();
});

test("AGW-09c feedback of a browser (NACK, PLI, TWCC, BYE) is absorbed", () => {
  const termination = new RtpTermination();
  const compound = hex(
    "80c90001 00000001  81cd0003 00000001 00000002 00010000  81ce0002 00000001 00000002  81cb0001 00000001",
  );
  expect(termination.takeRtcp(compound, 0)).toBe(true);
  expect(termination.stats().roundTrip).toBeUndefined();
});

test("AGW-09b two terminations learn the round trip from each other's reports", () => {
  const [near, far] = [new RtpTermination(), new RtpTermination()];
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    const sent = readRtp(writeRtp(send(from.sending, packet(1))));
    to.receiving.add(sent?.ssrc ?? 0, sent?.sequence ?? 0, sent?.timestamp ?? 0, 1, 8000, 0);
  }
  far.takeRtcp(near.report(0), 0);
  near.takeRtcp(far.report(0), 0);
  expect(near.stats().roundTrip).toBeLessThan(0.5);
  expect(far.stats().roundTrip).toBeUndefined();
  expect(near.stats().fractionLostRemote).toBe(0);
});

test("conversion between PCMA and PCMU is that of G.711, and loses nothing it need not", () => {
  // G.711 tables 3 and 4: by number of the positive level.
  const toMu = [
    1, 3, 5, 7, 9, 11, 13, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 32, 33, 33,
  ];
  expect(toMu.map((_, level) => 0xff ^ (aLawToMuLaw[level ^ 0xd5] ?? 0))).toEqual(toMu);
  for (let octet = 0; octet < 256; octet++) {
    expect(Math.abs(pcmu.decode(aLawToMuLaw[octet] ?? 0) - pcma.decode(octet))).toBeLessThanOrEqual(512);
    expect(Math.abs(pcma.decode(muLawToALaw[octet] ?? 0) - pcmu.decode(octet))).toBeLessThanOrEqual(512);
  }
});

test("AGW-20d the score of a clean stream is toll quality; loss, jitter and delay lower it", () => {
  expect(estimateMos(0, 0.001, 0.02)).toBeGreaterThan(4.3);
  expect(estimateMos(0.05, 0.001, 0.02)).toBeLessThan(4.1);
  expect(estimateMos(0, 0.1, 0.02)).toBeLessThan(4.2);
  expect(estimateMos(0, 0.001, 1)).toBeLessThan(3);
  expect(estimateMos(1, 1, 10)).toBe(1);
});

test("AGW-20b packets and octets of a direction are limited, a short burst is not", () => {
  const limit = new RateLimit();
  const passed = (count: number, octets: number, now: number): number =>
    Array.from({ length: count }, () => limit.allows(octets, now)).filter(Boolean).length;
  expect(passed(1000, 172, 0)).toBe(400);
  expect(passed(1000, 172, 1000)).toBe(200);
  expect(passed(1000, 1400, 11_000)).toBe(142);
});
