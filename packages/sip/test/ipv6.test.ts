import { expect, test } from "vitest";
import { parseMessage, SipError } from "../src/index.ts";
import { inviteLines, inviteWith, wire } from "./samples.ts";

const via = "Via: SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111";

const sdp = [
  "v=0",
  "o=u 1 1 IN IP6 2001:db8::20",
  "s=-",
  "c=IN IP6 2001:db8::20",
  "t=0 0",
  "m=audio 6000 RTP/AVP 0",
  "c=IN IP4 192.0.2.1",
  "",
].join("\r\n");

/** Forms of RFC 5118 §4 that a parser must read. */
const valid: Record<string, string> = {
  "§4.1 reference in Request-URI, Via and Contact": wire(
    [
      "REGISTER sip:[2001:db8::10] SIP/2.0",
      via,
      "From: sip:user@example.com;tag=81x2",
      "To: sip:user@example.com",
      "Call-ID: SSG9559905523997077@hlau_4100",
      'Contact: "Caller" <sip:caller@[2001:db8::1]>',
      "CSeq: 98176 REGISTER",
      "Content-Length: 0",
    ],
    "",
  ),
  "§4.3 port left ambiguous": wire([
    "OPTIONS sip:[2001:db8::10:5070] SIP/2.0",
    ...inviteLines.slice(1, 7),
    "CSeq: 1 OPTIONS",
    "Content-Length: 5",
  ]),
  "§4.4 port made explicit": wire([
    "OPTIONS sip:[2001:db8::10]:5070 SIP/2.0",
    ...inviteLines.slice(1, 7),
    "CSeq: 1 OPTIONS",
    "Content-Length: 5",
  ]),
  "§4.5 received without brackets": inviteWith(`${via};received=2001:db8::9:255`),
  "§4.5 received with brackets": inviteWith(`${via};received=[2001:db8::9:255]`),
  "§4.9 IPv4-mapped address": inviteWith("Via: SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19"),
  "§4.6 and §4.8 addresses of both families in SDP": wire(
    [...inviteLines.slice(0, -2), "Content-Type: application/sdp", `Content-Length: ${sdp.length}`],
    sdp,
  ),
  "§4.7 addresses of both families in header fields": inviteWith(
    "Via: SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111, SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKjhja8781",
    'Contact: "Caller" <sip:caller@[2001:db8::1]>',
    "Route: <sip:[2001:db8::9]:5061;lr>, <sip:192.0.2.7;lr>",
  ),
  // The grammar of RFC 3261 itself made peers write three colons.
  "§4.10 three colons before an embedded IPv4 address": inviteWith("To: sip:user@[2001:db8:::192.0.2.1]"),
};

const invalid: Record<string, string> = {
  "§4.2 Request-URI without brackets": wire(["INVITE sip:2001:db8::10 SIP/2.0", ...inviteLines.slice(1)]),
  "Via without brackets": inviteWith("Via: SIP/2.0/UDP 2001:db8::9:1;branch=z9hG4bK1"),
  "a bracket that stays open": wire(["INVITE sip:[2001:db8::10 SIP/2.0", ...inviteLines.slice(1)]),
};

test("EPC-WS-11b IPv6 forms are read, bare addresses in URIs refused with 400", () => {
  for (const [name, source] of Object.entries(valid))
    expect([name, parseMessage(source).toOctets()]).toEqual([name, source]);
  for (const source of Object.values(invalid))
    expect(() => parseMessage(source)).toThrow(expect.objectContaining({ constructor: SipError, status: 400 }));
});
