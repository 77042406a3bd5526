import { expect, test } from "vitest";
import {
  formatNameAddr,
  formatParams,
  formatVia,
  parseCredentials,
  parseNameAddr,
  parseVia,
  quote,
  SipError,
  unquote,
} from "../src/index.ts";

test.each([
  ["sip:a@b.test;tag=1", { uri: "sip:a@b.test", params: new Map([["tag", "1"]]) }],
  ["<sip:a@b.test;x=1>;tag=1", { uri: "sip:a@b.test;x=1", params: new Map([["tag", "1"]]) }],
  ['"A \\"B\\" \\\\ <c>" <sip:a@b.test>', { display: 'A "B" \\ <c>', uri: "sip:a@b.test", params: new Map() }],
  ["caller<sip:a@b.test>;tag=323", { display: "caller", uri: "sip:a@b.test", params: new Map([["tag", "323"]]) }],
  ["  Ken  Adams  <tel:+12125550101>", { display: "Ken  Adams", uri: "tel:+12125550101", params: new Map() }],
  ["<sip:a@b.test> ; TAG  =  x", { uri: "sip:a@b.test", params: new Map([["tag", "x"]]) }],
  [
    'sip:a@b.test;+sip.instance="<urn:uuid:1>";reg-id=1',
    {
      uri: "sip:a@b.test",
      params: new Map([
        ["+sip.instance", '"<urn:uuid:1>"'],
        ["reg-id", "1"],
      ]),
    },
  ],
  ["*", { uri: "*", params: new Map() }],
])("reads the address %s", (text, address) => {
  expect(parseNameAddr(text)).toEqual(address);
  expect(parseNameAddr(formatNameAddr(address))).toEqual(address);
});

test.each([
  "",
  "a@b",
  '"x" sip:a@b',
  '"x <sip:a@b>',
  "<sip:a@b",
  "<sip:a@b>x",
  "<sip:a@b>;",
  "<sip:a@b>;=1",
  "<sip:a@b>;x=",
  "sip:a,b@c",
  "x>y <sip:a@b>",
  '<sip:a@b>;x="1',
])("refuses the address %j", (text) => {
  expect(() => parseNameAddr(text)).toThrow(SipError);
});

test("an address is written so that nothing gets out of its place", () => {
  const mary = { display: 'Mary "MJ" Jones\\', uri: "sip:m@acme.test", params: new Map([["tag", "1"]]) };
  expect(formatNameAddr(mary)).toBe('"Mary \\"MJ\\" Jones\\\\" <sip:m@acme.test>;tag=1');
  expect(() => formatNameAddr({ uri: "sip:a@b>;tag=x", params: new Map() })).toThrow(SipError);
  expect(formatParams(new Map([["text", "Call completed; elsewhere"]]))).toBe(';text="Call completed; elsewhere"');
  expect(formatParams(new Map([["text", '"as it was"']]))).toBe(';text="as it was"');
  expect(formatParams(new Map([["text", '"a";b="c"']]))).toBe(';text="\\"a\\";b=\\"c\\""');
  expect(() => formatParams(new Map([["a;b", "1"]]))).toThrow(SipError);
  expect([unquote(quote('a"b\\c')), unquote("plain"), unquote('"')]).toEqual(['a"b\\c', "plain", '"']);
});

test("the first of two parameters of one name stands", () => {
  expect(parseNameAddr("<sip:a@b>;tag=1;tag=2").params).toEqual(new Map([["tag", "1"]]));
});

test("reads and writes Via", () => {
  const text = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport;received=2001:db8::1";
  expect(parseVia(text)).toEqual({
    protocol: "UDP",
    host: "192.0.2.1",
    port: 5060,
    params: new Map([
      ["branch", "z9hG4bK1"],
      ["rport", undefined],
      ["received", "2001:db8::1"],
    ]),
  });
  expect(formatVia(parseVia(text))).toBe(text);
  expect(parseVia("SIP  / 2.0  / ws     spindle.test : 80  ;  branch  =   z9  ")).toEqual({
    protocol: "WS",
    host: "spindle.test",
    port: 80,
    params: new Map([["branch", "z9"]]),
  });
  expect(parseVia("SIP/2.0/TLS [2001:db8::9]:5061")).toMatchObject({ host: "[2001:db8::9]", port: 5061 });
  // RFC 5118 §4.5: brackets around the address in received
  expect(parseVia("SIP/2.0/UDP [2001:db8::9];received=[2001:db8::9:255]").params.get("received")).toBe(
    "[2001:db8::9:255]",
  );
});

test.each([
  "",
  "SIP/2.0/UDP",
  "SIP/3.0/UDP a",
  "HTTP/2.0/UDP a",
  "SIP/2.0/ a",
  "SIP/2.0/UDP a b",
  "SIP/2.0/UDP a:x",
  "SIP/2.0/UDP ;x",
])("refuses the Via %j", (text) => {
  expect(() => parseVia(text)).toThrow(SipError);
});

test("EPC-REG-03a EPC-REG-03b EPC-REG-03c reads both Bearer forms, the scheme in any capitals", () => {
  const token = "eyJhbGciOiJFUzI1NiJ9.e30.a-b_c~d+e/f==";
  for (const value of [
    `Bearer ${token}`,
    `bearer   ${token} `,
    `BEARER access_token="${token}"`,
    `Bearer Access_Token = "${token}"`,
    `Bearer realm="ims.test", access_token="${token}"`,
  ])
    expect(parseCredentials(value)).toEqual({ scheme: "bearer", token });
  for (const value of ["Bearer a b", 'Bearer access_token=""', 'Bearer access_token="a,b"', "Bearer a\u00fc"])
    expect(() => parseCredentials(value)).toThrow(SipError);
});

test("reads Digest credentials and challenges of any scheme", () => {
  expect(
    parseCredentials(
      'Digest username="u\\"1", realm="ims.test", nonce="a,b",uri="sip:ims.test", integrity-protected=auth-done, nc=1',
    ),
  ).toEqual({
    scheme: "digest",
    params: new Map([
      ["username", 'u"1'],
      ["realm", "ims.test"],
      ["nonce", "a,b"],
      ["uri", "sip:ims.test"],
      ["integrity-protected", "auth-done"],
      ["nc", "1"],
    ]),
  });
  expect(parseCredentials('Bearer realm="ims.test", error="invalid_token"')).toMatchObject({
    scheme: "other",
    name: "bearer",
    params: new Map([
      ["realm", "ims.test"],
      ["error", "invalid_token"],
    ]),
  });
  expect(parseCredentials("NoOneKnowsThisScheme opaque-data=here")).toMatchObject({
    scheme: "other",
    name: "nooneknowsthisscheme",
    text: "opaque-data=here",
  });
  expect(parseCredentials("Negotiate YII,,=")).toMatchObject({ scheme: "other", params: new Map() });
  for (const value of ["", "Digest a", 'Digest a="1", a="2"', "(x) y"])
    expect(() => parseCredentials(value)).toThrow(SipError);
});
