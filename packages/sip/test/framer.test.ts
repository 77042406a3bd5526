import { expect, test } from "vitest";
import fc from "fast-check";
import { SipError, StreamFramer } from "../src/index.ts";
import { inviteLines, inviteWith, inviteWithout, wire } from "./samples.ts";

const invite = wire(inviteLines);
const folded = wire([...inviteLines.slice(0, -1), "L :\r\n\t5"]);

test("finds messages and keep-alives however the stream is cut", () => {
  const expected = [invite, "keep-alive", folded, invite, "keep-alive"];
  const stream = `\r\n${invite}\r\n\r\n${folded}\r\n${invite}\r\n\r\n`;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (cuts) => {
      const framer = new StreamFramer();
      const edges = [0, ...cuts.toSorted((a, b) => a - b), stream.length];
      const found = edges.slice(1).flatMap((to, i) => framer.push(stream.slice(edges[i], to)));
      expect(found).toEqual(expected);
    }),
  );
  const framer = new StreamFramer();
  expect(Array.from(stream).flatMap((octet) => framer.push(octet))).toEqual(expected);
});

test("a body may hold what looks like the end of a head", () => {
  const body = "\r\n\r\nBYE sip:x SIP/2.0\r\n\r\n";
  const message = wire([...inviteLines.slice(0, -1), `Content-Length: ${body.length}`], body);
  expect(new StreamFramer().push(message + message)).toEqual([message, message]);
});

test("a message with another fault is still framed, to be refused by itself", () => {
  const odd = wire([...inviteLines.slice(0, -1), "no colon here", "Content-Length: 5"]);
  expect(new StreamFramer().push(odd + invite)).toEqual([odd, invite]);
});

test.each([
  ["no Content-Length", inviteWithout("Content-Length")],
  ["a negative one", inviteWith("Content-Length: -1")],
  ["two of them", inviteWith("Content-Length: 5", "l: 6")],
  ["one above 64 KiB", inviteWith("Content-Length: 65536")],
  ["an endless head", `INVITE sip:a.test SIP/2.0\r\nX: ${"x".repeat(70_000)}`],
])("loses its message boundaries over %s, for good", (_, octets) => {
  const framer = new StreamFramer();
  expect(framer.push(invite)).toEqual([invite]);
  expect(() => framer.push(octets)).toThrow(SipError);
  expect(() => framer.push(invite)).toThrow(SipError);
  // What was complete before the fault is not lost.
  const second = new StreamFramer();
  expect(second.push(invite + octets)).toEqual([invite]);
  expect(() => second.push("")).toThrow(SipError);
});
