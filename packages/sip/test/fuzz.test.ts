import { expect, test } from "vitest";
import fc from "fast-check";
import {
  createRefusal,
  formatNameAddr,
  octets,
  parseCredentials,
  parseMessage,
  parseNameAddr,
  parseUri,
  parseVia,
  sameUri,
  SipError,
  SipRequest,
  StreamFramer,
} from "../src/index.ts";
import { inviteLines, wire } from "./samples.ts";

/** More by `PORTICO_FUZZ_RUNS=100000`. */
const numRuns = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 3000);
const timeout = 10_000 + 10 * numRuns;

/** Runs what may only fail with a SipError. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof SipError) return undefined;
    throw error;
  }
}

const invite = wire(inviteLines);
const octet = fc.integer({ min: 0, max: 255 }).map((char) => String.fromCharCode(char));
const fragment = fc.oneof(
  fc.string({ unit: octet, maxLength: 8 }),
  fc.constantFrom(
    "\r\n",
    "\r\n ",
    "\r\n\r\n",
    '"',
    "<",
    ">",
    ",",
    ";",
    "@",
    ":",
    "%",
    "=",
    "[",
    "]",
    "Via:",
    "l: 9",
    "\u0000",
    "\\",
  ),
);
/** A valid INVITE with a few places overwritten. */
const mutant = fc
  .array(fc.tuple(fc.nat(invite.length), fc.nat(12), fragment), { maxLength: 4 })
  .map((edits) => edits.reduce((text, [at, cut, insert]) => text.slice(0, at) + insert + text.slice(at + cut), invite));

test("a damaged message is refused with a SipError or readable to its last accessor", { timeout }, () => {
  fc.assert(
    fc.property(mutant, (source) => {
      const message = attempt(() => parseMessage(source));
      if (message === undefined) {
        try {
          parseMessage(source);
        } catch (error) {
          createRefusal(source, error as SipError);
        }
        return;
      }
      // Nothing that parseMessage let through may throw later.
      expect([message.callId, message.cseq, message.from, message.to, message.topVia]).toHaveLength(5);
      for (const name of ["Contact", "Route"]) for (const value of message.list(name)) parseNameAddr(value);
      message.removeFirst("Via").headers();
      const out = message.prepend("Via", "SIP/2.0/UDP a;branch=z9hG4bK1").toOctets();
      const again = parseMessage(out);
      expect(again.toOctets()).toBe(out);
      expect(again.headers()).toEqual(message.headers());
      expect(again.body).toBe(message.body);
    }),
    { numRuns },
  );
});

test("any octets at all meet a SipError at worst", { timeout }, () => {
  const parsers = [parseMessage, parseUri, parseNameAddr, parseVia, parseCredentials];
  fc.assert(
    fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
      const text = fragments.join("");
      for (const parse of parsers) attempt(() => parse(text));
      sameUri(`sip:${text}`, `tel:${text}`);
      attempt(() => new StreamFramer().push(text));
      const address = attempt(() => parseNameAddr(`x ${text} <sip:a@b>`));
      expect(address && parseNameAddr(formatNameAddr(address))).toEqual(address);
    }),
    { numRuns },
  );
});

test("whatever text a caller sets, the message keeps its lines", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ unit: "grapheme", maxLength: 20 }), (name, value) => {
      const request = parseMessage(invite) as SipRequest;
      const added = attempt(() => request.clone().add(`X-${name}`, value));
      if (added === undefined) return;
      const again = parseMessage(added.toOctets());
      expect(again.headers().filter(([header]) => header !== `X-${name}`)).toEqual(request.headers());
      expect(again.get(`x-${name}`)).toBe(value.replaceAll(/^[ \t]+|[ \t]+$/g, ""));
    }),
  );
});

test("64 KiB of hostile text are read in a moment", () => {
  const size = 60_000;
  const hostile = [
    "(",
    '"',
    "<",
    ",",
    ";",
    " ",
    "\\",
    "%",
    "=",
    ":",
    "\t",
    '","',
    ";=",
    "a,",
    "\r\n ",
    "<>,",
    '"\\"',
  ].flatMap((unit) => {
    const text = unit.repeat(Math.floor(size / unit.length));
    return [
      `X: ${text}`,
      `Via: ${text}`,
      `Contact: ${text}`,
      `From: ${text}`,
      `${text}: x`,
      `Authorization: Bearer ${text}`,
    ];
  });
  const before = performance.now();
  for (const line of hostile) {
    const source = wire([...inviteLines.slice(0, -1), line, "Content-Length: 5"]);
    const message = attempt(() => parseMessage(source));
    if (message === undefined) continue;
    attempt(() => parseCredentials(message.get("Authorization") ?? ""));
    message.list("X");
    message.removeFirst("X").toOctets();
    octets.toText(source);
  }
  // 102 messages; linear code needs about a tenth of this on a slow machine.
  expect(performance.now() - before).toBeLessThan(5000);
});
