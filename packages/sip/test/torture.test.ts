import { describe, expect, test } from "vitest";
import { createRefusal, octets, parseMessage, parseNameAddr, SipError, SipRequest, SipResponse } from "../src/index.ts";
import { invalid } from "./torture/invalid.ts";
import { later } from "./torture/later.ts";
import { valid } from "./torture/valid.ts";

const via = "SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKours";

/** The message alone, without what a datagram may hold behind it, and with a line put before its first Via. */
function withVia(source: string): string {
  const at = /^(?:via|v)\s*:/im.exec(source)?.index ?? -1;
  return `${source.slice(0, at)}Via: ${via}\r\n${source.slice(at)}`;
}

function refusal(source: string): SipError {
  try {
    parseMessage(source);
  } catch (error) {
    if (error instanceof SipError) return error;
    throw error;
  }
  throw new Error("the message was taken");
}

function messageOf(name: string): string {
  const found = [...valid, ...invalid, ...later].find((one) => one.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  return found.source;
}

test("EPC-WS-11a all 49 cases of RFC 4475: taken and passed on unharmed, or refused with the RFC's status", () => {
  expect(new Set([...valid, ...invalid, ...later].map(({ name }) => name)).size).toBe(49);
  for (const { name, source } of [...valid, ...later]) {
    const message = parseMessage(source);
    // What follows the body is no part of the message (§3.1.1.8).
    const own = name === "dblreq" ? source.slice(0, source.lastIndexOf("INVITE sip:")) : source;
    // A missing Content-Length is added.
    const untouched = message.toOctets().replace(name === "inv2543" ? /Content-Length: \d+\r\n/ : "", "");
    expect([name, untouched]).toEqual([name, own]);
    const passed = message.prepend("Via", via).toOctets();
    const expected = withVia(own);
    expect([name, name === "inv2543" ? passed.replace(/Content-Length: \d+\r\n/, "") : passed]).toEqual([
      name,
      expected,
    ]);
  }
  for (const { name, source, status } of invalid) expect([name, refusal(source).status]).toEqual([name, status]);
});

describe("RFC 4475", () => {
  test.each([...valid, ...later])("§$section $name is taken: $trait", ({ source }) => {
    const message = parseMessage(source);
    expect([message.callId, message.cseq, message.from, message.to, message.topVia]).toHaveLength(5);
    for (const contact of message.list("Contact")) parseNameAddr(contact);
    expect(() => message.headers()).not.toThrow();
  });

  test.each(invalid)("§$section $name is refused with $status: $trait", ({ source, status }) => {
    const error = refusal(source);
    expect(error.status).toBe(status);
    const answer = createRefusal(source, error, "t1");
    // A response is dropped, and so is what names no way back.
    if (source.startsWith("SIP") || answer === undefined) return;
    expect(answer.status).toBe(status);
    expect(() => answer.topVia).not.toThrow();
  });

  test("§3.1.1.1 the tortuous INVITE is understood", () => {
    const invite = parseMessage(messageOf("wsinv")) as SipRequest;
    expect(invite.from).toEqual({
      display: 'M Jones \\"',
      uri: "sip:mary@acme.test",
      params: new Map([["tag", "5xx5"]]),
    });
    expect([invite.fromTag, invite.toTag]).toEqual(["5xx5", "77aa88"]);
    expect(invite.cseq).toEqual({ number: 12, method: "INVITE" });
    expect(invite.list("Via").map((one) => one.replaceAll(/\s/g, ""))).toEqual([
      "SIP/2.0/UDP192.0.2.44;branch=oldstyle1",
      "SIP/2.0/TCPedge.acme.test;branch=z9hG4bKfold1",
      "SIP/2.0/UDP192.0.2.250;branch=z9hG4bKfold2",
    ]);
    expect(invite.get("BrandNewField")).toBe("one line and its continuation");
    expect(parseNameAddr(invite.get("Contact") ?? "").params).toEqual(
      new Map([
        ["anyparam", "anyvalue"],
        ["another", undefined],
        ["q", "0.25"],
      ]),
    );
  });

  test("§3.1.1.5 an escaped name is another name", () => {
    const message = parseMessage(messageOf("esc02")) as SipRequest;
    expect([message.method, message.list("Contact")]).toEqual(["SEND%45", ["<sip:one@pc7.acme.test>"]]);
  });

  test("§3.1.1.8 the second request of one datagram is not seen", () => {
    const message = parseMessage(messageOf("dblreq")) as SipRequest;
    expect([message.method, message.body]).toEqual(["REGISTER", ""]);
  });

  test("§3.1.1.12 and §3.1.1.13 reason phrases are text, or nothing", () => {
    const [odd, none] = ["unreason", "noreason"].map((name) => parseMessage(messageOf(name)) as SipResponse);
    expect([odd?.reason, none?.reason]).toEqual(["= 2*3 + \u0431\u043e\u043b\u044c\u0448\u0435", ""]);
    expect(octets.isUtf8(odd?.toOctets() ?? "")).toBe(true);
  });
});
