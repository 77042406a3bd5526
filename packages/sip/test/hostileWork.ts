import { parseCredentials, parseMessage, parseMultipart, SipError, SipRequest, StreamFramer } from "../src/index.ts";
import { inviteLines, wire } from "./samples.ts";

/** Work on an input of about so many octets. */
export type Work = (size: number) => () => void;

/** An INVITE of about `size` octets whose length is all of one kind. */
const invites: Record<string, (size: number) => string> = {
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

/** What an edge does with it, or the refusal. */
function relay(source: string): void {
  try {
    const message = parseMessage(source) as SipRequest;
    void [message.from, message.fromTag, message.topVia, message.list("Contact"), message.list("Route")];
    message.prepend("Via", "SIP/2.0/UDP a").removeFirst("Via").removeFirst("Route").set("Max-Forwards", "1").toOctets();
  } catch (error) {
    if (!(error instanceof SipError)) throw error;
  }
}

/** Each input that is hard on a parser which looks ahead, backtracks or compares each with each. */
export const hostileWork: Readonly<Record<string, Work>> = {
  ...Object.fromEntries(
    Object.entries(invites).map(([name, make]): [string, Work] => [
      name,
      (size) => {
        const source = make(size);
        return () => relay(source);
      },
    ]),
  ),
  "a stream of small messages": (size) => {
    const stream = invite().repeat(size / 500);
    return () => new StreamFramer().push(stream);
  },
  "a stream in small pieces": (size) => {
    const pieces = invite(`X: ${"x".repeat(size)}`).match(/[^]{1,64}/g) ?? [];
    return () => {
      const framer = new StreamFramer();
      for (const piece of pieces) framer.push(piece);
    };
  },
  "parameters of credentials": (size) => {
    const value = `Digest ${Array.from({ length: size / 10 }, (_, i) => `p${i}="v"`).join(",")}`;
    return () => parseCredentials(value);
  },
  "near delimiters of a multipart": (size) => multipart(`--x\r\n\r\n${"--xy\r\n".repeat(size / 6)}\r\n--x--`),
  "folds in a body part": (size) => multipart(`--x\r\nA: b${"\r\n c".repeat(size / 4)}\r\n\r\n\r\n--x--`),
  // Eight levels, as deep as anybody nests, and all length in the innermost.
  "a nested multipart": (size) => multipart(nested(8, "y".repeat(size))),
};

function nested(levels: number, text: string): string {
  let body = text;
  for (let level = 0; level < levels; level += 1) {
    const type = level === 0 ? "text/plain" : `multipart/mixed;boundary=${"x".repeat(levels - level + 1)}`;
    const boundary = "x".repeat(levels - level);
    body = `--${boundary}\r\nContent-Type: ${type}\r\n\r\n${body}\r\n--${boundary}--\r\n`;
  }
  return body;
}

function multipart(body: string): () => void {
  return () => {
    const todo = [{ type: "multipart/mixed;boundary=x", body }];
    for (let part = todo.pop(); part; part = todo.pop()) todo.push(...(parseMultipart(part.type, part.body) ?? []));
  };
}
