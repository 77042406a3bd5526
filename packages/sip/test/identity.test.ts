import { expect, test } from "vitest";
import fc from "fast-check";
import { octets, parseMessage, parseNameAddr, parseUri, parseVia, SipError, SipRequest } from "../src/index.ts";
import { inviteLines, wire } from "./samples.ts";

/** More by `PORTICO_FUZZ_RUNS=100000 npm test -- packages/sip/test/identity.test.ts`. */
const numRuns = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 500);
const timeout = 5000 + 10 * numRuns;

const octet = fc.integer({ min: 0x20, max: 0xff }).map((char) => String.fromCharCode(char));
const value = fc.string({ unit: octet, maxLength: 24 });
const name = fc.constantFrom(
  "Subject",
  "X-Own",
  "User-Agent",
  "s",
  "Supported",
  "P-Asserted-Identity",
  "Via2",
  "Allow",
);
const space = fc.constantFrom("", " ", "\t", "  ", "\r\n ", " \r\n\t ");
const line = fc
  .tuple(name, fc.constantFrom("", " ", "\t"), space, value, space, value)
  .map(([field, before, after, first, fold, second]) => `${field}${before}:${after}${first}${fold}${second}`)
  // A fold at the very end would be a line of white space, which is one fold more to the next.
  .filter((text) => !text.endsWith("\r\n "));
/** An INVITE with lines of any kind between those it needs, in any order, and a body of any octets. */
const source = fc
  .tuple(
    fc.array(line, { maxLength: 6 }),
    fc.shuffledSubarray(inviteLines.slice(1, -1), { minLength: inviteLines.length - 2 }),
    fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((char) => String.fromCharCode(char)), maxLength: 20 }),
  )
  .map(([extra, own, body]) => wire([inviteLines[0] ?? "", ...own, ...extra, `Content-Length: ${body.length}`], body));

test("what nobody edits leaves as it came", { timeout }, () => {
  fc.assert(
    fc.property(source, (text) => {
      expect(parseMessage(text).toOctets()).toBe(text);
      expect(parseMessage(text).clone().toOctets()).toBe(text);
    }),
    { numRuns },
  );
});

/** The header lines with their folds, the empty line and the body. */
function linesOf(text: string): string[] {
  return text.split(/\r\n(?![ \t])/);
}

test("an edit changes the octets it names, and no others", { timeout }, () => {
  const edits: readonly ((message: SipRequest, lines: string[]) => void)[] = [
    (message, lines) => {
      message.set("Max-Forwards", "69");
      lines[lines.findIndex((each) => each.startsWith("Max-Forwards"))] = "Max-Forwards: 69";
    },
    (message, lines) => {
      message.prepend("Via", "SIP/2.0/UDP a");
      lines.splice(
        lines.findIndex((each) => each.startsWith("Via:")),
        0,
        "Via: SIP/2.0/UDP a",
      );
    },
    (message, lines) => {
      message.removeFirst("Route");
      const at = lines.findIndex((each) => each.startsWith("Route:"));
      if (at >= 0) lines.splice(at, 1);
    },
    (message, lines) => {
      message.setUri("tel:+12125550100");
      lines[0] = "INVITE tel:+12125550100 SIP/2.0";
    },
    (message, lines) => {
      message.remove("Contact").remove("X-Absent");
      const at = lines.findIndex((each) => each.startsWith("Contact:"));
      if (at >= 0) lines.splice(at, 1);
    },
  ];
  const chosen = fc.array(fc.constantFrom(...edits), { maxLength: 5 });
  fc.assert(
    fc.property(source, chosen, (text, some) => {
      const message = parseMessage(text) as SipRequest;
      const end = text.indexOf("\r\n\r\n");
      const lines = linesOf(text.slice(0, end));
      for (const edit of some) edit(message, lines);
      expect(message.toOctets()).toBe(lines.join("\r\n") + text.slice(end));
      expect(message.clone().toOctets()).toBe(message.toOctets());
    }),
    { numRuns },
  );
});

/** The value of a run, or that it was refused. */
function outcome<T>(run: () => T): T | "refused" {
  try {
    return run();
  } catch (error) {
    if (error instanceof SipError) return "refused";
    throw error;
  }
}

test("a message is refused exactly when a value it must have is, in whatever form it comes", { timeout }, () => {
  const part = fc.constantFrom(
    ...'a|B|9|.|-|_|~|;|=|,|:|@|<|>|"|\\| |\t|%41|/|?|sip:|tel:|;tag=|SIP/2.0/UDP |;x|;y="q"|5060|[::1]|\u00e9|*'.split(
      "|",
    ),
  );
  const text = fc.array(part, { maxLength: 12 }).map((parts) => parts.join("").trim());
  const readers: readonly (readonly [string, (one: string) => unknown])[] = [
    ["From", (one) => parseNameAddr(one)],
    ["Contact", (one) => parseNameAddr(one)],
    ["Via", (one) => parseVia(one)],
  ];
  fc.assert(
    fc.property(text, fc.constantFrom(...readers), (one, [field, read]) => {
      // Lists are looked at element by element; here one alone.
      fc.pre(one !== "" && !one.includes(",") && !one.startsWith("*"));
      const lines = inviteLines.filter((each) => !each.startsWith(`${field}:`));
      const message = outcome(() =>
        parseMessage(wire([...lines.slice(0, -1), `${field}: ${one}`, "Content-Length: 5"])),
      );
      const alone = outcome(() => read(one));
      expect([one, message === "refused"]).toEqual([one, alone === "refused"]);
      if (message === "refused" || field !== "From") return;
      expect(message.fromTag).toBe((alone as ReturnType<typeof parseNameAddr>).params.get("tag") || undefined);
      expect(message.from).toEqual(parseNameAddr(octets.toText(one)));
    }),
    { numRuns: numRuns * 6 },
  );
  fc.assert(
    fc.property(text, (uri) => {
      fc.pre(!/[ \t]/.test(uri) && uri !== "");
      const moved = wire([`INVITE ${uri} SIP/2.0`, ...inviteLines.slice(1)]);
      const alone = outcome(() => parseUri(uri).headers === undefined);
      expect([uri, outcome(() => parseMessage(moved)) !== "refused"]).toEqual([uri, alone === true]);
    }),
    { numRuns: numRuns * 2 },
  );
});
