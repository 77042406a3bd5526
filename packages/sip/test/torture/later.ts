import { compose, options, request, sdp, type TortureCase } from "./compose.ts";

/** The rest of RFC 4475: the parser takes them, and what is wrong is for transactions, users and bodies to find. */
export const later: readonly TortureCase[] = [
  {
    name: "baddate",
    section: "3.1.2.12",
    trait: "a Date of another zone, which nobody here reads",
    source: request("INVITE sip:ken@acme.test SIP/2.0", "Date: Fri, 01 Jan 2010 16:00:00 EST"),
  },
  {
    name: "badbranch",
    section: "3.2.1",
    trait: "a branch of the magic cookie alone",
    source: options("Via: SIP/2.0/UDP 192.0.2.44;branch=z9hG4bK"),
  },
  {
    name: "unkscm",
    section: "3.3.2",
    trait: "an unknown scheme in the Request-URI (416 of the user agent)",
    source: request("OPTIONS newscheme:opaquecontent SIP/2.0"),
  },
  {
    name: "novelsc",
    section: "3.3.3",
    trait: "a known scheme that is not SIP's (416)",
    source: request("OPTIONS soap.beep://192.0.2.44:3002 SIP/2.0"),
  },
  {
    name: "unksm2",
    section: "3.3.4",
    trait: "unknown schemes in From, To and Contact",
    source: request(
      "REGISTER sip:acme.test SIP/2.0",
      "To: isbn:2983792873",
      "From: <http://www.acme.test>;tag=3234233",
      "Contact: <name:Mary_Jones>",
    ),
  },
  {
    name: "bext01",
    section: "3.3.5",
    trait: "unknown extensions required (420)",
    source: options("Require: notHere, norThere", "Proxy-Require: notAnywhere"),
  },
  {
    name: "invut",
    section: "3.3.6",
    trait: "an unknown body (415)",
    source:
      request("INVITE sip:ken@acme.test SIP/2.0", "Content-Type: application/unheard", "Content-Length: 5") + "<a/>\n",
  },
  {
    name: "regaut01",
    section: "3.3.7",
    trait: "an unknown authorization scheme (401)",
    source: request("REGISTER sip:acme.test SIP/2.0", "Authorization: Unheard-Of opaque-data=here"),
  },
  {
    name: "bcast",
    section: "3.3.10",
    trait: "a response whose second Via is a broadcast address",
    source: compose([
      "SIP/2.0 200 OK",
      "Via: SIP/2.0/UDP 192.0.2.44;branch=z9hG4bK1",
      "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2",
      "Call-ID: broadcast.1",
      "CSeq: 35 INVITE",
      "From: sip:mary@acme.test;tag=1",
      "To: sip:ken@acme.test;tag=2",
      "Content-Length: 0",
    ]),
  },
  {
    name: "zeromf",
    section: "3.3.11",
    trait: "Max-Forwards 0 (483, or an answer of the target itself)",
    source: options("Max-Forwards: 0"),
  },
  {
    name: "cparam01",
    section: "3.3.12",
    trait: "an unknown parameter of Contact",
    source: request("REGISTER sip:acme.test SIP/2.0", "Contact: sip:+12125550100@gw.acme.test;unheard"),
  },
  {
    name: "cparam02",
    section: "3.3.13",
    trait: "an unknown parameter of a Contact URI",
    source: request("REGISTER sip:acme.test SIP/2.0", "Contact: <sip:+12125550100@gw.acme.test;unheard>"),
  },
  {
    name: "regescrt",
    section: "3.3.14",
    trait: "headers escaped in a Contact URI",
    source: request("REGISTER sip:acme.test SIP/2.0", "M: <sip:mary@acme.test?Route=%3Csip:out.acme.test%3E>"),
  },
  {
    name: "sdp01",
    section: "3.3.15",
    trait: "only bodies accepted that the callee cannot give (406)",
    source:
      request(
        "INVITE sip:ken@acme.test SIP/2.0",
        "Accept: text/unheard",
        "Content-Type: application/sdp",
        `Content-Length: ${sdp.length}`,
      ) + sdp,
  },
  {
    name: "inv2543",
    section: "3.4.1",
    trait: "an INVITE of RFC 2543: no branch, no From tag, no Max-Forwards, no Content-Length",
    source: compose(
      [
        "INVITE sip:ken@acme.test SIP/2.0",
        "Via: SIP/2.0/UDP old.acme.test",
        "From: <sip:+12125550100@old.acme.test;user=phone>",
        "Record-Route: <sip:ken@acme.test;maddr=ss1.acme.test>",
        "To: sip:+12125550101@acme.test;user=phone",
        "Call-ID: old.1717@old.acme.test",
        "CSeq: 56 INVITE",
        "Content-Type: application/sdp",
      ],
      sdp,
    ),
  },
];
