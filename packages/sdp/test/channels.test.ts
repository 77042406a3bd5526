import { expect, test } from "vitest";
import { bandwidthOf, dataChannelOf, msrpOf, parseSdp } from "../src/index.ts";
import type { MediaDescription } from "../src/index.ts";
import { chromiumOffer, coreOffer } from "./browserOffers.ts";

function medium(...lines: string[]): MediaDescription {
  const [media] = parseSdp(["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "t=0 0", ...lines].join("\r\n")).media;
  if (!media) throw new Error("no medium");
  return media;
}

const application = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel";

test("a browser's data channels have a port and a message size", () => {
  const [, video, channels] = parseSdp(chromiumOffer).media;
  expect(channels && dataChannelOf(channels)).toEqual({ sctpPort: 5000, maxMessageSize: 262_144, channels: [] });
  expect(video && dataChannelOf(video)).toBeUndefined();
});

test("without a=sctp-port there are none; without a size a message has 64 KiB; 0 is any size", () => {
  expect(dataChannelOf(medium(application))).toBeUndefined();
  expect(dataChannelOf(medium(application, "a=sctp-port:0"))).toBeUndefined();
  expect(dataChannelOf(medium(application, "a=sctp-port:5000"))?.maxMessageSize).toBe(65_536);
  const tcp = "m=application 9 TCP/DTLS/SCTP webrtc-datachannel";
  expect(dataChannelOf(medium(tcp, "a=sctp-port:1", "a=max-message-size:0"))?.maxMessageSize).toBe(0);
  expect(dataChannelOf(medium("m=application 9 UDP/DTLS/SCTP 5000", "a=sctp-port:1"))).toBeUndefined();
});

test("channels negotiated by SDP carry their options and attributes", () => {
  const channels = dataChannelOf(
    medium(
      application,
      "a=sctp-port:5000",
      "a=max-message-size:100000",
      'a=dcmap:0 subprotocol="bfcp";label="floor; %22one%22"',
      'a=dcmap:2 subprotocol="msrp";ordered=false;max-retr=3;priority=512',
      "a=dcsa:2 accept-types:message/cpim text/plain",
      "a=dcsa:2 path:msrps://ws.example:9/s1;dc msrps://192.0.2.1:5000/s2;dc",
      "a=dcsa:2 setup:active",
      "a=dcsa:2 msrp-cema",
      "a=dcmap:4 max-time=150",
      "a=dcmap:65534",
      "a=dcsa:6 path:nowhere",
    ),
  )?.channels;
  expect(
    channels?.map(({ id, label, subprotocol, ordered, priority }) => [id, label, subprotocol, ordered, priority]),
  ).toEqual([
    [0, 'floor; "one"', "bfcp", true, 256],
    [2, "", "msrp", false, 512],
    [4, "", "", true, 256],
    [65_534, "", "", true, 256],
  ]);
  expect(channels?.[1]).toMatchObject({ maxRetransmits: 3 });
  expect(channels?.[2]).toMatchObject({ maxTime: 150 });
  expect(channels?.[1] && msrpOf(channels[1])).toEqual({
    path: ["msrps://ws.example:9/s1;dc", "msrps://192.0.2.1:5000/s2;dc"],
    acceptTypes: ["message/cpim", "text/plain"],
    acceptWrappedTypes: [],
    setup: "active",
    cema: true,
  });
});

test.each([
  ["a stream beyond 65534", "65535 label=x"],
  ["a stream in words", "one"],
  ["an open quote", '1 label="x'],
  ["an option without a value", "1 ordered"],
  ["both limits", "1 max-retr=1;max-time=1"],
])("a channel with %s is passed over", (_, value) => {
  expect(dataChannelOf(medium(application, "a=sctp-port:1", `a=dcmap:${value}`))?.channels).toEqual([]);
});

test("the first of two channels of one stream counts; a label that is no UTF-8 stays as written", () => {
  const lines = ['a=dcmap:1 label="%ff"', "a=dcmap:1 label=b"];
  expect(dataChannelOf(medium(application, "a=sctp-port:1", ...lines))?.channels).toMatchObject([{ label: "%ff" }]);
});

test("an MSRP medium has a path, types and a setup role", () => {
  const media = medium(
    "m=message 2855 TCP/MSRP *",
    "a=accept-types:message/cpim text/*",
    "a=accept-wrapped-types:*",
    "a=path:msrp://192.0.2.1:2855/s1;tcp",
    "a=setup:actpass",
    "a=msrp-cema",
  );
  expect(msrpOf(media)).toEqual({
    path: ["msrp://192.0.2.1:2855/s1;tcp"],
    acceptTypes: ["message/cpim", "text/*"],
    acceptWrappedTypes: ["*"],
    setup: "actpass",
    cema: true,
  });
  expect(msrpOf(medium("m=message 2855 TCP/MSRP *", "a=accept-types:*"))).toBeUndefined();
  expect(msrpOf(medium("m=message 1 TCP/MSRP *", "a=path:msrp://a/b;tcp", "a=setup:both"))).toEqual({
    path: ["msrp://a/b;tcp"],
    acceptTypes: [],
    acceptWrappedTypes: [],
    cema: false,
  });
});

test("bandwidths are bit/s, whatever unit their line has", () => {
  const session = parseSdp(coreOffer);
  const [audio] = session.media;
  expect(bandwidthOf(session, "AS")).toBe(80_000);
  expect(audio && (["AS", "RS", "RR", "TIAS", "CT"] as const).map((type) => bandwidthOf(audio, type))).toEqual([
    41_000,
    0,
    4000,
    undefined,
    undefined,
  ]);
  const video = medium("m=video 9 RTP/AVP 31", "b=TIAS:64000", "b=CT:128");
  expect([bandwidthOf(video, "TIAS"), bandwidthOf(video, "CT")]).toEqual([64_000, 128_000]);
});
