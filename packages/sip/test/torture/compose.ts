import { octets } from "../../src/index.ts";

/** One case of RFC 4475, in a message of our own. */
export interface TortureCase {
  /** The name the RFC gives its message. */
  readonly name: string;
  readonly section: string;
  /** What makes it hard. */
  readonly trait: string;
  readonly source: string;
}

/** Lines, as text, to octets; the empty line and the body follow. */
export function compose(lines: readonly string[], body = ""): string {
  return octets.fromText(`${lines.join("\r\n")}\r\n\r\n`) + octets.fromText(body);
}

/** A plain OPTIONS whose lines of the same names are replaced by those given, or which gets them. */
export function options(...lines: string[]): string {
  return request("OPTIONS sip:ken@acme.test SIP/2.0", ...lines);
}

function nameOf(line: string): string {
  return (line.split(":")[0] ?? "").trim().toLowerCase();
}

/** As {@link options}, with another request line; its method goes to CSeq. */
export function request(requestLine: string, ...lines: string[]): string {
  const base = [
    "Via: SIP/2.0/UDP pc7.acme.test;branch=z9hG4bKt0rture1",
    "Max-Forwards: 70",
    "From: sip:mary@acme.test;tag=m4ry",
    "To: sip:ken@acme.test",
    "Call-ID: torture.7c2d@pc7.acme.test",
    `CSeq: 41 ${requestLine.split(" ")[0]}`,
    "Content-Length: 0",
  ];
  const given = new Set(lines.map(nameOf));
  return compose([requestLine, ...base.filter((line) => !given.has(nameOf(line))), ...lines]);
}

/** An SDP body, to be carried where the case has one. */
export const sdp: string = [
  "v=0",
  "o=mary 5 7 IN IP4 192.0.2.44",
  "s=-",
  "c=IN IP4 192.0.2.44",
  "t=0 0",
  "m=audio 40100 RTP/AVP 0",
  "",
].join("\r\n");
