import fc from "fast-check";
import { expect, test } from "vitest";
import {
  answerSetup,
  codecAttributes,
  codecsOf,
  directionOf,
  dtlsAttributes,
  dtlsOf,
  formatCandidate,
  iceAttributes,
  iceOf,
  intersect,
  isIceRestart,
  isNewAssociation,
  parseCandidate,
  parseSdp,
  reverse,
  rtcpPortOf,
  sameCodec,
} from "../src/index.ts";
import type { Codec, Direction, DtlsParameters, MediaDescription, SessionDescription } from "../src/index.ts";
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
  expect(directionOf(...oneMedium("m=audio 0 RTP/AVP 8", "a=sendonly", "a=bundle-only"))).toBe("sendonly");
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

const same = (name: string, a: string | undefined, b: string | undefined): boolean =>
  sameCodec(codec(name, 90_000, a === undefined ? {} : { fmtp: a }), codec(name, 90_000, b ? { fmtp: b } : {}));

test("what sets formats of one name apart", () => {
  expect(same("opus", "stereo=1", "useinbandfec=1")).toBe(true);
  expect(same("VP8", "max-fr=30", undefined)).toBe(true);
  expect(same("telephone-event", "0-15", "0-16,66")).toBe(true);
  expect(same("AMR-WB", undefined, "mode-set=0,1,2")).toBe(true);
  expect(same("AMR-WB", "mode-set=2,1,0", "mode-set=0,1,2")).toBe(true);
  expect(same("AMR-WB", "mode-set=0", "mode-set=0,1,2")).toBe(false);
  expect(same("AMR-WB", undefined, "crc=1;octet-align=1")).toBe(false);
  expect(same("AMR", "octet-align=1;interleaving=4", "octet-align=1")).toBe(false);
  expect(same("EVS", "br=5.9-24.4;bw=nb-wb", "br=13.2;bw=swb;hf-only=0")).toBe(true);
  expect(same("EVS", "hf-only=1", undefined)).toBe(false);
  expect(same("EVS", "evs-mode-switch=1", "evs-mode-switch=0")).toBe(false);
  expect(same("H264", undefined, "profile-level-id=42001F")).toBe(true);
  expect(same("H264", undefined, "packetization-mode=1")).toBe(false);
  // RFC 6184 table 5: constrained baseline has many spellings.
  expect(same("H264", "profile-level-id=42e01f", "profile-level-id=42c00d")).toBe(true);
  expect(same("H264", "profile-level-id=42e01f", "profile-level-id=4d801f")).toBe(true);
  expect(same("H264", "profile-level-id=58a01f", "profile-level-id=42001f")).toBe(true);
  expect(same("H264", "profile-level-id=4d001f", "profile-level-id=42e01f")).toBe(false);
  expect(same("H264", "profile-level-id=64001f", "profile-level-id=640c1f")).toBe(false);
  expect(same("VP9", undefined, "profile-id=0")).toBe(true);
  expect(same("VP9", "profile-id=2", "profile-id=0")).toBe(false);
});

test("being the same codec goes both ways", () => {
  const some = fc.record({
    payloadType: fc.nat(127),
    name: fc.constantFrom("AMR", "amr", "EVS", "H264", "opus"),
    clockRate: fc.constantFrom(8000, 16_000),
    fmtp: fc
      .subarray(["octet-align=1", "mode-set=0,2", "mode-set=7", "hf-only=1", "profile-level-id=42e01f", "0-15"])
      .map((parts) => parts.join("; ")),
  });
  fc.assert(
    fc.property(some, some, (a, b) => {
      expect(sameCodec(a, b)).toBe(sameCodec(b, a));
      expect(sameCodec(a, { ...a, payloadType: b.payloadType })).toBe(true);
    }),
  );
});

test("attributes of trickle, pacing and the chosen pair are recognised", () => {
  const credentials = ["a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901"];
  expect(iceOf(...read(chromiumOffer))).toMatchObject({ trickle: true, endOfCandidates: false, mismatch: false });
  expect(iceOf(...read(firefoxOffer))).toMatchObject({ trickle: true, endOfCandidates: true });
  const chosen = "a=remote-candidates:1 192.0.2.3 45664 2 192.0.2.3 45665 3 x";
  const more = ["a=ice-options:ice2 trickle-not", "a=ice-mismatch", chosen];
  const ice = iceOf(...oneMedium("a=ice-pacing:50", ...credentials, "m=audio 9 RTP/AVP 8", ...more));
  expect(ice).toMatchObject({ trickle: false, endOfCandidates: false, mismatch: true, pacing: 50 });
  expect(ice?.remoteCandidates).toEqual([
    { component: 1, address: "192.0.2.3", port: 45_664 },
    { component: 2, address: "192.0.2.3", port: 45_665 },
  ]);
});

test("ICE and DTLS lines read back as the same parameters", () => {
  for (const text of [chromiumOffer, firefoxOffer]) {
    const [session, media] = read(text);
    const [ice, dtls] = [iceOf(session, media), dtlsOf(session, media)];
    if (!ice || !dtls) throw new Error("a browser has both");
    const attributes = [...iceAttributes(ice), ...dtlsAttributes({ ...dtls, tlsId: "abc" })];
    const bare = { ...session, attributes: [] };
    expect(iceOf(bare, { ...media, attributes })).toEqual({ ...ice, trickle: false });
    expect(dtlsOf(bare, { ...media, attributes })).toEqual({ ...dtls, tlsId: "abc" });
  }
});

test("new credentials restart ICE, new candidates do not", () => {
  const before = { ufrag: "8hhY", pwd: "asd88fgpdd777uzjYhagZg" };
  expect(isIceRestart(before, { ...before })).toBe(false);
  expect(isIceRestart(before, { ufrag: "9uB6", pwd: "YH75Fviy6338Vbrhrlp8Yh" })).toBe(true);
  expect(isIceRestart(before, { ...before, ufrag: "9uB6" })).toBe(true);
});

test("a setup role is answered by its opposite, actpass by what this side wants", () => {
  expect(answerSetup("active", "active")).toBe("passive");
  expect(answerSetup("passive", "passive")).toBe("active");
  expect(answerSetup("actpass", "passive")).toBe("passive");
  expect(answerSetup("actpass", "active")).toBe("active");
});

test("a DTLS association is new with another tls-id, set of fingerprints or role, not by actpass or order", () => {
  const [one, two] = ["AA", "BB"].map((pair) => ({ algorithm: "sha-256", value: Array(32).fill(pair).join(":") }));
  if (!one || !two) throw new Error("two fingerprints");
  const before: DtlsParameters = { setup: "active", fingerprints: [one, two], tlsId: "a" };
  expect(isNewAssociation(before, { ...before, fingerprints: [two, one] })).toBe(false);
  expect(isNewAssociation(before, { ...before, setup: "actpass" })).toBe(false);
  expect(isNewAssociation(before, { ...before, setup: "passive" })).toBe(true);
  expect(isNewAssociation(before, { ...before, tlsId: "b" })).toBe(true);
  expect(isNewAssociation(before, { setup: "active", fingerprints: [one, two] })).toBe(false);
  expect(isNewAssociation(before, { ...before, fingerprints: [one] })).toBe(true);
  expect(isNewAssociation({ ...before, fingerprints: [one] }, { ...before, fingerprints: [two] })).toBe(true);
});
