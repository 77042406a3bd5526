import { expect, test } from "vitest";
import fc from "fast-check";
import { formatMultipart, parseMultipart, replacePart, SipError } from "../src/index.ts";

const type = 'multipart/mixed; boundary="cut-1"';
const sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n";
const body = [
  "a preamble nobody reads",
  "--cut-1",
  "Content-Type: application/sdp",
  "Content-Disposition: session;",
  "  handling=required",
  "",
  `${sdp}--cut-1 `,
  "",
  "plain text, --cut-1 inside a line, --cut-10",
  "--cut-10 at its start",
  "--cut-1",
  "Content-Type: application/octet-stream",
  "",
  "\0\u00ff\r\u00fe\n",
  "--cut-1--",
  "an epilogue",
].join("\r\n");

test("parts are read as they stand", () => {
  const parts = parseMultipart(type, body) ?? [];
  expect(parts.map((part) => [part.type, part.body])).toEqual([
    ["application/sdp", sdp.slice(0, -2)],
    ["text/plain", "plain text, --cut-1 inside a line, --cut-10\r\n--cut-10 at its start"],
    ["application/octet-stream", "\0\u00ff\r\u00fe\n"],
  ]);
  expect(parts[0]?.headers.get("content-disposition")).toBe("session; handling=required");
  expect(parseMultipart("application/sdp", sdp)).toBeUndefined();
});

test("a multipart inside a multipart is a part like any other, to be read by itself (RFC 5621 §3.1)", () => {
  const inner =
    "--in\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--in\r\nContent-Type: text/plain\r\n\r\nhello\r\n--in--";
  const outer = `--out\r\nContent-Type: Multipart/Alternative;boundary=in\r\nContent-Disposition: session;handling=optional\r\n\r\n${inner}\r\n--out--\r\n`;
  const [part, ...others] = parseMultipart("multipart/mixed;boundary=out", outer) ?? [];
  expect([part?.body, others, part?.headers.get("content-disposition")]).toEqual([
    inner,
    [],
    "session;handling=optional",
  ]);
  expect(parseMultipart(part?.type ?? "", part?.body ?? "")?.map(({ body: text }) => text)).toEqual(["v=0", "hello"]);
});

test("SDP-16b another SDP goes into its part, and every other octet stays", () => {
  const part = parseMultipart(type, body)?.find((one) => one.type === "application/sdp");
  if (part === undefined) throw new Error("no SDP");
  const changed = replacePart(body, part, "v=0\r\ns=other\r\n");
  expect(changed).toBe(body.replace(sdp.slice(0, -2), "v=0\r\ns=other\r\n"));
  expect(() => replacePart(changed, part, "again")).toThrow(SipError);
});

test.each([
  ["no boundary", "multipart/mixed", body],
  ["an empty boundary", 'multipart/mixed;boundary=""', body],
  ["a boundary beyond 70", `multipart/mixed;boundary=${"x".repeat(71)}`, body],
  ["no delimiter", "multipart/mixed;boundary=other", body],
  ["no end", type, body.slice(0, body.indexOf("--cut-1--"))],
  ["a header that is none", type, "--cut-1\r\nno colon\r\n\r\nx\r\n--cut-1--"],
  ["too many parts", "multipart/mixed;boundary=x", `${"--x\r\n\r\n\r\n".repeat(33)}--x--`],
])("refuses %s", (_, contentType, octets) => {
  expect(() => parseMultipart(contentType, octets)).toThrow(SipError);
});

const numRuns = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 300);

test("what is written is read back", { timeout: 5000 + 10 * numRuns }, () => {
  const octets = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((char) => String.fromCharCode(char)) });
  const part = fc.record({ type: fc.constantFrom("text/plain", "application/sdp"), body: octets });
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
      const written = formatMultipart("b0undary", parts);
      const read = parseMultipart("multipart/mixed;boundary=b0undary", written) ?? [];
      expect(read.map((one) => ({ type: one.type, body: one.body }))).toEqual(parts);
    }),
    { numRuns },
  );
  expect(() => formatMultipart("b", [{ type: "text/plain", body: "--b" }])).toThrow(SipError);
  expect(() => formatMultipart("b", [{ type: "text/plain\r\nX: y", body: "" }])).toThrow(SipError);
});
