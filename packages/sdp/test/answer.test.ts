import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addMedia,
  answerCodecs,
  answerMedia,
  bundleAnswer,
  codecsOf,
  formatSdp,
  getAttribute,
  hold,
  intersect,
  isDisabled,
  midOf,
  parseSdp,
  receives,
  refusedMedia,
  removeMedia,
  reverse,
} from "../src/index.ts";
import type { Attribute, Codec, Direction, MediaDescription } from "../src/index.ts";
import { chromiumOffer, coreOffer, firefoxOffer } from "./browserOffers.ts";

const pcma: Codec = { payloadType: 8, name: "PCMA", clockRate: 8000 };
const pcmu: Codec = { payloadType: 0, name: "PCMU", clockRate: 8000 };
const events: Codec = { payloadType: 101, name: "telephone-event", clockRate: 8000, fmtp: "0-15" };

function medium(more: Partial<MediaDescription> = {}): MediaDescription {
  return {
    type: "audio",
    port: 4000,
    protocol: "RTP/AVP",
    formats: ["8", "0"],
    bandwidths: [],
    attributes: [],
    ...more,
  };
}

describe("the m-lines of an answer", () => {
  test("are as many as offered, in their order, refused ones with port 0 and their tag", () => {
    const offer = parseSdp(chromiumOffer);
    const lines = answerMedia(offer.media, (media) =>
      media.type === "audio"
        ? { port: 40_000, codecs: answerCodecs(codecsOf(media), [pcma, events]), direction: "recvonly" }
        : undefined,
    );
    expect(formatSdp({ ...offer, attributes: [], media: lines })).toBe(
      [
        "v=0",
        "o=- 4611733054762223410 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "m=audio 40000 UDP/TLS/RTP/SAVPF 8 126",
        "a=mid:0",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:126 telephone-event/8000",
        "a=fmtp:126 0-15",
        "a=recvonly",
        "m=video 0 UDP/TLS/RTP/SAVPF 96 97 103 104",
        "a=mid:1",
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
        "a=mid:2",
        "",
      ].join("\r\n"),
    );
  });

  test("refuse what has no codec in common and what the offer has disabled, without asking", () => {
    const asked: number[] = [];
    const lines = answerMedia([medium({ port: 0 }), medium(), medium()], (_, index) => {
      asked.push(index);
      return { port: 5000, codecs: index === 1 ? [] : [pcma] };
    });
    expect(lines.map(({ port }) => port)).toEqual([0, 0, 5000]);
    expect(asked).toEqual([1, 2]);
  });

  test("take a bundle-only medium, whose port 0 refuses nothing", () => {
    const offered = medium({ port: 0, attributes: [{ name: "mid", value: "1" }, { name: "bundle-only" }] });
    const [line] = answerMedia([offered], () => ({ port: 9, codecs: [pcma] }));
    expect(line).toMatchObject({ port: 9, formats: ["8"] });
    expect(line && getAttribute(line, "bundle-only")).toBeUndefined();
  });

  test("keep the formats of a medium without codecs, and carry address, bandwidth and attributes", () => {
    const offered = medium({ type: "message", protocol: "TCP/MSRP", formats: ["*"] });
    const connection = { addressType: "IP4", address: "192.0.2.9" } as const;
    const accepted = {
      port: 2855,
      connection,
      bandwidths: [{ type: "AS", value: 9 }],
      attributes: [{ name: "setup", value: "passive" }],
    };
    expect(answerMedia([offered], () => accepted)).toEqual([
      { type: "message", protocol: "TCP/MSRP", formats: ["*"], ...accepted },
    ]);
  });

  test("fit any offer", () => {
    const line = fc.record({
      port: fc.constantFrom(0, 9, 4000),
      type: fc.constantFrom("audio", "video", "message"),
      protocol: fc.constantFrom("RTP/AVP", "TCP/MSRP"),
      formats: fc.subarray(["0", "8", "9", "18", "99"]),
      bandwidths: fc.constant<MediaDescription["bandwidths"]>([]),
      attributes: fc.subarray<Attribute>([{ name: "mid", value: "7" }, { name: "bundle-only" }, { name: "sendonly" }]),
    });
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.boolean()), (offered, wanted) => {
        const answer = answerMedia(offered, (media, at) =>
          wanted[at] ? { port: 1000, codecs: answerCodecs(codecsOf(media), [pcmu, pcma]) } : undefined,
        );
        expect(answer).toHaveLength(offered.length);
        for (const [at, media] of offered.entries()) {
          const said = answer[at] ?? media;
          expect([said.type, said.protocol, midOf(said)]).toEqual([media.type, media.protocol, midOf(media)]);
          expect(said.formats.every((format) => media.formats.includes(format))).toBe(true);
          expect(isDisabled(said) || (!isDisabled(media) && wanted[at])).toBe(true);
        }
      }),
    );
  });
});

describe("the codecs of an answer", () => {
  test("have the order, names and payload types of the offer and the parameters of this side", () => {
    const offered = [{ ...events, payloadType: 126, fmtp: "0-16" }, { ...pcmu, name: "pcmu" }, pcma];
    expect(answerCodecs(offered, [pcma, events, pcmu])).toEqual([
      { ...events, payloadType: 126 },
      { ...pcmu, name: "pcmu" },
      pcma,
    ]);
  });

  test("have events only at the clock rate of a voice codec", () => {
    const opus: Codec = { payloadType: 111, name: "opus", clockRate: 48_000, channels: 2 };
    const fast = { ...events, payloadType: 110, clockRate: 48_000 };
    const able = [opus, pcma, events, fast, { payloadType: 13, name: "CN", clockRate: 8000 }];
    const browser = codecsOf(parseSdp(chromiumOffer).media[0] ?? medium());
    const types = (list: readonly Codec[]): number[] =>
      answerCodecs(browser, list).map(({ payloadType }) => payloadType);
    expect(types(able)).toEqual([111, 8, 13, 110, 126]);
    expect(types([opus, events, fast])).toEqual([111, 110]);
    expect(types([pcma, events, fast])).toEqual([8, 126]);
    expect(types([events, fast])).toEqual([]);
  });

  test("repeat the mode-set that AMR was offered with, and refuse another one", () => {
    const amr: Codec = { payloadType: 97, name: "AMR", clockRate: 8000, fmtp: "mode-set=0,2,4,7; octet-align=1" };
    const free: Codec = { ...amr, payloadType: 100, fmtp: "octet-align=1;max-red=0" };
    expect(answerCodecs([amr], [free])).toEqual([{ ...amr, fmtp: "octet-align=1;max-red=0;mode-set=0,2,4,7" }]);
    expect(answerCodecs([amr], [{ ...free, fmtp: "octet-align=1;mode-set=7,4,2,0" }])).toHaveLength(1);
    expect(answerCodecs([amr], [{ ...free, fmtp: "octet-align=1;mode-set=7" }])).toEqual([]);
    expect(answerCodecs([amr], [{ ...free, fmtp: "mode-set=0,2,4,7" }])).toEqual([]);
  });
});

describe("a later offer", () => {
  test("adds a medium in the place of one that has gone, else at the end", () => {
    const video = medium({ type: "video" });
    expect(addMedia([medium(), medium({ port: 0 }), medium({ port: 0 })], video).map(({ type }) => type)).toEqual([
      "audio",
      "video",
      "audio",
    ]);
    expect(addMedia([medium()], video).map(({ type }) => type)).toEqual(["audio", "video"]);
    const bundled = medium({ port: 0, attributes: [{ name: "bundle-only" }] });
    expect(addMedia([bundled], video)).toEqual([bundled, video]);
  });

  test("removes a medium by its port and keeps its line", () => {
    const lines = [
      medium({
        attributes: [
          { name: "mid", value: "a" },
          { name: "ptime", value: "20" },
        ],
      }),
      medium(),
    ];
    expect(removeMedia(lines, 0)).toEqual([refusedMedia(lines[0] ?? medium()), lines[1]]);
    expect(removeMedia(lines, 0)[0]).toMatchObject({ port: 0, attributes: [{ name: "mid", value: "a" }] });
    expect(() => removeMedia(lines, 2)).toThrow(RangeError);
  });

  test("never has fewer lines, whatever is added and removed", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(5))), (steps) => {
        let lines: readonly MediaDescription[] = [];
        for (const step of steps) {
          const next =
            step === null || lines.length === 0 ? addMedia(lines, medium()) : removeMedia(lines, step % lines.length);
          expect(next.length).toBeGreaterThanOrEqual(lines.length);
          // A line is added only when none is free.
          expect(next.length === lines.length || !lines.some(isDisabled)).toBe(true);
          lines = next;
        }
      }),
    );
  });
});

test("hold lets nothing in, and its answer sends nothing", () => {
  const all: Direction[] = ["sendrecv", "sendonly", "recvonly", "inactive"];
  for (const direction of all) {
    expect(receives(hold(direction))).toBe(false);
    expect(receives(reverse(intersect(hold(direction), "sendrecv")))).toBe(false);
    expect(hold(hold(direction))).toBe(hold(direction));
  }
});

test("the BUNDLE group of an answer has the offer's order and only accepted media", () => {
  expect(bundleAnswer(["0", "1", "2"], ["2", "0", "9"])).toEqual({ name: "group", value: "BUNDLE 0 2" });
  expect(bundleAnswer(["0", "1"], [])).toBeUndefined();
  expect(bundleAnswer([], ["0"])).toBeUndefined();
});

test("offers of browsers and cores are answered with what they have", () => {
  for (const [text, expected] of [
    [firefoxOffer, ["PCMU", "PCMA", "telephone-event"]],
    [coreOffer, ["PCMA"]],
  ] as const) {
    const codecs = codecsOf(parseSdp(text).media[0] ?? medium());
    expect(answerCodecs(codecs, [pcma, pcmu, events]).map(({ name }) => name)).toEqual(expected);
  }
});
