import fc from "fast-check";
import { expect, test } from "vitest";
import {
  answerCodecs,
  answerMedia,
  bundleOf,
  codecsOf,
  dataChannelOf,
  directionOf,
  dtlsOf,
  formatSdp,
  iceOf,
  msrpOf,
  parseSdp,
  rtcpPortOf,
  SdpError,
} from "../src/index.ts";
import type { SessionDescription } from "../src/index.ts";
import { chromiumOffer, coreOffer, firefoxOffer } from "./browserOffers.ts";
import { hostileText, useHostile } from "./hostileText.ts";

/** Runs of each property; PORTICO_FUZZ_RUNS=1000000 for a night. */
const numRuns = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 500);
const timeout = Math.max(5000, numRuns * 5);

function parsed(text: string): SessionDescription | undefined {
  try {
    return parseSdp(text);
  } catch (error) {
    if (error instanceof SdpError) return undefined;
    throw error;
  }
}

function useAll(session: SessionDescription): void {
  bundleOf(session);
  for (const media of session.media) {
    for (const view of [iceOf, dtlsOf, directionOf]) view(session, media);
    expect(rtcpPortOf(media)).toBeLessThanOrEqual(65_535);
    const codecs = codecsOf(media);
    for (const { payloadType } of codecs) expect(payloadType).toBeLessThanOrEqual(127);
    expect(answerCodecs(codecs, codecs).length).toBeLessThanOrEqual(codecs.length);
    for (const channel of dataChannelOf(media)?.channels ?? []) msrpOf(channel);
    msrpOf(media);
  }
  const answer = answerMedia(session.media, (media) => ({ port: 9, codecs: codecsOf(media) }));
  expect(answer.map(({ type }) => type)).toEqual(session.media.map(({ type }) => type));
}

const names = ["rtpmap", "fmtp", "candidate", "fingerprint", "setup", "ice-ufrag", "rtcp", "mid", "dcmap", "dcsa"];
const knownLines = [...chromiumOffer.split("\r\n"), ...coreOffer.split("\r\n")].filter((line) => !/^[vo]=/.test(line));
// Any character. fast-check's own unit "binary" takes two seconds to prepare.
const unit = fc.nat(0x10ffff).map((code) => String.fromCodePoint(code).toWellFormed());
const line = fc.oneof(
  fc.string({ unit }),
  fc.tuple(fc.stringMatching(/^[a-z]$/), fc.string()).map(([type, value]) => `${type}=${value}`),
  fc.tuple(fc.constantFrom(...names), fc.string()).map(([name, value]) => `a=${name}:${value}`),
  fc.constantFrom(...knownLines, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
);

test("any lines give a description that is stable and can be looked at, or an SdpError", { timeout }, () => {
  const input = fc
    .array(line, { maxLength: 40 })
    .map((parts) => ["v=0", "o=- 1 1 IN IP4 192.0.2.1", ...parts].join("\r\n"));
  fc.assert(
    fc.property(input, (text) => {
      const session = parsed(text);
      if (session === undefined) return;
      useAll(session);
      const written = formatSdp(session);
      expect(formatSdp(parseSdp(written))).toBe(written);
    }),
    { numRuns },
  );
});

test("a real offer with octets changed, cut out or doubled is read or refused, never worse", { timeout }, () => {
  const change = fc.record({
    at: fc.nat(chromiumOffer.length),
    gone: fc.nat(8),
    put: fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom("\r\n", "\n", "\r", "\0", ":", "=", " ", "\r\nm=")),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(chromiumOffer, firefoxOffer, coreOffer),
      fc.array(change, { minLength: 1, maxLength: 6 }),
      (offer, changes) => {
        let text = offer;
        for (const { at, gone, put } of changes) text = text.slice(0, at) + put + text.slice(at + gone);
        const session = parsed(text);
        if (session !== undefined) useAll(session);
        expect(session?.origin.username).not.toBe("");
      },
    ),
    { numRuns },
  );
});

test.each(Object.entries(hostileText))("%s cost no more than their length", (_, of) => {
  const large = of(32 * 1024);
  const small = of(4 * 1024);
  const times = { large: Infinity, small: Infinity };
  // As much text either way: in pieces of 32 or of 4 KiB. What costs the square of its length takes 8 times as long in
  // large pieces. Trouble on this machine only makes a round longer, so the shortest of many rounds tells the truth.
  for (let round = 0; round < 200; round += 1) {
    times.large = Math.min(times.large, duration(large, 4));
    times.small = Math.min(times.small, duration(small, 32));
    if (round >= 3 && times.large < 3 * times.small) return;
  }
  expect(times.large).toBeLessThan(3 * times.small);
});

function duration(text: string, times: number): number {
  const start = performance.now();
  for (let time = 0; time < times; time += 1) useHostile(text);
  return performance.now() - start;
}
