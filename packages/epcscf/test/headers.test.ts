import { afterEach, beforeEach, expect, test } from "vitest";
import { callOut, dial, fromCore, nextAtBrowser, nextAtCore, registered, ring, toNode } from "./support/call.ts";
import { impi, impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

/** Names of the trust domain, each with a value that can be recognised. */
const trusted = [
  "P-Asserted-Identity",
  "P-Asserted-Service",
  "P-Access-Network-Info",
  "P-Charging-Vector",
  "P-Charging-Function-Addresses",
  "P-Served-User",
  "P-Profile-Key",
  "P-User-Database",
  "P-Visited-Network-ID",
  "P-Early-Media",
  "Resource-Priority",
  "Feature-Caps",
  "Diversion",
  "Security-Client",
  "Security-Server",
  "Security-Verify",
  "Proxy-Authorization",
];
const claims = trusted.map((name): [string, string] => [
  name,
  name === "P-Early-Media" ? "sendrecv" : "<sip:forged@ims.test>",
]);

test("SEC-02b EPC-SES-06b nothing a browser claims of the trust domain reaches the core, in an INVITE or a MESSAGE", async () => {
  const incoming = nextAtCore(rig);
  dial(browser, { headers: claims });
  const invite = (await incoming).usage.invite.toOctets();
  await browser.request("MESSAGE", "sip:u0043@acme.ims.test", claims);
  const message = rig.core.last("MESSAGE").toOctets();
  for (const text of [invite, message]) expect(text).not.toMatch(/forged|P-Early-Media/);
});

test("EPC-SES-07c CHG-01c PRV-01a no charging header, IMPI or served user reaches the browser", async () => {
  const secret: [string, string][] = [
    ["P-Charging-Vector", 'icid-value="secret"'],
    ["P-Charging-Function-Addresses", "ccf=secret.example"],
    ["P-Served-User", `<sip:${impi}>;sescase=term`],
    ["P-User-Database", "<aaa://secret.example>"],
    ["P-Asserted-Service", "urn:urn-7:secret"],
  ];
  const incoming = nextAtBrowser(browser);
  ring(rig, { headers: secret });
  (await incoming).usage.reject(486);
  browser.answer = (tx) => tx.reply(200);
  await rig.core.agent.send(fromCore(rig, "MESSAGE", { headers: secret }), toNode(rig));
  const atCore = nextAtCore(rig);
  const near = dial(browser);
  (await atCore).usage.reject(486, { headers: secret });
  await until(() => near.rejected);
  for (const { octets } of browser.raw) expect(octets).not.toMatch(/secret|u0042\.acme/);
});

test("EPC-SES-17a History-Info, Diversion and Session-ID of the core reach the browser unchanged", async () => {
  const history = '<sip:+12125550142@ims.test>;index=1, "Ken" <sip:u0043@acme.ims.test>;index=1.1;mp=1';
  const diversion = '"Reception" <tel:+12125550100>;reason=unconditional';
  const session = "ab30317f1a784dc48ff824d0d3715d86;remote=00000000000000000000000000000000";
  const incoming = nextAtBrowser(browser);
  ring(rig, {
    headers: [
      ["History-Info", history],
      ["Diversion", diversion],
      ["Session-ID", session],
    ],
  });
  const { invite } = (await incoming).usage;
  expect([invite.get("History-Info"), invite.get("Diversion"), invite.get("Session-ID")]).toEqual([
    history,
    diversion,
    session,
  ]);
  const atCore = nextAtCore(rig);
  dial(browser, { headers: [["Session-ID", session]] });
  expect((await atCore).usage.invite.get("Session-ID")).toBe(session);
});

test("SEC-02a a line end inside a value does not become a header of another leg", async () => {
  const text = [
    "INVITE tel:+442079460123 SIP/2.0",
    "Via: SIP/2.0/WSS k3v9q0d1xm.invalid;branch=z9hG4bKinject",
    "Max-Forwards: 70",
    `From: "a\rP-Asserted-Identity: <sip:boss@ims.test>" <${impu}>;tag=x`,
    "To: <tel:+442079460123>",
    "Call-ID: inject@k3v9q0d1xm.invalid",
    "CSeq: 1 INVITE",
    "Contact: <sip:u0042@k3v9q0d1xm.invalid;transport=ws>",
    "",
    "",
  ].join("\r\n");
  browser.socket.send(text);
  expect((await browser.closed).code).toBe(1007);
  expect(rig.core.got.some(({ method }) => method === "INVITE")).toBe(false);
});

test("EPC-SES-15a INFO with a package is carried both ways inside a call, and its answer back", async () => {
  const { near, far } = await callOut(rig, browser);
  far.onInside = (tx) => tx.reply(200);
  near.onInside = (tx) => tx.reply(469);
  const body = { type: "application/dtmf-relay", text: "Signal=5\r\nDuration=160\r\n" };
  const up = await near.usage.request("INFO", {
    headers: [
      ["Info-Package", "dtmf"],
      ["P-Charging-Vector", "icid-value=mine"],
    ],
    body,
  });
  expect(up.status).toBe(200);
  const atCore = far.inside[0]?.request;
  expect(atCore?.get("Info-Package")).toBe("dtmf");
  expect(atCore?.body).toBe(body.text);
  expect(atCore?.all("P-Charging-Vector")).toEqual([far.usage.invite.get("P-Charging-Vector")]);
  const down = await far.usage.request("INFO", {
    headers: [
      ["Info-Package", "x"],
      ["P-Charging-Vector", "icid-value=z"],
    ],
  });
  expect(down.status).toBe(469);
  expect(near.inside[0]?.request.has("P-Charging-Vector")).toBe(false);
});

test("EPC-SES-15b a method that has no place: 405 with Allow, inside a call and outside", async () => {
  const { near, far } = await callOut(rig, browser);
  for (const response of [
    await near.usage.request("PUBLISH"),
    await far.usage.request("FOO"),
    await browser.request("FOO", "sip:u0043@acme.ims.test", []),
    await rig.core.agent.send(fromCore(rig, "FOO"), toNode(rig)),
  ]) {
    expect(response.status).toBe(405);
    expect(response.get("Allow")).toContain("INVITE");
  }
});

test("EPC-SES-02a a bad token inside a call: 401, and the call goes on", async () => {
  const { near, far } = await callOut(rig, browser);
  const response = await near.usage.request("INFO", { headers: [["Authorization", "Bearer no.such.token"]] });
  expect(response.status).toBe(401);
  expect(far.inside).toHaveLength(0);
  expect(near.usage.state).toBe("confirmed");
});

test("an unreadable header of either side is that side's fault", async () => {
  const near = dial(browser, { headers: [["P-Preferred-Identity", "<<<"]] });
  expect((await until(() => near.rejected)).status).toBe(400);
  expect((await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [["P-Preferred-Identity", "<<<"]])).status).toBe(
    400,
  );
  const far = ring(rig, { headers: [["P-Called-Party-ID", "<<<"]] });
  expect((await until(() => far.rejected)).status).toBe(400);
  expect(rig.alarms).toEqual([]);
});
