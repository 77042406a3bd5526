import { expect, test } from "vitest";
import { parseCredentials, parseMessage, parseMultipart, SipError, SipRequest, StreamFramer } from "../src/index.ts";
import { inviteLines, wire } from "./samples.ts";

/** An INVITE of about `size` octets whose length is all of one kind. */
const kinds: Record<string, (size: number) => string> = {
  "many header lines": (size) => invite(...Array.from({ length: size / 128 }, (_, i) => `X-${i}: ${"v".repeat(115)}`)),
  "a deep fold": (size) => invite(`X: 1${"\r\n 2".repeat(size / 4)}`),
  "folds inside From": (size) => invite(`P: q`).replace("From: ", `From: ${"\r\n ".repeat(size / 3)}`),
  "a long quoted string": (size) => invite(`Contact: "${"q".repeat(size)}" <sip:a@b.test>`),
  "a quoted string of escapes": (size) => invite(`Contact: "${'\\"'.repeat(size / 2)}" <sip:a@b.test>`),
  "a quoted string without end": (size) => invite(`Contact: "${"q".repeat(size)}`),
  "many Vias on one line": (size) => invite(`Via: ${"SIP/2.0/UDP a.test;branch=1,".repeat(size / 28)}SIP/2.0/UDP b`),
  "many Vias and a broken one": (size) => invite(`Via: ${"SIP/2.0/UDP a.test;branch=1,".repeat(size / 28)}x`),
  "commas alone": (size) => invite(`Route: ${",".repeat(size)}`),
  "many parameters": (size) => invite(`Contact: <sip:a@b.test>${";p=1".repeat(size / 4)}`),
  "many parameters, the last broken": (size) => invite(`Contact: <sip:a@b.test>${";p=1".repeat(size / 4)};`),
  "a long display name": (size) => invite(`Contact: ${"word ".repeat(size / 5)}`),
  "a long URI": (size) => invite(`Route: <sip:${"u".repeat(size)}`),
  "a long scheme": (size) => invite(`Route: ${"s".repeat(size)}`),
  "a long Request-URI": (size) => invite().replace("INVITE sip:", `INVITE sip:${"u;".repeat(size / 2)}`),
  "angle brackets": (size) => invite(`Route: ${"<>,".repeat(size / 3)}`),
};

function invite(...lines: string[]): string {
  return wire([...inviteLines.slice(0, -1), ...lines, "Content-Length: 5"]);
}

function work(source: string): void {
  try {
    const message = parseMessage(source) as SipRequest;
    void [message.from, message.fromTag, message.topVia, message.list("Contact"), message.list("Route")];
    message.prepend("Via", "SIP/2.0/UDP a").removeFirst("Via").removeFirst("Route").set("Max-Forwards", "1").toOctets();
  } catch (error) {
    if (!(error instanceof SipError)) throw error;
  }
}

/** Least of several times, ms of this thread's CPU: what else the machine does counts little, and only ever adds. */
function cost(run: () => void): number {
  let least = Infinity;
  for (let round = 0; round < 9; round += 1) {
    const start = process.threadCpuUsage();
    for (let turn = 0; turn < 3; turn += 1) run();
    const { user, system } = process.threadCpuUsage(start);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

// Eight times the length costs eight times the time; what is quadratic, 64 times.
const generous = 40;

test.each(Object.entries(kinds))("cost grows with length alone: %s", (_, make) => {
  const [small, large] = [make(7000), make(56_000)];
  work(large);
  // A floor of half a millisecond, for what takes no time has no ratio.
  const ratio =
    cost(() => work(large)) /
    Math.max(
      cost(() => work(small)),
      0.5,
    );
  expect(ratio).toBeLessThan(generous);
});

test("cost grows with length alone: framer, credentials, multipart", () => {
  const runs: ((size: number) => () => void)[] = [
    (size) => () => new StreamFramer().push(invite().repeat(size / 500)),
    (size) => {
      const pieces = invite(`X: ${"x".repeat(size)}`).match(/[^]{1,64}/g) ?? [];
      return () => {
        const framer = new StreamFramer();
        for (const piece of pieces) framer.push(piece);
      };
    },
    (size) => () => parseCredentials(`Digest ${Array.from({ length: size / 10 }, (_, i) => `p${i}="v"`).join(",")}`),
    (size) => () => parseMultipart("multipart/mixed;boundary=x", `--x\r\n\r\n${"--xy\r\n".repeat(size / 6)}\r\n--x--`),
  ];
  for (const run of runs) {
    const ratio = cost(run(56_000)) / Math.max(cost(run(7000)), 0.5);
    expect(ratio).toBeLessThan(generous);
  }
});
