import { expect, test } from "vitest";
import {
  ToneGenerator,
  ToneListener,
  analyseWindow,
  countTone,
  decodeG711,
  encodeG711,
  tonePower,
} from "../src/index.ts";
import { formatRtp, parseRtp } from "../src/rtp/packet.ts";
import { KeyReader, eventOf, formatTelephoneEvent, keyOf, parseTelephoneEvent } from "../src/rtp/telephoneEvent.ts";

test("G.711 agrees with the code tables of ITU-T G.711", () => {
  const octets = Uint8Array.from({ length: 256 }, (_, octet) => octet);
  for (const law of ["PCMA", "PCMU"] as const) {
    const again = encodeG711(law, decodeG711(law, octets));
    // µ-law has two zeros
    const differ = [...octets].filter((octet) => again[octet] !== octet);
    expect(differ).toEqual(law === "PCMU" ? [0x7f] : []);
  }
  expect([...decodeG711("PCMA", Uint8Array.of(0xd5, 0x55, 0xaa, 0x2a))]).toEqual([8, -8, 32_256, -32_256]);
  expect([...decodeG711("PCMU", Uint8Array.of(0xff, 0x7f, 0x80, 0x00))]).toEqual([0, 0, 32_124, -32_124]);
  expect([...encodeG711("PCMA", Int16Array.of(32_767, -32_768))]).toEqual([0xaa, 0x2a]);
  expect([...encodeG711("PCMU", Int16Array.of(32_767, -32_768))]).toEqual([0x80, 0x00]);
});

test("coding loses little", () => {
  const tone = new ToneGenerator({ frequency: 440, onMs: 1000, offMs: 0 }, 8000).next(8000);
  for (const law of ["PCMA", "PCMU"] as const) {
    const back = decodeG711(law, encodeG711(law, tone));
    let noise = 0;
    let signal = 0;
    for (const [at, sample] of tone.entries()) {
      noise += (sample - (back[at] ?? 0)) ** 2;
      signal += sample ** 2;
    }
    expect(10 * Math.log10(signal / noise)).toBeGreaterThan(35);
  }
});

test("a pattern is heard as it was made", () => {
  const generator = new ToneGenerator({ frequency: 1000, onMs: 400, offMs: 200, times: 2 }, 8000);
  const listener = new ToneListener(8000);
  const done = Array.from({ length: 100 }, () => listener.push(generator.next(160))).flat();
  expect(done).toEqual(listener.heard);
  expect(listener.heard.map(({ frequency }) => frequency).slice(0, 14)).toEqual(
    [1000, 1000, 1000, 1000, 0, 0, 1000, 1000, 1000, 1000, 0, 0, 0, 0].map((f) => (f === 0 ? undefined : f)),
  );
  expect(listener.heard[3]?.at).toBe(300);
  expect(listener.heard[0]?.level).toBeCloseTo(-13.5, 0);
  expect(listener.heard[0]?.share).toBeGreaterThan(0.99);
  expect(countTone(listener.heard, 1010)).toBe(8);
  expect(countTone(listener.heard, 1000, 0)).toBe(8);
  expect(countTone(listener.heard, 1100)).toBe(0);
});

test("noise is no tone and silence is quiet", () => {
  const noise = Float32Array.from({ length: 4800 }, () => Math.random() - 0.5);
  expect(analyseWindow(noise, 48_000, 0)).toMatchObject({ frequency: undefined });
  expect(analyseWindow(new Int16Array(800), 8000, 0)).toEqual({ at: 0, level: -100, frequency: undefined, share: 0 });
  const sine = Float32Array.from({ length: 4800 }, (_, at) => Math.sin((2 * Math.PI * 1400 * at) / 48_000));
  expect(tonePower(sine, 48_000, 1400)).toBeCloseTo(0.5, 3);
  expect(tonePower(sine, 48_000, 1000)).toBeLessThan(0.001);
  expect(analyseWindow(sine, 48_000, 0).frequency).toBe(1400);
});

test("RTP packets are read and written", () => {
  const packet = {
    marker: true,
    payloadType: 8,
    sequence: 65_535,
    timestamp: 4_294_967_295,
    ssrc: 0x8000_0001,
    payload: Uint8Array.of(1, 2, 3),
  };
  expect(parseRtp(formatRtp(packet))).toEqual(packet);
  const extended = Uint8Array.of(
    0xb1,
    0,
    0,
    1,
    0,
    0,
    0,
    2,
    0,
    0,
    0,
    3,
    9,
    9,
    9,
    9,
    0xbe,
    0xde,
    0,
    1,
    7,
    7,
    7,
    7,
    42,
    0,
    0,
    3,
  );
  expect(parseRtp(extended)).toMatchObject({ sequence: 1, payload: Uint8Array.of(42) });
  for (let length = 0; length < 24; length += 1) expect(() => parseRtp(extended.subarray(0, length))).not.toThrow();
  expect(parseRtp(Uint8Array.from({ length: 20 }, (_, at) => (at === 0 ? 0x40 : 0)))).toBe(undefined);
  for (let i = 0; i < 500; i += 1) {
    parseRtp(Uint8Array.from({ length: Math.floor(Math.random() * 40) }, () => Math.floor(Math.random() * 256)));
  }
});

test("telephone events are read once each", () => {
  expect([keyOf(0), keyOf(10), keyOf(11), keyOf(15), keyOf(16)]).toEqual(["0", "*", "#", "D", undefined]);
  expect([eventOf("9"), eventOf("#"), eventOf("a"), eventOf("x")]).toEqual([9, 11, 12, -1]);
  const event = { event: 5, end: true, duration: 800 };
  expect(parseTelephoneEvent(formatTelephoneEvent(event))).toEqual(event);
  const reader = new KeyReader();
  const report = (timestamp: number, key: number): string | undefined =>
    reader.read(timestamp, formatTelephoneEvent({ event: key, end: false, duration: 160 }));
  expect([report(100, 5), report(100, 5), report(900, 5), report(1700, 32)]).toEqual(["5", undefined, "5", undefined]);
  expect(reader.read(2500, Uint8Array.of(1))).toBe(undefined);
});
