/** A small INVITE, one header line per array element, so that a test can put its own in. */
export const inviteLines: readonly string[] = [
  "INVITE sip:+12025550110@ims.test;user=phone SIP/2.0",
  "Via: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKouter, SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bKinner;rport",
  "Max-Forwards: 70",
  "Route: <sip:orig@scscf.ims.test;lr>",
  'From: "Mary Jones" <sip:u0001@acme.ims.test>;tag=mary1',
  "To: <sip:+12025550110@ims.test;user=phone>",
  "Call-ID: a84b4c76e66710",
  "CSeq: 314159 INVITE",
  "Contact: <sip:u0001@df7jal23ls0d.invalid;transport=ws>",
  "Content-Type: text/plain",
  "Content-Length: 5",
];

/** Joins lines to a message. */
export function wire(lines: readonly string[], body: string = "hello"): string {
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** The INVITE with the lines whose name is that of a given line replaced by it, or the line added. */
export function inviteWith(...lines: string[]): string {
  const names = lines.map((line) => `${line.slice(0, line.indexOf(":")).toLowerCase()}:`);
  const kept = inviteLines.filter((line) => !names.some((name) => line.toLowerCase().startsWith(name)));
  return wire([...kept, ...lines]);
}

/** The INVITE without the lines of a name. */
export function inviteWithout(name: string): string {
  return wire(inviteLines.filter((line) => !line.startsWith(`${name}:`)));
}
