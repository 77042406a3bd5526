import { expect, test } from "vitest";
import {
  explainSipError,
  createRefusal,
  createResponse,
  octets,
  parseMessage,
  SipError,
  SipRequest,
  SipResponse,
} from "../src/index.ts";
import type { SipErrorCode } from "../src/index.ts";
import { inviteLines, inviteWith, inviteWithout, wire } from "./samples.ts";

function parseRequest(source: string): SipRequest {
  const message = parseMessage(source);
  if (!(message instanceof SipRequest)) throw new Error("not a request");
  return message;
}

function refusal(run: () => unknown): { code: SipErrorCode; status: number } {
  try {
    run();
  } catch (error) {
    if (error instanceof SipError) return { code: error.code, status: error.status };
    throw error;
  }
  throw new Error("nothing was thrown");
}

test("reads the parts of a request", () => {
  const invite = parseRequest(wire(inviteLines));
  expect(invite.method).toBe("INVITE");
  expect(invite.uri).toBe("sip:+12025550110@ims.test;user=phone");
  expect(invite.callId).toBe("a84b4c76e66710");
  expect(invite.cseq).toEqual({ number: 314159, method: "INVITE" });
  expect(invite.from).toEqual({
    display: "Mary Jones",
    uri: "sip:u0001@acme.ims.test",
    params: new Map([["tag", "mary1"]]),
  });
  expect([invite.fromTag, invite.toTag]).toEqual(["mary1", undefined]);
  expect(invite.topVia).toEqual({
    protocol: "TCP",
    host: "192.0.2.1",
    port: 5060,
    params: new Map([["branch", "z9hG4bKouter"]]),
  });
  expect(invite.body).toBe("hello");
});

test("reads a response, its reason in UTF-8 or missing", () => {
  const head = inviteLines.slice(1);
  const ok = parseMessage(wire([octets.fromText("SIP/2.0 200 Bitte sprechen, Grüße"), ...head]));
  expect(ok).toBeInstanceOf(SipResponse);
  expect(ok).toMatchObject({ status: 200, reason: "Bitte sprechen, Grüße" });
  for (const line of ["SIP/2.0 100 ", "SIP/2.0 100", "sip/2.0 100"])
    expect(parseMessage(wire([line, ...head]))).toMatchObject({ status: 100, reason: "" });
});

test("an untouched message leaves octet for octet as it came", () => {
  const source = wire(
    [
      ...inviteLines.slice(0, -1),
      "X-Odd :  \t spaces  ",
      "Subject: folded",
      "\tand folded again",
      "UnknownHeaderWithUnusualValue: ;;,,;;,;",
      "l:5",
    ],
    "h\u00ffl\u0000o",
  );
  expect(parseMessage(source).toOctets()).toBe(source);
});

test("an edit leaves every other line as it came", () => {
  const lines = [...inviteLines.slice(0, 9), "sUbJeCt  :   odd  ", "Content-Length: 5"];
  const invite = parseRequest(wire(lines));
  invite.set("Max-Forwards", "69").prepend("Via", "SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKnew").remove("Route");
  const expected = lines.filter((line) => !line.startsWith("Route")).with(2, "Max-Forwards: 69");
  expected.splice(1, 0, "Via: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKnew");
  expect(invite.toOctets()).toBe(wire(expected));
});

test("finds header fields by any capitals, compact or long, folded", () => {
  const source = wire(
    ["OPTIONS sip:a.test SIP/2.0", "v: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "F: <sip:a@a.test>;tag=1"].concat([
      "t:\r\n <sip:b@a.test>",
      "I: 1@a",
      "cSEQ:\t1\r\n  OPTIONS",
      "k: path,\r\n\toutbound",
      "Supported: gruu",
      "x-own: 1",
    ]),
    "",
  );
  const options = parseMessage(source);
  expect(options.get("Via")).toBe("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1");
  expect(options.get("call-id")).toBe("1@a");
  expect(options.get("T")).toBe("<sip:b@a.test>");
  expect(options.cseq).toEqual({ number: 1, method: "OPTIONS" });
  expect(options.all("Supported")).toEqual(["path, outbound", "gruu"]);
  expect(options.list("supported")).toEqual(["path", "outbound", "gruu"]);
  expect([options.has("X-OWN"), options.get("X-Own"), options.has("X-Other")]).toEqual([true, "1", false]);
  expect(options.headers().map(([name]) => name)).toEqual(["v", "F", "t", "I", "cSEQ", "k", "Supported", "x-own"]);
});

test("set, add, prepend and remove keep the order of the lines", () => {
  const request = SipRequest.create("MESSAGE", "sip:b@a.test", [
    ["Route", "<sip:1.test;lr>"],
    ["Subject", "one"],
    ["Route", "<sip:2.test;lr>"],
  ]);
  request.add("route", "<sip:3.test;lr>").prepend("Route", "<sip:0.test;lr>").add("X", "end").prepend("Via", "top");
  expect(request.headers()).toEqual([
    ["Via", "top"],
    ["Route", "<sip:0.test;lr>"],
    ["Route", "<sip:1.test;lr>"],
    ["Subject", "one"],
    ["Route", "<sip:2.test;lr>"],
    ["route", "<sip:3.test;lr>"],
    ["X", "end"],
  ]);
  request.set("ROUTE", "<sip:only.test;lr>").remove("x").remove("absent").set("Expires", "60");
  expect(request.headers()).toEqual([
    ["Via", "top"],
    ["ROUTE", "<sip:only.test;lr>"],
    ["Subject", "one"],
    ["Expires", "60"],
  ]);
});

test("removeFirst pops one element, on a line of its own or shared", () => {
  const invite = parseRequest(
    inviteWith("Route: ,", 'Route: , <sip:a.test;lr>;x="1,2" ,<sip:b.test;lr>', "Route: <sip:c.test>"),
  );
  const seen: string[][] = [];
  for (let i = 0; i < 4; i++) {
    seen.push(invite.list("Route"));
    invite.removeFirst("Route");
  }
  expect(seen).toEqual([
    ['<sip:a.test;lr>;x="1,2"', "<sip:b.test;lr>", "<sip:c.test>"],
    ["<sip:b.test;lr>", "<sip:c.test>"],
    ["<sip:c.test>"],
    [],
  ]);
  expect(invite.removeFirst("Via").topVia.params.get("branch")).toBe("z9hG4bKinner");
});

test("empty list elements count as none", () => {
  const invite = parseRequest(inviteWith("Via: , SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK7,"));
  expect(invite.topVia.host).toBe("192.0.2.7");
  expect(invite.removeFirst("Via").has("Via")).toBe(false);
});

test("a clone and its original do not share edits", () => {
  const invite = parseRequest(wire(inviteLines));
  const copy = invite.clone();
  copy.set("Call-ID", "other").setUri("sip:x.test").setBody("text/plain", "");
  expect(invite.toOctets()).toBe(wire(inviteLines));
  const second = copy.clone().remove("Route");
  expect([copy.callId, copy.has("Route"), second.has("Route"), second.uri]).toEqual([
    "other",
    true,
    false,
    "sip:x.test",
  ]);
});

test("Content-Length is right on output, whatever came in", () => {
  expect(parseMessage(inviteWithout("Content-Length")).toOctets()).toBe(
    wire([...inviteLines.slice(0, -1), "Content-Length: 5"]),
  );
  const invite = parseRequest(wire(inviteLines)).setBody("text/plain", "Grüße");
  expect(invite.get("l")).toBe("5");
  expect(invite.toOctets()).toContain("Content-Length: 7\r\n\r\nGr\u00c3\u00bc\u00c3\u009fe");
  expect(invite.setBody("text/plain", "").toOctets()).toMatch(/Content-Length: 0\r\n\r\n$/);
  expect(invite.has("Content-Type")).toBe(false);
});

test("octets beyond Content-Length are dropped, fewer refused (RFC 3261 §18.3)", () => {
  const longer = parseMessage(wire(inviteLines, "hello, next message"));
  expect([longer.body, longer.toOctets()]).toEqual(["hello", wire(inviteLines)]);
  for (const source of [wire(inviteLines, "hell"), inviteWith("Content-Length: -1"), inviteWith("Content-Length: 5a")])
    expect(refusal(() => parseMessage(source))).toEqual({ code: "sip/content-length", status: 400 });
});

test("a Latin-1 display name survives byte for byte, and UTF-8 is read as text", () => {
  const latin = inviteWith('From: "J\u00f6rg" <sip:u0001@acme.ims.test>;tag=1');
  const invite = parseRequest(latin);
  expect(invite.from.display).toBe("J\u00f6rg");
  expect(invite.set("Max-Forwards", "69").toOctets()).toContain('"J\u00f6rg"');
  expect(octets.isUtf8(invite.toOctets())).toBe(false);
  const answer = createResponse(invite, 200, { toTag: "x" });
  expect(answer.toOctets()).toContain('From: "J\u00f6rg" <');
  const utf8 = parseRequest(octets.fromText(latin));
  expect(utf8.from.display).toBe("J\u00f6rg");
  expect(octets.isUtf8(utf8.toOctets())).toBe(true);
  expect(utf8.set("Subject", "\u{1f600}").get("subject")).toBe("\u{1f600}");
});

test("createResponse copies what RFC 3261 §8.2.6.2 names and tags To", () => {
  const invite = parseRequest(inviteWith("Record-Route: <sip:p.test;lr>", "Timestamp: 54"));
  const ringing = createResponse(invite, 180, { toTag: "t1", headers: [["Contact", "<sip:b@b.test>"]] });
  expect(ringing.headers()).toEqual([
    ["Via", invite.get("Via")],
    ["Record-Route", "<sip:p.test;lr>"],
    ["From", invite.get("From")],
    ["To", "<sip:+12025550110@ims.test;user=phone>;tag=t1"],
    ["Call-ID", "a84b4c76e66710"],
    ["CSeq", "314159 INVITE"],
    ["Contact", "<sip:b@b.test>"],
  ]);
  expect(ringing.reason).toBe("Ringing");
  const trying = createResponse(invite, 100, { toTag: "t1" });
  expect([trying.toTag, trying.has("Record-Route"), trying.get("Timestamp")]).toEqual([undefined, false, "54"]);
  const busy = createResponse(invite, 486, { reason: "Not now", body: { type: "text/plain", text: "ü" } });
  expect([busy.reason, busy.has("Record-Route"), busy.body]).toEqual(["Not now", false, "\u00c3\u00bc"]);
  const inDialog = parseRequest(inviteWith("To: <sip:b@b.test>;tag=theirs"));
  expect(createResponse(inDialog, 200, { toTag: "mine" }).toTag).toBe("theirs");
  expect(createResponse(invite, 499).reason).toBe("Bad Request");
  expect(parseMessage(ringing.toOctets())).toMatchObject({ status: 180, toTag: "t1" });
});

test.each([
  ["no octets", "", "sip/start-line", 400],
  ["only line ends", "\r\n\r\n", "sip/start-line", 400],
  ["HTTP", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "sip/start-line", 400],
  ["two spaces", wire(["INVITE  sip:a.test SIP/2.0", ...inviteLines.slice(1)]), "sip/start-line", 400],
  ["trailing space", wire(["INVITE sip:a.test SIP/2.0 ", ...inviteLines.slice(1)]), "sip/start-line", 400],
  ["version joined to the URI", wire(["INVITE sip:a.test xSIP/2.0", ...inviteLines.slice(1)]), "sip/start-line", 400],
  ["another version", wire(["INVITE sip:a.test SIP/7.0", ...inviteLines.slice(1)]), "sip/version", 505],
  ["brackets around the URI", wire(["INVITE <sip:a.test> SIP/2.0", ...inviteLines.slice(1)]), "sip/uri", 400],
  ["headers in the URI", wire(["INVITE sip:a.test?Route=x SIP/2.0", ...inviteLines.slice(1)]), "sip/uri", 400],
  ["status 99", wire(["SIP/2.0 099 Low", ...inviteLines.slice(1)]), "sip/bad-response", 500],
  ["status 4294967301", wire(["SIP/2.0 4294967301 Big", ...inviteLines.slice(1)]), "sip/bad-response", 500],
  ["no colon", inviteWith("Foobar roobar"), "sip/header", 400],
  ["no name", inviteWith(": value"), "sip/header", 400],
  ["space in a name", inviteWith("X Y: value"), "sip/header", 400],
  ["a lone LF", inviteWith("Subject: a\nX: b"), "sip/header", 400],
  ["a lone CR", inviteWith("Subject: a\rX: b"), "sip/header", 400],
  ["a continuation first", wire([inviteLines[0] ?? "", " x", ...inviteLines.slice(1)]), "sip/header", 400],
  ["no end of the head", `${inviteLines.join("\r\n")}\r\n`, "sip/header", 400],
  ["no Via", inviteWithout("Via"), "sip/header-missing", 400],
  ["no Call-ID", inviteWithout("Call-ID"), "sip/header-missing", 400],
  ["two From", inviteWith("From: <sip:a@a.test>;tag=1", "f: <sip:b@a.test>;tag=2"), "sip/header-repeated", 400],
  ["two Content-Length", inviteWith("Content-Length: 5", "l: 5"), "sip/header-repeated", 400],
  ["CSeq of another method", inviteWith("CSeq: 1 BYE"), "sip/value", 400],
  ["CSeq above 2^31", inviteWith("CSeq: 2147483648 INVITE"), "sip/value", 400],
  ["Max-Forwards 256", inviteWith("Max-Forwards: 256"), "sip/value", 400],
  ["empty Via parameters", inviteWith("Via: SIP/2.0/UDP 192.0.2.15;;,;,,"), "sip/value", 400],
  ["Via with a bare IPv6 address", inviteWith("Via: SIP/2.0/UDP 2001:db8::9:1;branch=z9hG4bK1"), "sip/value", 400],
  ["unbalanced quotation marks", inviteWith('To: "Mr. J. User <sip:j.user@a.test>'), "sip/value", 400],
  ["headers of a bare Contact URI", inviteWith("Contact: sip:a@a.test?Route=%3Csip:b%3E"), "sip/value", 400],
  ["only commas for Via", inviteWith("Via: , ,"), "sip/value", 400],
  ["an asterisk for Route", inviteWith("Route: *"), "sip/value", 400],
  ["space inside brackets", inviteWith("To: < sip:a@a.test >"), "sip/value", 400],
  ["more than 64 KiB", inviteWith(`X: ${"x".repeat(65_536)}`), "sip/too-large", 513],
  ["more than 512 lines", inviteWith(...Array.from({ length: 513 }, () => "X: 1")), "sip/too-large", 513],
  ["chars that are no octets", inviteWith("X: \u0416"), "sip/octets", 500],
])("refuses a message: %s", (_, source, code, status) => {
  expect(refusal(() => parseMessage(source))).toEqual({ code, status });
});

function refusalOf(source: string, code: SipErrorCode = "sip/value"): string | undefined {
  return createRefusal(source, new SipError(code))?.toOctets();
}

test("a refused request is answered by what can be read of it", () => {
  const source = `\r\n${inviteWith('To: "J. <sip:j@a.test>', "CSeq: 1 BYE")}`;
  expect(refusalOf(source)).toBe(
    wire(
      [
        "SIP/2.0 400 Bad Request",
        inviteLines[1] ?? "",
        'From: "Mary Jones" <sip:u0001@acme.ims.test>;tag=mary1',
        'To: "J. <sip:j@a.test>',
        "Call-ID: a84b4c76e66710",
        "CSeq: 1 BYE",
        "Content-Length: 0",
      ],
      "",
    ),
  );
  expect(refusalOf(inviteWithout("Call-ID"), "sip/version")).toMatch(/^SIP\/2.0 505 Version Not Supported\r\n/);
  const head = inviteLines.slice(1);
  const error = new SipError("sip/value");
  expect(createRefusal(inviteWith("To: <sip:j@a.test"), error, "x1")?.get("To")).toBe("<sip:j@a.test;tag=x1");
  expect(createRefusal(inviteWith("To: <sip:j@a.test>; Tag = 2"), error, "x1")?.toTag).toBe("2");
  for (const silent of [
    wire(["ACK sip:a.test SIP/2.0", ...head]),
    wire(["SIP/2.0 099 Low", ...head]),
    inviteWithout("Via"),
    inviteWith("Via: broken"),
    inviteWith("Subject: a\nb"),
    "",
  ])
    expect(refusalOf(silent)).toBeUndefined();
});

test("an error names cause and remedy and holds no value of the message", () => {
  const error = new SipError("sip/value", "CSeq");
  const { cause, remedy } = explainSipError(error.code);
  expect([error.name, cause, remedy].every((text) => text.length > 5)).toBe(true);
  expect(() => parseMessage(inviteWith("To: <sip:secret person>"))).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining("secret") }),
  );
});

test("SEC-02a no line end gets into a message by name, value, URI, method, reason or body type", () => {
  const request = SipRequest.create("MESSAGE", "sip:b@a.test", []);
  const before = request.toOctets();
  const evil = ["a\r\nRoute: <sip:evil.test>", "a\nb", "a\r", "\r\n\r\nbody"];
  for (const text of evil) {
    const attempts = [
      () => request.set("Subject", text),
      () => request.add("Subject", text),
      () => request.prepend("Subject", text),
      () => request.addOctets("Subject", text),
      () => request.set(text, "1"),
      () => request.add(`X: 1${text}`, "1"),
      () => request.setBody(text, "body"),
      () => SipRequest.create(text, "sip:b@a.test", []),
      () => SipRequest.create("MESSAGE", "sip:b@a.test", [["Subject", text]]),
      () => SipResponse.create(200, text, []),
      () => createResponse(parseRequest(wire(inviteLines)), 200, { reason: text }),
      () => createResponse(parseRequest(wire(inviteLines)), 200, { toTag: text }),
    ];
    for (const attempt of attempts) expect(refusal(attempt).code).toBe("sip/injection");
    expect(refusal(() => request.setUri(`sip:b@a.test${text}`)).code).toBe("sip/uri");
    expect(refusal(() => SipRequest.create("MESSAGE", `sip:${text}`, [])).code).toBe("sip/uri");
  }
  // A folded value that came in goes out on one line.
  const folded = parseRequest(inviteWith("Subject: a\r\n Route: <sip:evil.test>"));
  expect(request.set("Subject", folded.get("Subject") ?? "").toOctets()).toContain(
    "\r\nSubject: a Route: <sip:evil.test>\r\n",
  );
  expect(request.remove("Subject").toOctets()).toBe(before);
});

test("accessors of a message built here say what it lacks", () => {
  const request = SipRequest.create("MESSAGE", "sip:b@a.test", []);
  for (const run of [() => request.callId, () => request.cseq, () => request.from, () => request.topVia])
    expect(refusal(run).code).toBe("sip/header-missing");
  expect(request.add("CSeq", "1 MESSAGE").cseq.number).toBe(1);
  expect(request.set("CSeq", "2 MESSAGE").cseq.number).toBe(2);
});

test.each([
  ["<sip:a@b>;tag=1", "1"],
  ["<sip:a@b>;TAG=1", "1"],
  ["<sip:a@b>;Tag=1;tag=2", "1"],
  ["<sip:a@b>;tag=1;TAG=2", "1"],
  ["<sip:a@b>;ttl=3;tag=1", "1"],
  ["<sip:a@b>;xag=3;tag=1", "1"],
  ['<sip:a@b>;tag="1";tag=2', '"1"'],
  ["<sip:a@b>;tag;tag=2", undefined],
  ["sip:a@b;tag=1", "1"],
  ["<sip:a@b;tag=5>", undefined],
  ['"a;tag=9" <sip:a@b>;x="tag=8";tag=1', "1"],
  ["<sip:a@b>\r\n ;tag=1", "1"],
])("the tag of From: %j", (from, tag) => {
  const lines = inviteLines.map((line) => (line.startsWith("From:") ? `From: ${from}` : line));
  const message = parseMessage(wire(lines));
  expect(message.fromTag).toBe(tag);
  expect(message.from.params.get("tag")).toBe(tag);
});

test.each(["\r", "\n"])(
  "a message that ends in the midst of a line with %j is none, whatever came before it",
  (end) => {
    parseMessage(wire(inviteLines));
    expect(() => parseMessage(wire(inviteLines).slice(0, 60) + end)).toThrow(SipError);
    expect(() => parseMessage(wire(inviteLines).split("\r\n\r\n")[0] + end)).toThrow(SipError);
  },
);

test("controls that differ from letters by one bit are not taken for them", () => {
  for (const line of ["Max\rForwards: 70", "Call\rID: 1", "Content\rLength: 0", "\u0056i\u0001: SIP/2.0/UDP a"])
    expect(() => parseMessage(wire([...inviteLines, line]))).toThrow(SipError);
  for (const via of ["SIP\u000f2.0/UDP a", "SIP/\u00122.0/UDP a", "S\tP/2.0/UDP a", "SIP/2.0\u000fUDP a"])
    expect(() =>
      parseMessage(wire(inviteLines.map((line) => (line.startsWith("Via:") ? `Via: ${via}` : line)))),
    ).toThrow(SipError);
});

test("names that begin alike, and long ones without a place in the table, are told apart", () => {
  const names = ["Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Allow", "Allow-Events"];
  names.push(
    "Accept",
    "Accept-Contact",
    "Refer-To",
    "Referred-By",
    "Identity",
    "Identity-Info",
    "P-Early-Media",
    "Priv",
  );
  const values = names.map((name) => (name === "Content-Length" ? "0" : `x/${name.toLowerCase()}`));
  for (const spelled of [(name: string) => name, (name: string) => name.toUpperCase(), (name: string) => `${name} `]) {
    const lines = names.map((name, i) => `${spelled(name)}: ${values[i] ?? ""}`);
    const message = parseMessage(wire([...inviteLines.filter((line) => !line.startsWith("Content-")), ...lines]));
    expect(names.map((name) => message.all(name))).toEqual(values.map((value) => [value]));
  }
});
