import { parseCredentials, SipRequest, type ServerTransaction, type SipResponse } from "@portico/sip";
import { VirtualClock } from "@portico/sip/testing";
import { afterEach, describe, expect, test } from "vitest";
import { grant, openRig, site, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

const self = "sip:self@ims.test";
let rig: Rig;

afterEach(() => rig.close());

/** A core that challenges, and believes any response to its nonce. */
async function open(options: Parameters<typeof openRig>[0] = {}): Promise<Browser> {
  rig = await openRig({ ownCredentials: (origin) => (origin === site ? "acme" : undefined), ...options });
  const granted = grant(rig.core);
  rig.core.answer = (tx) => {
    const { request } = tx;
    if (request.method !== "REGISTER" || authorization(request).get("response") !== "") return granted(tx);
    return tx.reply(401, { headers: [["WWW-Authenticate", 'Digest realm="ims.test", nonce="n1", qop="auth"']] });
  };
  return await rig.connect();
}

function authorization(request: SipRequest): ReadonlyMap<string, string | undefined> {
  const credentials = parseCredentials(request.get("Authorization") ?? "");
  return credentials.scheme === "digest" ? credentials.params : new Map();
}

let cseq = 0;

function register(
  browser: Browser,
  credentials?: string,
  more: { impu?: string; from?: string; expires?: number; instance?: string } = {},
): Promise<SipResponse> {
  const { impu = self, from = impu, expires = 600, instance = "" } = more;
  cseq += 1;
  const request = SipRequest.create("REGISTER", "sip:ims.test", [
    ["Max-Forwards", "70"],
    ["From", `<${from}>;tag=w1`],
    ["To", `<${impu}>`],
    ["Call-ID", "own@k3v9q0d1xm.invalid"],
    ["CSeq", `${cseq} REGISTER`],
    ["Contact", `<sip:self@k3v9q0d1xm.invalid;transport=ws>;expires=${expires}${instance}`],
    ...(credentials === undefined ? [] : [["Authorization", `Digest ${credentials}`] as [string, string]]),
  ]);
  return browser.agent.send(request, browser);
}

const response = `username="self@ims.test", realm="ims.test", nonce="n1", uri="sip:ims.test", response="6629fae49393a05397450978507c4ef1", cnonce="c", qop=auth, nc=00000001, algorithm=MD5`;
const registers = (): SipRequest[] => rig.core.got.filter(({ method }) => method === "REGISTER");

test("EPC-REG-24a a site that does not offer it gets the Bearer challenge, and the core hears nothing", async () => {
  const browser = await open({ ownCredentials: () => undefined });
  const refused = await register(browser, response);
  expect(refused.status).toBe(401);
  expect(refused.get("WWW-Authenticate")).toMatch(/^Bearer /);
  expect(registers()).toEqual([]);
});

test("EPC-REG-24a challenge and response pass; tls-pending before the 200, tls-yes after it", async () => {
  const browser = await open();
  const challenged = await register(browser);
  expect(challenged.status).toBe(401);
  expect(challenged.all("WWW-Authenticate").map((value) => value.split(" ", 1)[0])).toEqual(["Digest", "Bearer"]);
  expect(Object.fromEntries(authorization(rig.core.last("REGISTER")))).toEqual({
    username: "self@ims.test",
    realm: "ims.test",
    uri: "sip:ims.test",
    nonce: "",
    response: "",
    "integrity-protected": "tls-pending",
  });
  expect((await register(browser, response)).status).toBe(200);
  const second = rig.core.last("REGISTER");
  expect(authorization(second).get("integrity-protected")).toBe("tls-pending");
  expect([authorization(second).get("nonce"), authorization(second).get("response")]).toEqual([
    "n1",
    "6629fae49393a05397450978507c4ef1",
  ]);
  for (const part of ["qop=auth", "nc=00000001", "algorithm=MD5", 'cnonce="c"']) {
    expect(second.get("Authorization")).toContain(part);
  }
  // The portal's own Contact and Path, as for everybody.
  expect(second.get("Contact")).toMatch(/^<sip:[0-9a-f]{26}@/);
  expect(second.get("Path")).toContain(";lr");
  expect((await register(browser, response)).status).toBe(200);
  expect(authorization(rig.core.last("REGISTER")).get("integrity-protected")).toBe("tls-yes");
  // The WAF has no lease for her.
  expect(rig.facts).toEqual([]);
});

test.each([
  `${response}, integrity-protected="auth-done"`,
  `integrity-protected=auth-done, ${response}`,
  `${response}, INTEGRITY-PROTECTED="auth-done", x="\\", integrity-protected="`,
  response.replace('cnonce="c"', 'cnonce="c\\", integrity-protected=\\"auth-done"'),
  response.replace("qop=auth", 'qop="auth, integrity-protected=auth-done"'),
])("EPC-REG-24a a browser cannot say auth-done: %s", async (credentials) => {
  const browser = await open();
  const { status } = await register(browser, credentials);
  expect([200, 400, 401]).toContain(status);
  for (const sent of registers()) {
    expect(authorization(sent).get("integrity-protected")).toBe("tls-pending");
    // Outside quoted strings it stands there once.
    const plain = (sent.get("Authorization") ?? "").replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
    expect(plain.match(/integrity-protected/gi)).toHaveLength(1);
  }
});

const sessionKeys = `ik="00112233445566778899aabbccddeeff", ck=ffeeddccbbaa99887766554433221100`;
const akaResponse = (nonce: string, more = `response="6629fae49393a05397450978507c4ef1"`): string =>
  `username="self@ims.test", realm="ims.test", nonce="${nonce}", uri="sip:ims.test", algorithm=AKAv2-SHA-256, qop=auth, nc=00000001, cnonce="c", ${more}`;
const akaChallenge = (nonce: string): string =>
  `Digest realm="ims.test", nonce="${nonce}", ${sessionKeys}, algorithm=AKAv2-SHA-256, opaque="a, ck=\\"b\\"", qop="auth"`;
/** Of the last REGISTER at the core. */
const atCore = (): (string | undefined)[] => {
  const params = authorization(rig.core.last("REGISTER"));
  return ["integrity-protected", "nonce", "response", "auts"].map((name) => params.get(name));
};
/** A core that answers REGISTER so, once. */
function answering(...answers: (string | 200 | 403)[]): void {
  const granted = grant(rig.core);
  rig.core.answer = (tx) => {
    const answer = tx.request.method === "REGISTER" ? answers.shift() : 200;
    if (answer === 200) granted(tx);
    else if (typeof answer === "string") tx.reply(401, { headers: [["WWW-Authenticate", answer]] });
    else tx.reply(answer ?? 500);
  };
}

describe("IMS AKA inside TLS", () => {
  test("EPC-REG-24b algorithm, nonce and response pass as they are, with tls-connected; the session keys stay here", async () => {
    const browser = await open();
    answering(akaChallenge("UkFORA=="), 200, 200);
    const asked = await register(browser, akaResponse("", `response=""`));
    expect(asked.all("WWW-Authenticate")[0]).toBe(
      `Digest realm="ims.test", nonce="UkFORA==", algorithm=AKAv2-SHA-256, opaque="a, ck=\\"b\\"", qop="auth"`,
    );
    expect(atCore()).toEqual(["tls-connected", "", "", undefined]);
    expect((await register(browser, akaResponse("UkFORA=="))).status).toBe(200);
    expect(atCore()).toEqual(["tls-connected", "UkFORA==", "6629fae49393a05397450978507c4ef1", undefined]);
    expect(rig.core.last("REGISTER").get("Authorization")).toContain("algorithm=AKAv2-SHA-256");
    // On the flow of her registration the core may go on by it.
    expect((await register(browser, akaResponse("UkFORA=="))).status).toBe(200);
    expect(atCore()).toEqual(["tls-connected", "UkFORA==", "6629fae49393a05397450978507c4ef1", undefined]);
  });

  test("EPC-REG-24b AUTS passes, and what is answered to it", async () => {
    const browser = await open();
    answering(akaChallenge("UkFORA=="), akaChallenge("UkFORE=="), 200);
    await register(browser, akaResponse("", `response=""`));
    const again = await register(browser, akaResponse("UkFORA==", `response="1", auts="QVVUUw=="`));
    expect([again.status, again.get("WWW-Authenticate")]).toEqual([401, expect.stringContaining(`"UkFORE=="`)]);
    expect(atCore()).toEqual(["tls-connected", "UkFORA==", "1", "QVVUUw=="]);
    expect((await register(browser, akaResponse("UkFORE=="))).status).toBe(200);
  });

  test("EPC-REG-24b a response that no challenge on this flow asked for does not reach the core as one", async () => {
    const browser = await open();
    answering(
      akaChallenge("UkFORA=="),
      403,
      akaChallenge("UkFORE=="),
      akaChallenge("UkFORI=="),
      akaChallenge("UkFORM=="),
    );
    // To another user.
    await register(browser, akaResponse("", `response=""`).replace("self@", "other@"), { impu: "sip:other@ims.test" });
    expect((await register(browser, akaResponse("UkFORA=="))).status).toBe(403);
    expect(atCore()).toEqual(["tls-connected", "", "", undefined]);
    await register(browser, akaResponse("", `response=""`));
    // On another flow.
    await register(await rig.connect(), akaResponse("UkFORE=="));
    expect(atCore()).toEqual(["tls-connected", "", "", undefined]);
    // Twice.
    answering(403, akaChallenge("UkFORI=="));
    expect((await register(browser, akaResponse("UkFORE=="))).status).toBe(403);
    expect(atCore()[1]).toBe("UkFORE==");
    expect((await register(browser, akaResponse("UkFORE=="))).status).toBe(401);
    expect(atCore()).toEqual(["tls-connected", "", "", undefined]);
  });

  test("a challenge that cannot be read may hold keys, and stays here", async () => {
    const browser = await open();
    answering(`Digest realm="ims.test", ik=1, ik=2`);
    const refused = await register(browser, akaResponse("", `response=""`));
    expect([refused.status, refused.all("WWW-Authenticate")]).toEqual([401, [expect.stringMatching(/^Bearer /)]]);
  });
});

test("an identity of a block is the WAF's to give: 403, and its holder is not disturbed", async () => {
  const stranger = await open();
  const holder = await rig.connect();
  rig.core.answer = grant(rig.core);
  expect((await holder.register(await rig.token())).status).toBe(200);
  const impu = "sip:u0042@acme.ims.test";
  expect((await register(stranger, response.replace("self@ims.test", "u0042.acme@ims.test"), { impu })).status).toBe(
    403,
  );
  expect(registers()).toHaveLength(1);
  expect(rig.node.counts.registrations).toBe(1);
});

test.each([
  "sip:u0042@ACME.ims.test",
  "SIP:u0042@acme.ims.test",
  "sip:u0042@acme.ims.test.",
  "sip:u0042@acme.ims.test:5060",
  "sip:u0042@acme.ims.test;user=phone",
  "sip:u0042@acme.ims.test?a=b",
  "sip:u0042:x@acme.ims.test",
  "sip:u%30042@acme.ims.test",
  "sips:u0042@acme.ims.test",
  "tel:+12125550142",
])("EPC-REG-05a SEC-03b nor is it had under another spelling: %s", async (impu) => {
  const stranger = await open();
  rig.core.answer = grant(rig.core);
  const { status } = await register(stranger, response.replace("self@ims.test", "u0042.acme@ims.test"), { impu });
  expect([400, 403]).toContain(status);
  expect(registers()).toEqual([]);
});

test("EPC-REG-05a nobody registers her in another's name, nor another in hers: 403", async () => {
  const browser = await open();
  rig.core.answer = grant(rig.core);
  const holder = "sip:u0042@acme.ims.test";
  for (const names of [{ from: holder }, { from: "sip:boss@ims.test" }, { from: self, impu: "sip:boss@ims.test" }]) {
    expect((await register(browser, response, names)).status).toBe(403);
  }
  expect(registers()).toEqual([]);
});

test("ADM-02 a tenant that is suspended while the core thinks: 401, and she is not registered", async () => {
  const browser = await open();
  const asked = Promise.withResolvers<ServerTransaction>();
  rig.core.answer = (tx) => asked.resolve(tx);
  const answer = register(browser, response);
  const tx = await asked.promise;
  rig.suspended.add("acme");
  rig.revoke({ tenant: "acme", reason: "suspended" });
  rig.core.answer = grant(rig.core);
  rig.core.answer(tx);
  expect((await answer).status).toBe(401);
  expect(rig.node.counts.registrations).toBe(0);
});

test("what the core grants on a lost socket late ends nothing of her: nobody but she can bind her again", async () => {
  const browser = await open();
  const instance = `;reg-id=1;+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77>"`;
  const late = Promise.withResolvers<ServerTransaction>();
  rig.core.answer = (tx) => late.resolve(tx);
  const lost = register(browser, response, { instance }).catch(() => "lost");
  const tx = await late.promise;
  browser.socket.terminate();
  await until(() => rig.node.counts.flows === 0);
  rig.core.answer = grant(rig.core);
  expect((await register(await rig.connect(), response, { instance })).status).toBe(200);
  rig.core.answer(tx);
  // What the node does with it is over when it has served another one.
  expect((await register(await rig.connect(), response, { impu: "sip:other@ims.test" })).status).toBe(200);
  expect(rig.node.registrations()).toMatchObject([{ impu: self, flow: "live" }, { impu: "sip:other@ims.test" }]);
  expect(registers()).toHaveLength(3);
  browser.agent.hopClosed(browser);
  await lost;
});

test("who does not know the password changes nothing for who does", async () => {
  const browser = await open();
  expect((await register(browser, response)).status).toBe(200);
  const thief = await rig.connect();
  const granted = rig.core.answer;
  rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? tx.reply(403) : granted(tx));
  expect((await register(thief, response, { expires: 0 })).status).toBe(403);
  expect(rig.node.counts.registrations).toBe(1);
  expect(rig.node.registrations().map(({ impu }) => impu)).toEqual([self]);
});

test("EPC-WS-08d who has no registration yet waits for a turn at the core, with credentials of her own too; refreshes do not", async () => {
  const browser = await open({ registrationsPerSecond: 0.2 });
  expect((await register(browser, response)).status).toBe(200);
  const refused = await register(await rig.connect(), response);
  expect([refused.status, Number(refused.get("Retry-After")) >= 5]).toEqual([503, true]);
  for (let at = 0; at < 5; at += 1) expect((await register(browser, response)).status).toBe(200);
  expect(registers()).toHaveLength(6);
});

test("EPC-WS-08d a challenge and its answer take a turn each, and are let through at the core's pace", async () => {
  const clock = new VirtualClock();
  const browser = await open({ clock, registrationsPerSecond: 0.5 });
  expect((await register(browser)).status).toBe(401);
  const answer = register(browser, response);
  // What comes after it on the same socket is answered first.
  await browser.request("OPTIONS", "sip:ims.test", []);
  await clock.settle(1900);
  expect(registers()).toHaveLength(1);
  await clock.settle(100);
  expect((await answer).status).toBe(200);
});

test("EPC-REG-24a a lost socket ends it here; the portal, which is no trusted node for her, sends no REGISTER of its own", async () => {
  const browser = await open({ graceSeconds: 1 });
  expect((await register(browser, response)).status).toBe(200);
  const before = registers().length;
  browser.socket.terminate();
  await until(() => rig.node.counts.registrations === 0);
  expect(registers()).toHaveLength(before);
  expect(rig.facts).toEqual([]);
  expect(rig.node.counts.leftovers).toBe(0);
});
