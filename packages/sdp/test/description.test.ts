import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addressOf,
  bundleOf,
  explainSdpError,
  formatSdp,
  getAttribute,
  getAttributes,
  midOf,
  parseSdp,
  SdpError,
} from "../src/index.ts";
import { chromiumOffer, coreOffer, firefoxOffer } from "./browserOffers.ts";

const base = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";

function errorOf(run: () => unknown): SdpError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof SdpError) return error;
    throw error;
  }
  return undefined;
}

function codeOf(run: () => unknown): string | undefined {
  return errorOf(run)?.code;
}

test.each([
  ["Chromium", chromiumOffer],
  ["Firefox", firefoxOffer],
  ["a core", coreOffer],
])("an offer of %s comes back octet by octet", (_, offer) => {
  expect(formatSdp(parseSdp(offer))).toBe(offer);
});

test("a Chromium offer is read whole", () => {
  const offer = parseSdp(chromiumOffer);
  expect(offer.origin.sessionId).toBe("4611733054762223410");
  expect(offer.media.map(({ type, port, protocol }) => [type, port, protocol])).toEqual([
    ["audio", 54400, "UDP/TLS/RTP/SAVPF"],
    ["video", 9, "UDP/TLS/RTP/SAVPF"],
    ["application", 9, "UDP/DTLS/SCTP"],
  ]);
  expect(offer.media[2]?.formats).toEqual(["webrtc-datachannel"]);
  expect(bundleOf(offer)).toEqual(["0", "1", "2"]);
  expect(offer.media.map((media) => midOf(media))).toEqual(["0", "1", "2"]);
  const [audio] = offer.media;
  if (!audio) throw new Error("no audio");
  expect(addressOf(offer, audio)).toEqual({ addressType: "IP4", address: "198.51.100.23" });
  expect(getAttribute(audio, "rtcp-mux")).toBe("");
  expect(getAttribute(audio, "crypto")).toBeUndefined();
  expect(getAttributes(audio, "ssrc")).toHaveLength(2);
});

test("a core offer keeps lines that have no field", () => {
  const offer = parseSdp(coreOffer);
  expect(offer.otherLines).toEqual([
    { type: "i", value: "voice" },
    { type: "r", value: "604800 3600 0 90000" },
  ]);
  const [audio] = offer.media;
  expect(audio).toMatchObject({ portCount: 2, title: "speech", otherLines: [{ type: "k", value: "prompt" }] });
  expect(audio?.bandwidths).toEqual([
    { type: "AS", value: 41 },
    { type: "RS", value: 0 },
    { type: "RR", value: 4000 },
  ]);
  expect(audio && addressOf(offer, audio)?.address).toBe("2001:db8:40::7:20");
});

test("LF alone, a missing last line end and forgotten s= and t= lines are forgiven", () => {
  const offer = parseSdp("v=0\no=- 1 1 IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8");
  expect(formatSdp(offer)).toBe(`${base}m=audio 4000 RTP/AVP 8\r\n`);
});

test("a refused medium needs no format, a live one does", () => {
  expect(parseSdp(`${base}m=video 0 RTP/AVP\r\n`).media[0]?.formats).toEqual([]);
  expect(codeOf(() => parseSdp(`${base}m=video 4000 RTP/AVP\r\n`))).toBe("sdp/syntax");
});

test.each([
  ["nothing", "", "sdp/version"],
  ["another version", base.replace("v=0", "v=1"), "sdp/version"],
  ["no origin", "v=0\r\ns=-\r\nt=0 0\r\n", "sdp/syntax"],
  ["a second origin", `${base}o=- 1 1 IN IP4 192.0.2.1\r\n`, "sdp/syntax"],
  ["a line without =", `${base}hello\r\n`, "sdp/syntax"],
  ["a bare CR", `${base}a=x\ra=y\r\n`, "sdp/syntax"],
  ["a NUL", `${base}a=x\0\r\n`, "sdp/syntax"],
  ["a port beyond 65535", `${base}m=audio 65536 RTP/AVP 8\r\n`, "sdp/syntax"],
  ["a negative port", `${base}m=audio -1 RTP/AVP 8\r\n`, "sdp/syntax"],
  ["a port count of 0", `${base}m=audio 4000/0 RTP/AVP 8\r\n`, "sdp/syntax"],
  ["a network other than IN", `${base}c=ATM NSAP 47\r\n`, "sdp/syntax"],
  ["a bandwidth in words", `${base}b=AS:much\r\n`, "sdp/syntax"],
  ["65 media", base + "m=audio 4000 RTP/AVP 8\r\n".repeat(65), "sdp/too-many-media"],
  ["33 KiB", `${base}a=x:${"y".repeat(33 * 1024)}\r\n`, "sdp/too-large"],
])("%s is refused", (_, text, code) => {
  expect(codeOf(() => parseSdp(text))).toBe(code);
});

test("an error names line and type, status and remedy, never the line's content", () => {
  const error = errorOf(() => parseSdp(`${base}c=IN IP4 secret.example extra\r\n`));
  expect(error?.status).toBe(400);
  expect(error?.message).toContain('line 5, type "c"');
  expect(error?.message).not.toContain("secret");
  expect(error && explainSdpError(error.code).remedy).toContain("line that the message names");
});

test("a value cannot begin a line of its own", () => {
  const offer = parseSdp(`${base}m=audio 4000 RTP/AVP 8\r\n`);
  offer.media[0]?.attributes.push({ name: "label", value: "1\r\nm=audio 9 RTP/AVP 0" });
  expect(codeOf(() => formatSdp(offer))).toBe("sdp/unsafe-text");
});

const token = fc.stringMatching(/^[!#-9;-~]{1,12}$/);
const text = fc.stringMatching(/^[ -~é☎]{1,30}$/u);
const connection = fc.oneof(
  fc.record({ addressType: fc.constant("IP4" as const), address: fc.ipV4() }),
  fc.record({ addressType: fc.constant("IP6" as const), address: fc.ipV6() }),
);
const attribute = fc.oneof(fc.record({ name: token }), fc.record({ name: token, value: text }));
const bandwidth = fc.record({ type: fc.constantFrom("AS", "RS", "TIAS"), value: fc.nat() });
const section = { bandwidths: fc.array(bandwidth), attributes: fc.array(attribute) };
const media = fc.record(
  {
    type: fc.constantFrom("audio", "video", "application", "message"),
    port: fc.nat(65_535),
    portCount: fc.integer({ min: 1, max: 9 }),
    protocol: fc.constantFrom("RTP/AVP", "UDP/TLS/RTP/SAVPF", "UDP/DTLS/SCTP"),
    formats: fc.array(token, { minLength: 1 }),
    title: text,
    connection,
    ...section,
  },
  { requiredKeys: ["type", "port", "protocol", "formats", "bandwidths", "attributes"] },
);
const description = fc.record(
  {
    origin: fc
      .tuple(token, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat(), connection)
      .map(([username, id, version, at]) =>
        Object.assign({ username, sessionId: `${id}`, sessionVersion: `${version}` }, at),
      ),
    name: text,
    connection,
    timing: fc.constant("0 0"),
    media: fc.array(media, { maxLength: 5 }),
    ...section,
  },
  { requiredKeys: ["origin", "name", "timing", "media", "bandwidths", "attributes"] },
);

test("every description written is read back as it was", () => {
  fc.assert(
    fc.property(description, (model) => {
      expect(parseSdp(formatSdp(model))).toEqual(model);
    }),
  );
});

const lineOf = (type: string, value: fc.Arbitrary<string> = text): fc.Arbitrary<string> =>
  value.map((written) => `${type}=${written}`);

const maybe = (...lines: fc.Arbitrary<string>[]): fc.Arbitrary<string>[] =>
  lines.map((line) => fc.oneof(line, fc.constant("")));

test("text in the order of RFC 8866 §5 is written as it was read", () => {
  const c = lineOf(
    "c",
    fc.ipV4().map((address) => `IN IP4 ${address}`),
  );
  const b = lineOf(
    "b",
    fc.nat().map((value) => `AS:${value}`),
  );
  const t = lineOf("t", fc.constant("3724394400 3724398000"));
  const attributes = fc.array(lineOf("a"), { maxLength: 8 }).map((lines) => lines.join("\r\n"));
  const m = lineOf(
    "m",
    fc.tuple(fc.nat(65_535), token).map(([port, format]) => `audio ${port} RTP/AVP ${format}`),
  );
  const one = fc.tuple(m, ...maybe(lineOf("i"), c, c, b, b, lineOf("k")), attributes);
  const whole = fc.tuple(
    fc.constant("v=0"),
    lineOf(
      "o",
      fc.ipV6().map((address) => `- 1 1 IN IP6 ${address}`),
    ),
    lineOf("s"),
    ...maybe(lineOf("i"), lineOf("u"), lineOf("e"), lineOf("e"), lineOf("p"), c, b),
    t,
    ...maybe(lineOf("r"), t, lineOf("r"), lineOf("z"), lineOf("k")),
    attributes,
    fc.array(one, { maxLength: 4 }).map((sections) => sections.flat().join("\r\n")),
  );
  fc.assert(
    fc.property(whole, (parts) => {
      const written = `${parts
        .flatMap((part) => part.split("\r\n"))
        .filter((line) => line !== "")
        .join("\r\n")}\r\n`;
      expect(formatSdp(parseSdp(written))).toBe(written);
    }),
  );
});
