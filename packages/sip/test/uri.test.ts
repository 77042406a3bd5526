import { expect, test } from "vitest";
import { formatUri, parseUri, sameUri, SipError } from "../src/index.ts";

test.each([
  "sip:acme.test",
  "sips:mary@acme.test:5061;transport=tcp;lr",
  "sip:mary:secret@acme.test",
  "sip:[2001:db8::10]:5070;lr",
  "sip:user@[::ffff:192.0.2.10]",
  "sip:sips%3Auser%40example.com@example.net",
  "sip:user;par=u%40example.net@example.com",
  "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
  "sip:a@b.test?Subject=x&Route=%3Csip:c%3E",
  "tel:+1-212-555-0100",
  "tel:7042;phone-context=acme.test",
  "urn:service:sos",
  "soap.beep://192.0.2.103:3002",
])("gives back what it read: %s", (text) => {
  expect(formatUri(parseUri(text))).toBe(text);
});

test("takes a URI apart", () => {
  expect(parseUri("SIP:Mary:pw@Acme.test:5070;Transport=TCP;lr?a=b")).toEqual({
    scheme: "sip",
    user: "Mary",
    password: "pw",
    host: "Acme.test",
    port: 5070,
    params: new Map([
      ["transport", "TCP"],
      ["lr", undefined],
    ]),
    headers: "a=b",
  });
  expect(parseUri("tel:+12125550100;ext=7")).toEqual({
    scheme: "tel",
    user: "+12125550100",
    host: "",
    params: new Map([["ext", "7"]]),
  });
  expect(parseUri("urn:service:sos")).toMatchObject({ scheme: "urn", user: "service:sos", host: "" });
});

test.each([
  "",
  "sip",
  "sip:",
  ":a",
  "1sip:a",
  "sip:@a.test",
  "sip:a@",
  "sip:a@b@c.test",
  "sip:a.test:0",
  "sip:a.test:65536",
  "sip:a.test:",
  "sip:2001:db8::10",
  "sip:[2001:db8::10",
  "sip:[zz]",
  "sip:a.test;",
  "sip:a.test;lr;lr",
  "sip:a.test; lr",
  "sip:a%4@b.test",
  "sip:a b@c.test",
  "sip:a@b.test\r\n",
  "sip:\u00fc@a.test",
  "tel:",
  "tel:+",
  "tel:1+2",
  "tel:call-me",
  "urn:",
  "http://a.test/<b>",
])("refuses %j", (text) => {
  expect(() => parseUri(text)).toThrow(SipError);
});

test("a part cannot smuggle in another part", () => {
  for (const user of ["a@evil.test", "a>b", "a b"])
    expect(() => formatUri({ scheme: "sip", user, host: "a.test", params: new Map() })).toThrow(SipError);
  expect(() => formatUri({ scheme: "sip", host: "a.test", params: new Map([["x", "1\r\nRoute: y"]]) })).toThrow(
    SipError,
  );
});

// RFC 3261 §19.1.4 and RFC 3966 §4, their examples among them.
test.each([
  ["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
  ["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
  ["sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"],
  [
    "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
    "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
  ],
  [
    "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
    "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
  ],
  ["tel:+1-212-555-0100", "tel:+12125550100"],
  ["tel:7042;phone-context=Acme.test;ext=1-2", "tel:7042;ext=12;phone-context=acme.test"],
  ["urn:service:sos", "URN:service:sos"],
])("same: %s and %s", (a, b) => {
  expect([sameUri(a, b), sameUri(b, a)]).toEqual([true, true]);
});

test.each([
  ["SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"],
  ["sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"],
  ["sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"],
  ["sip:bob@biloxi.com:6000;transport=tcp", "sip:bob@biloxi.com"],
  ["sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"],
  ["sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"],
  ["sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"],
  ["sip:a%40b@c.test", "sip:a@c.test"],
  ["sip:a:1@c.test", "sip:a@c.test"],
  ["sip:a@c.test", "sips:a@c.test"],
  ["sip:a@c.test", "sip:c.test"],
  ["tel:+12125550100", "tel:12125550100"],
  ["tel:+12125550100;ext=1", "tel:+12125550100"],
  ["tel:+12125550100;ext=1", "tel:+12125550100;isub=1"],
  ["sip:not a uri", "sip:not a uri"],
])("not the same: %s and %s", (a, b) => {
  expect([sameUri(a, b), sameUri(b, a)]).toEqual([false, false]);
});
