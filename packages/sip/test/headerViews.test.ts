import { expect, test } from "vitest";
import fc from "fast-check";
import {
  formatAccessNetworkInfo,
  formatAddressList,
  formatChargingVector,
  formatContacts,
  formatCredentials,
  formatEvent,
  formatFeatureCaps,
  formatPrivacy,
  formatRAck,
  formatReasons,
  formatReferTo,
  formatReplaces,
  formatSessionExpires,
  formatSubscriptionState,
  gruusOf,
  isGruu,
  parseAccessNetworkInfo,
  parseAddressList,
  parseChargingVector,
  parseContacts,
  parseCredentials,
  parseEvent,
  parseFeatureCaps,
  parseMinSe,
  parsePrivacy,
  parseRAck,
  parseReasons,
  parseReferTo,
  parseReplaces,
  parseRSeq,
  parseSessionExpires,
  parseSubscriptionState,
  SipError,
} from "../src/index.ts";

/** Runs what may only fail with a SipError. */
function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof SipError) return undefined;
    throw error;
  }
}

/** Each view: its parser and its writer. */
const views: readonly (readonly [name: string, rewrite: (text: string) => string, ...texts: string[]])[] = [
  ["addresses", (text) => formatAddressList(parseAddressList(text)), '<sip:a.test;lr>, "B, C" <sip:b.test>;x=1'],
  ["Contact", (text) => formatContacts(parseContacts(text)), "*", '<sip:a@b.test>;q=0.7;+sip.instance="<urn:uuid:1>"'],
  [
    "P-Charging-Vector",
    (text) => formatChargingVector(parseChargingVector(text)),
    'icid-value="1;2";icid-generated-at=192.0.2.1;orig-ioi="Type 1a.test";term-ioi="b.test";x=1',
  ],
  [
    "P-Access-Network-Info",
    (text) => formatAccessNetworkInfo(parseAccessNetworkInfo(text)),
    'IEEE-802.11;i-wlan-node-id="00:11", 3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=1;network-provided',
  ],
  ["Event", (text) => formatEvent(parseEvent(text)), "reg", "presence.winfo;id=1;x=2"],
  [
    "Subscription-State",
    (text) => formatSubscriptionState(parseSubscriptionState(text)),
    "active;expires=3600",
    "terminated;reason=probation;retry-after=30",
  ],
  ["Session-Expires", (text) => formatSessionExpires(parseSessionExpires(text)), "90", "1800;refresher=uas"],
  ["RAck", (text) => formatRAck(parseRAck(text)), "0 1 INVITE", "4294967295 2147483647 INVITE"],
  ["Reason", (text) => formatReasons(parseReasons(text)), 'SIP;cause=200;text="Call, done", Q.850;cause=16'],
  ["Privacy", (text) => formatPrivacy(parsePrivacy(text)), "id;critical"],
  ["Replaces", (text) => formatReplaces(parseReplaces(text)), "a@b;to-tag=1;from-tag=2;early-only"],
  [
    "Refer-To",
    (text) => formatReferTo(parseReferTo(text)),
    "<sip:a@b.test>;x=1",
    "<sip:a@b.test?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>",
    "<sip:a@b.test;method=INVITE?Subject=x&Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>",
    "<tel:+12125550100>",
  ],
  ["Feature-Caps", (text) => formatFeatureCaps(parseFeatureCaps(text)), '*;+g.3gpp.atcf="<sip:a.test>", *;+sip.x'],
  [
    "credentials",
    (text) => formatCredentials(parseCredentials(text)),
    "Bearer abc.def",
    'Digest username="u", realm="a.test", nc=00000001, qop=auth, uri="sip:a.test"',
    'bearer realm="a.test", error="invalid_token"',
    "negotiate YII,,=",
  ],
];

test.each(views.map((view) => ({ name: view[0], view })))("$name is written as it was read", ({ view }) => {
  const [, rewrite, ...texts] = view;
  for (const text of texts) expect(rewrite(text)).toBe(text);
});

test("views tolerate what the field allows", () => {
  expect(parseContacts(["<sip:a@b.test>;expires=x;q=2;reg-id=0", "sip:c@d.test;expires=60;q=0.5;reg-id=3"])).toEqual([
    { uri: "sip:a@b.test", params: expect.any(Map) },
    { uri: "sip:c@d.test", params: expect.any(Map), expires: 60, q: 0.5, regId: 3 },
  ]);
  expect(parseContacts('<sip:a@b.test>;+sip.instance="<urn:uuid:1>"')).toMatchObject([{ instance: "urn:uuid:1" }]);
  expect(parseContacts(" * ")).toBe("*");
  expect(parseSubscriptionState("Active ; Expires = 60; reason=x")).toEqual({
    state: "active",
    expires: 60,
    reason: "x",
  });
  expect(parseSessionExpires("1800 ; refresher=both")).toEqual({ interval: 1800 });
  expect([parseMinSe("90;x"), parseRSeq("988789")]).toEqual([90, 988_789]);
  expect(parseRAck("776656\t 1  INVITE")).toEqual({ rseq: 776_656, cseq: 1, method: "INVITE" });
  expect([...parsePrivacy(" ID, header ;critical")]).toEqual(["id", "header", "critical"]);
  expect(parseChargingVector("icid-value = a ; orig-ioi=b")).toEqual({
    icid: "a",
    originatingIoi: "b",
    params: new Map(),
  });
  expect(parseAccessNetworkInfo("IEEE-802.11;np")).toMatchObject([{ networkProvided: true }]);
  expect(parseEvent("REG")).toMatchObject({ type: "reg" });
  expect(
    gruusOf(parseAddressList('<sip:a@b.test>;pub-gruu="sip:a@c.test;gr=1";temp-gruu="sip:t@c.test;gr"')[0] as never),
  ).toEqual({ public: "sip:a@c.test;gr=1", temporary: "sip:t@c.test;gr" });
  expect([isGruu("sip:t@c.test;gr"), isGruu("sip:t@c.test")]).toEqual([true, false]);
});

test.each<[string, () => unknown]>([
  ["an asterisk among addresses", () => parseAddressList("<sip:a.test>, *")],
  ["too many addresses", () => parseAddressList("<sip:a.test>,".repeat(129))],
  ["no ICID", () => parseChargingVector("orig-ioi=a")],
  ["an access that is no token", () => parseAccessNetworkInfo("a b")],
  ["no event", () => parseEvent(";id=1")],
  ["no state", () => parseSubscriptionState("")],
  ["an interval beyond 32 bits", () => parseSessionExpires("4294967296")],
  ["RSeq 0", () => parseRSeq("0")],
  ["RAck without a method", () => parseRAck("1 2")],
  ["a reason without protocol", () => parseReasons(";cause=1")],
  ["an empty privacy value", () => parsePrivacy("id;;header")],
  ["Replaces without tags", () => parseReplaces("a@b;to-tag=1")],
  ["Refer-To with broken escapes", () => parseReferTo("<sip:a@b.test?Replaces=%E0%A4>")],
  ["capabilities without their asterisk", () => parseFeatureCaps("+sip.x")],
  ["a line end in a privacy value", () => formatPrivacy(["a\r\nb"])],
  ["a semicolon in a Call-ID", () => formatReplaces({ callId: "a;b", toTag: "1", fromTag: "2", earlyOnly: false })],
])("refuses %s", (_, run) => {
  expect(run).toThrow(SipError);
});

const numRuns = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 1000);
const timeout = 5000 + 10 * numRuns;

test("views meet any text with a SipError at worst, and read back what they write", { timeout }, () => {
  const part = fc.constantFrom(
    "a",
    "1",
    ";",
    "=",
    ",",
    '"',
    "<",
    ">",
    " ",
    "sip:",
    "@",
    "%",
    "*",
    "?",
    "Replaces=",
    "\u00e9",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 14 }), (parts) => {
      for (const [, rewrite] of views) {
        const once = attempt(() => rewrite(parts.join(""))) ?? "";
        expect(once === "" ? once : rewrite(once)).toBe(once);
      }
    }),
    { numRuns },
  );
});
