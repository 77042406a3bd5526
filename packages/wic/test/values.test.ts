import { createResponse, parseMessage, SipRequest } from "@portico/sip";
import type { SipMessage } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { Backoff } from "../src/backoff.ts";
import { bearerChallenge, isTrusted } from "../src/bearerChallenge.ts";
import { readBinding } from "../src/binding.ts";
import { endByBye } from "../src/callEnd.ts";
import { dialTarget } from "../src/dialTarget.ts";
import { nameAddress } from "../src/headers.ts";
import { WicError, wicErrorCodes } from "../src/index.ts";
import { remoteParty } from "../src/remoteParty.ts";

const home = { homeDomain: "ims.test", emergencyNumbers: ["112", "911"] };

test.each([
  ["+12025550110", "tel:+12025550110", false],
  [" +1 (202) 555-0110 ", "tel:+12025550110", false],
  ["tel:+12025550110", "tel:+12025550110", false],
  ["2025550110", "tel:2025550110;phone-context=ims.test", false],
  ["*31#", "tel:*31%23;phone-context=ims.test", false],
  ["112", "tel:112;phone-context=ims.test", true],
  ["urn:service:sos", "urn:service:sos", true],
  ["sip:u0002@acme.ims.test", "sip:u0002@acme.ims.test", false],
  ["u0002@acme.ims.test", "sip:u0002@acme.ims.test", false],
])("dialling %j", (text, uri, emergency) => {
  expect(dialTarget(text, home)).toEqual({ uri, emergency });
});

test.each(["", "mary", "a b@c", "sip:a@b>", "+1\r\nX: y", "tel:", "javascript:alert(1)", "sip:x@y,sip:z@y"])(
  "%j cannot be dialled",
  (text) => {
    expect(() => dialTarget(text, home)).toThrow(WicError);
  },
);

function invite(...headers: [string, string][]): SipRequest {
  return SipRequest.create("INVITE", "sip:u@x.invalid", [
    ["Via", "SIP/2.0/WSS e.invalid;branch=z9hG4bKx"],
    ["Max-Forwards", "70"],
    ["From", headers.find(([name]) => name === "From")?.[1] ?? '"Mary Jones" <sip:mary@ims.test>;tag=1'],
    ["To", "<sip:u@ims.test>"],
    ["Call-ID", "1"],
    ["CSeq", "1 INVITE"],
    ...headers.filter(([name]) => name !== "From"),
  ]);
}

test.each([
  [[], { uri: "sip:mary@ims.test", displayName: "Mary Jones" }],
  [[["From", "<sip:anonymous@anonymous.invalid>;tag=1"]], { uri: "sip:anonymous@anonymous.invalid", anonymous: true }],
  [
    [
      ["From", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'],
      ["P-Asserted-Identity", "<tel:+44-20-7946-0123>"],
    ],
    { uri: "tel:+44-20-7946-0123", number: "+442079460123" },
  ],
  [[["P-Asserted-Identity", "rubbish <<"]], { uri: "sip:mary@ims.test", displayName: "Mary Jones" }],
  [
    [["P-Asserted-Identity", "<sip:+12025550110@ims.test;user=phone;verstat=TN-Validation-Failed>"]],
    {
      uri: "sip:+12025550110@ims.test;user=phone;verstat=TN-Validation-Failed",
      displayName: "Mary Jones",
      number: "+12025550110",
      verification: "failed",
    },
  ],
] as [[string, string][], object][])("WIC-29a identity out of %j", (headers, party) => {
  expect(remoteParty(invite(...headers))).toEqual(party);
});

test("the grant of our own contact is found among those of other devices", () => {
  const ours = { uri: "sip:u@a.invalid;transport=ws", instance: "urn:uuid:1" };
  const response = createResponse(invite(), 200, {
    headers: [
      ["Contact", '<sip:u@b.invalid;transport=ws>;expires=100;+sip.instance="<urn:uuid:2>"'],
      ["Contact", '<sip:u@a.invalid;transport=ws>;expires=300;+sip.instance="<urn:uuid:1>"'],
      ["Expires", "900"],
    ],
  });
  expect(readBinding(response, ours, 600_000)).toEqual({ expires: 300, associated: [], serviceRoute: [] });
  const bare = createResponse(invite(), 200, { headers: [["Expires", "900"]] });
  expect(readBinding(bare, ours, 600_000).expires).toBe(900);
  expect(readBinding(createResponse(invite(), 200), ours, 600_000).expires).toBe(600_000);
});

test("a challenge is read whatever stands around it", () => {
  const response = createResponse(invite(), 401, {
    headers: [
      ["WWW-Authenticate", 'Digest realm="x", nonce="y"'],
      ["WWW-Authenticate", 'bearer realm="a, b",authz_server="https://waf.test/a",error="invalid_token"'],
    ],
  });
  const challenge = bearerChallenge(response);
  expect(challenge).toEqual({ authorizationServer: "https://waf.test/a", error: "invalid_token" });
  expect(challenge && isTrusted(challenge, undefined)).toBe(true);
  expect(challenge && isTrusted(challenge, [])).toBe(false);
  expect(isTrusted({}, undefined)).toBe(false);
  expect(isTrusted({ authorizationServer: "not a url" }, undefined)).toBe(false);
});

test.each([
  [[], "remote-hung-up"],
  [[["Reason", "Q.850;cause=16"]], "remote-hung-up"],
  [[["Reason", "Q.850;cause=38"]], "network"],
  [[["Reason", 'SIP;cause=503;text="media failed"']], "network"],
] as [[string, string][], string][])("BYE with %j: %s", (headers, cause) => {
  expect(endByBye(invite(...headers)).cause).toBe(cause);
});

test("display names are quoted and lose control characters", () => {
  expect(nameAddress("sip:a@b", 'Mary "MJ"\r\nX: y \\')).toBe('"Mary \\"MJ\\"  X: y \\\\" <sip:a@b>');
  expect(nameAddress("sip:a@b", "")).toBe("<sip:a@b>");
});

test("back-off doubles to its ceiling, never below what was asked", () => {
  const backoff = new Backoff(new SeededRandom(3));
  const waits = Array.from({ length: 12 }, () => backoff.next());
  for (const [n, wait] of waits.entries()) {
    const most = Math.min(60_000, 1000 * 2 ** n);
    expect(wait).toBeGreaterThanOrEqual(most / 2);
    expect(wait).toBeLessThanOrEqual(most);
  }
  backoff.reset();
  expect(backoff.next()).toBeLessThanOrEqual(1000);
  expect(backoff.next(30_000)).toBeGreaterThanOrEqual(30_000);
});

test("every error has a sentence, causes and remedies, and none names a token", () => {
  for (const code of wicErrorCodes) {
    const error = new WicError(code);
    expect(error.message).toMatch(/^[A-Z].{8,}/);
    expect(error.causes.length).toBeGreaterThan(0);
    expect(error.remedies.length).toBeGreaterThan(0);
    expect(typeof error.fatal).toBe("boolean");
  }
});

test("nothing that the network can write into a request breaks the reading of it", () => {
  const random = new SeededRandom(11);
  const alphabet = ['"', "<", ">", ";", ",", ":", "=", "@", "\\", "sip", "tel", "+1", "%", " ", "a", "é", "verstat"];
  const pick = (): string => alphabet[Math.floor(random.next() * alphabet.length)] ?? "";
  for (let n = 0; n < 3_000; n += 1) {
    const value = Array.from({ length: 1 + Math.floor(random.next() * 14) }, pick).join("");
    const raw = invite()
      .toOctets()
      .replace(
        "\r\n\r\n",
        `\r\nP-Asserted-Identity: ${value}\r\nReason: ${value}\r\nPrivacy: ${value}\r\nContact: ${value}\r\n\r\n`,
      );
    let message: SipMessage;
    try {
      message = parseMessage(raw);
    } catch {
      continue;
    }
    expect(typeof remoteParty(message).uri).toBe("string");
    expect(endByBye(message).message).not.toBe("");
  }
});
