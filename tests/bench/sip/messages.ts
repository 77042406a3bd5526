import { SipRequest } from "@portico/sip";
import { chromiumOffer } from "../chromiumOffer.ts";

/** As long as a signed ES256 access token with the claims of RFC 9068 and ours. */
const token = `eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.${"eyJjbGllbnRfaWQiOiJ0YWxrLmFjbWU".repeat(14)}.${"Qx7-_b".repeat(14)}`;
const instance = "<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77>";
const mmtel = '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.mmtel"';
const allow = "INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, NOTIFY";
const via = "SIP/2.0/WSS k3v9q0d1xm.invalid;branch=z9hG4bK6s0v3a9q1x";

/** What a browser with our SDK sends. */
const requests = {
  register: SipRequest.create("REGISTER", "sip:ims.test", [
    ["Via", via],
    ["Route", "<sip:portal.ims.test:443;transport=ws;lr>"],
    ["Max-Forwards", "70"],
    ["From", "<sip:u0042@acme.ims.test>;tag=q8d1w3z5k7"],
    ["To", "<sip:u0042@acme.ims.test>"],
    ["Call-ID", "5b2d9a61c0f3@k3v9q0d1xm.invalid"],
    ["CSeq", "17 REGISTER"],
    [
      "Contact",
      `<sip:u0042@k3v9q0d1xm.invalid;transport=ws>;reg-id=1;expires=600;+sip.instance="${instance}";${mmtel}`,
    ],
    ["Expires", "600"],
    ["Supported", "path, gruu, outbound"],
    ["Allow", allow],
    ["Authorization", `Bearer ${token}`],
  ]),
  invite: SipRequest.create(
    "INVITE",
    "sip:+12125550143@ims.test;user=phone",
    [
      ["Via", via],
      ["Route", "<sip:portal.ims.test:443;transport=ws;lr>"],
      ["Route", "<sip:orig@scscf.ims.test:6060;lr>"],
      ["Max-Forwards", "70"],
      ["From", '"Mary Jones" <sip:u0042@acme.ims.test>;tag=w2c4v6b8'],
      ["To", "<sip:+12125550143@ims.test;user=phone>"],
      ["Call-ID", "c41d7e2f9b06@k3v9q0d1xm.invalid"],
      ["CSeq", "1 INVITE"],
      ["Contact", `<sip:u0042@k3v9q0d1xm.invalid;transport=ws>;${mmtel}`],
      ["Accept-Contact", `*;${mmtel}`],
      ["P-Preferred-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"],
      ["P-Preferred-Identity", "<tel:+12125550142>"],
      ["P-Early-Media", "supported"],
      ["Privacy", "none"],
      ["Supported", "100rel, timer, outbound, gruu"],
      ["Session-Expires", "1800"],
      ["Allow", allow],
      ["Accept", "application/sdp, application/3gpp-ims+xml"],
    ],
    { type: "application/sdp", text: chromiumOffer },
  ),
  bye: SipRequest.create("BYE", "sip:u0043@192.0.2.9:5060;ob", [
    ["Via", via],
    ["Route", "<sip:portal.ims.test:443;transport=ws;lr>"],
    ["Max-Forwards", "70"],
    ["From", '"Mary Jones" <sip:u0042@acme.ims.test>;tag=w2c4v6b8'],
    ["To", "<sip:+12125550143@ims.test;user=phone>;tag=h5j7k9m1"],
    ["Call-ID", "c41d7e2f9b06@k3v9q0d1xm.invalid"],
    ["CSeq", "2 BYE"],
  ]),
};

export type MessageName = keyof typeof requests;

/** The octets of a message as they come from a socket. */
export function messageBytes(name: MessageName): Buffer {
  return Buffer.from(requests[name].toOctets(), "latin1");
}
