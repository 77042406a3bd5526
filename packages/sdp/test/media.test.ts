import fc from "fast-check";
import { expect, test } from "vitest";
import {
  codecAttributes,
  codecsOf,
  directionOf,
  dtlsOf,
  formatCandidate,
  iceOf,
  intersect,
  parseCandidate,
  parseSdp,
  reverse,
  rtcpPortOf,
  sameCodec,
} from "../src/index.ts";
import type { Codec, Direction, MediaDescription, SessionDescription } from "../src/index.ts";
import { chromiumOffer, coreOffer, firefoxOffer } from "./browserOffers.ts";

function read(text: string, at = 0): [SessionDescription, MediaDescription] {
  const session = parseSdp(text);
  const media = session.media[at];
  if (!media) throw new Error("no such medium");
  return [session, media];
}

function oneMedium(...lines: string[]): [SessionDescription, MediaDescription] {
  return read(["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", ...lines, ""].join("\r\n"));
}

const codec = (name: string, clockRate: number, more: Partial<Codec> = {}): Codec => ({
  payloadType: 96,
  name,
  clockRate,
  ...more,
});

test("the codecs of a browser come in its order, with parameters", () => {
  const [, audio] = read(chromiumOffer);
  const codecs = codecsOf(audio);
  expect(codecs.map(({ payloadType, name }) => `${payloadType} ${name}`)).toEqual([
    "111 opus",
    "63 red",
    "9 G722",
    "0 PCMU",
    "8 PCMA",
    "13 CN",
    "110 telephone-event",
    "126 telephone-event",
  ]);
  expect(codecs[0]).toEqual({
    payloadType: 111,
    name: "opus",
    clockRate: 48_000,
    channels: 2,
    fmtp: "minptime=10;useinbandfec=1",
  });
});

test("static payload types need no rtpmap, dynamic ones without it are left out", () => {
  const [, audio] = oneMedium("m=audio 4000 RTP/AVP 0 8 9 13 18 96 8");
  expect(codecsOf(audio).map(({ name }) => name)).toEqual(["PCMU", "PCMA", "G722", "CN", "G729"]);
  const [, channel] = read(chromiumOffer, 2);
  expect(codecsOf(channel)).toEqual([]);
});

test("codec attributes read back as the same codecs", () => {
  for (const text of [chromiumOffer, firefoxOffer, coreOffer]) {
    const [, media] = read(text);
    const codecs = codecsOf(media);
    expect(codecsOf({ ...media, attributes: codecAttributes(codecs) })).toEqual(codecs);
  }
});

test("one codec is another by name, clock, channels and what sets formats apart", () => {
  expect(
    sameCodec(codec("opus", 48_000, { channels: 2 }), codec("OPUS", 48_000, { channels: 2, fmtp: "stereo=1" })),
  ).toBe(true);
  expect(sameCodec(codec("G722", 8000), codec("G722", 8000, { channels: 1 }))).toBe(true);
  expect(sameCodec(codec("telephone-event", 8000), codec("telephone-event", 48_000))).toBe(false);
  expect(sameCodec(codec("L16", 44_100), codec("L16", 44_100, { channels: 2 }))).toBe(false);
  const amr = codec("AMR-WB", 16_000, { fmtp: "mode-change-capability=2;max-red=0" });
  expect(sameCodec(amr, codec("AMR-WB", 16_000, { fmtp: "octet-align=0" }))).toBe(true);
  expect(sameCodec(amr, codec("AMR-WB", 16_000, { fmtp: "octet-align=1" }))).toBe(false);
  const h264 = codec("H264", 90_000, { fmtp: "packetization-mode=1; profile-level-id=42E01F" });
  expect(sameCodec(h264, codec("H264", 90_000, { fmtp: "profile-level-id=42e00a;packetization-mode=1" }))).toBe(true);
  expect(sameCodec(h264, codec("H264", 90_000, { fmtp: "profile-level-id=42e01f" }))).toBe(false);
});

test("the direction is the medium's, else the session's, else both ways", () => {
  expect(directionOf(...read(chromiumOffer, 1))).toBe("sendonly");
  expect(directionOf(...read(coreOffer))).toBe("recvonly");
  expect(directionOf(...oneMedium("m=audio 4000 RTP/AVP 8"))).toBe("sendrecv");
  expect(directionOf(...oneMedium("m=audio 0 RTP/AVP 8", "a=sendrecv"))).toBe("inactive");
});

test("c=0.0.0.0 is hold, unless the medium does ICE", () => {
  expect(directionOf(...oneMedium("m=audio 4000 RTP/AVP 8", "c=IN IP4 0.0.0.0"))).toBe("sendonly");
  const browser = read(chromiumOffer.replace("a=sendonly", "a=sendrecv"), 1);
  expect(directionOf(...browser)).toBe("sendrecv");
});

test("an answer's direction is what the offer allows and this side wants", () => {
  expect(intersect("sendrecv", "sendrecv")).toBe("sendrecv");
  expect(intersect("sendonly", "sendrecv")).toBe("recvonly");
  expect(intersect("recvonly", "sendonly")).toBe("sendonly");
  expect(intersect("sendonly", "sendonly")).toBe("inactive");
  const all: Direction[] = ["sendrecv", "sendonly", "recvonly", "inactive"];
  for (const offer of all) {
    expect(intersect(offer, "sendrecv")).toBe(reverse(offer));
    expect(intersect(offer, "inactive")).toBe("inactive");
  }
});

test("ICE parameters hold names, TCP and extensions of candidates", () => {
  const ice = iceOf(...read(chromiumOffer));
  expect(ice).toMatchObject({ ufrag: "4ZcD", pwd: "2/1muCWoOi3uLifh0NuRHlGz", lite: false });
  expect(ice?.candidates.map(({ address, transport, type }) => `${address} ${transport} ${type}`)).toEqual([
    "3f1d7c1e-0d0b-4a5e-9f0e-5a1f6f2d7c11.local udp host",
    "198.51.100.23 udp srflx",
    "2001:db8::17 tcp host",
  ]);
  expect(ice?.candidates[1]).toMatchObject({ relatedAddress: "0.0.0.0", relatedPort: 0 });
  expect(ice?.candidates[2]).toMatchObject({
    tcpType: "active",
    extensions: [
      ["generation", "0"],
      ["network-id", "1"],
    ],
  });
  expect(iceOf(...read(firefoxOffer))?.candidates[0]?.transport).toBe("udp");
  expect(iceOf(...read(coreOffer))).toBeUndefined();
});

test("credentials may stand at session level; short ones are none; malformed candidates are passed over", () => {
  const credentials = ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"];
  const candidate = "a=candidate:1 1 udp 1 192.0.2.1 4000";
  const lite = iceOf(
    ...oneMedium("a=ice-lite", ...credentials, "m=audio 9 RTP/AVP 8", candidate, `${candidate} typ host`),
  );
  expect(lite).toMatchObject({ ufrag: "abcd", lite: true, candidates: [{ port: 4000, type: "host" }] });
  expect(
    iceOf(...oneMedium("m=audio 9 RTP/AVP 8", "a=ice-ufrag:abc", "a=ice-pwd:0123456789012345678901")),
  ).toBeUndefined();
});

test("a candidate is written as it was read", () => {
  for (const line of `${chromiumOffer}${firefoxOffer}`.matchAll(/a=(candidate:.*)\r\n/g)) {
    const candidate = parseCandidate(line[1] ?? "");
    expect(candidate && `candidate:${formatCandidate(candidate)}`).toBe(
      line[1]?.replace(/ (UDP|TCP) /, (m) => m.toLowerCase()),
    );
  }
});

test("DTLS roles and fingerprints are found at either level", () => {
  const value = "6B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08";
  expect(dtlsOf(...read(chromiumOffer))).toEqual({ setup: "actpass", fingerprints: [{ algorithm: "sha-256", value }] });
  const firefox = dtlsOf(...read(firefoxOffer));
  expect(firefox?.fingerprints[0]?.value.startsWith("D4:2C:91")).toBe(true);
  const answer = oneMedium(
    "m=audio 9 UDP/TLS/RTP/SAVPF 8",
    "a=setup:active",
    `a=fingerprint:SHA-256 ${value}`,
    "a=tls-id:abc3de65cddef001be82",
  );
  expect(dtlsOf(...answer)).toMatchObject({ setup: "active", tlsId: "abc3de65cddef001be82" });
});

test("no role or no readable fingerprint is no DTLS", () => {
  expect(dtlsOf(...read(coreOffer))).toBeUndefined();
  expect(
    dtlsOf(...oneMedium("m=audio 9 UDP/TLS/RTP/SAVPF 8", "a=setup:active", "a=fingerprint:sha-256 6B:8B")),
  ).toBeUndefined();
  expect(dtlsOf(...read(chromiumOffer.replaceAll("a=setup:actpass", "a=setup:both")))).toBeUndefined();
});

test("RTCP goes to the mux port, the written one or the next", () => {
  expect(rtcpPortOf(read(chromiumOffer)[1])).toBe(54_400);
  expect(rtcpPortOf(read(coreOffer)[1])).toBe(50_000);
  expect(rtcpPortOf(oneMedium("m=audio 4000 RTP/AVP 8")[1])).toBe(4001);
});

test("no view throws, whatever the attributes hold", () => {
  const names = ["rtpmap", "fmtp", "candidate", "fingerprint", "setup", "ice-ufrag", "ice-pwd", "rtcp", "mid", "group"];
  const attribute = fc.record({ name: fc.constantFrom(...names), value: fc.string() });
  fc.assert(
    fc.property(fc.array(attribute), fc.array(fc.string()), (attributes, formats) => {
      const [session] = oneMedium("m=audio 9 RTP/AVP 8");
      const media = { type: "audio", port: 9, protocol: "RTP/AVP", formats, bandwidths: [], attributes };
      session.attributes = attributes;
      for (const view of [iceOf, dtlsOf, directionOf]) view(session, media);
      expect(rtcpPortOf(media)).toBeLessThanOrEqual(65_535);
      for (const found of codecsOf(media)) expect(found.payloadType).toBeLessThanOrEqual(127);
    }),
  );
});
