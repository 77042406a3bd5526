import { Dialog, parseNameAddr, parseUri, SipRequest, type ServerTransaction } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { binding, fromCore, registered, toNode } from "./support/call.ts";
import { grant, impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

const own = "sip:u0042@k3v9q0d1xm.invalid;transport=ws";

/** The core as notifier; what it got. */
function notifier(): ServerTransaction[] {
  const got: ServerTransaction[] = [];
  rig.core.answer = (tx) => {
    if (tx.request.callId.includes("sub-")) got.push(tx);
    if (tx.request.method === "REGISTER") return grant(rig.core)(tx);
    return tx.reply(200, {
      headers: [
        ["Contact", `<sip:notifier@127.0.0.1:${rig.core.endpoint.port};transport=tcp>`],
        ["Expires", "600"],
        ["P-Charging-Vector", "icid-value=secret"],
      ],
    });
  };
  return got;
}

function subscribe(): SipRequest {
  return SipRequest.create("SUBSCRIBE", impu, [
    ["Max-Forwards", "70"],
    ["Route", "<sip:portal.ims.test:443;transport=ws;lr>, <sip:10.9.9.9;lr>"],
    ["From", `<${impu}>;tag=w2`],
    ["To", `<${impu}>`],
    ["Call-ID", "sub-77aa@k3v9q0d1xm.invalid"],
    ["CSeq", "1 SUBSCRIBE"],
    ["Contact", `<${own}>`],
    ["Event", "reg"],
    ["Expires", "600"],
    ["X-Unknown", "stays"],
  ]);
}

describe("SUBSCRIBE of the browser", () => {
  test("EPC-SES-05a EPC-SES-03a EPC-REG-17c two Record-Route entries, the Service-Route, the portal's Contact; dialog identity unchanged", async () => {
    const got = notifier();
    const response = await browser.agent.send(subscribe(), browser);
    expect(response.status).toBe(200);
    const [atCore] = got.map(({ request }) => request);
    if (atCore === undefined) throw new Error("no SUBSCRIBE");
    const [mw, w2, ...more] = atCore.list("Record-Route").map((value) => parseUri(parseNameAddr(value).uri));
    expect([mw?.host, mw?.port, w2?.host, w2?.port]).toEqual(["127.0.0.1", rig.node.mwPort, "portal.ims.test", 443]);
    expect(w2?.params.get("transport")).toBe("ws");
    expect(more).toEqual([]);
    expect(atCore.list("Route")).toEqual([`<sip:orig@127.0.0.1:${rig.core.endpoint.port};transport=tcp;lr>`]);
    expect(parseNameAddr(atCore.get("Contact") ?? "").uri).toBe(binding(rig).contact);
    expect([atCore.callId, atCore.fromTag, atCore.get("X-Unknown")]).toEqual([
      "sub-77aa@k3v9q0d1xm.invalid",
      "w2",
      "stays",
    ]);
    expect(atCore.all("P-Asserted-Identity")).toEqual([`<${impu}>`]);
    expect(atCore.get("P-Charging-Vector")).toContain("icid-value=");
    expect(response.all("Via")).toHaveLength(1);
    expect(response.has("P-Charging-Vector")).toBe(false);
    expect(response.list("Record-Route")).toHaveLength(2);
  });

  test("EPC-SES-19b EPC-SES-05a NOTIFY comes back by the recorded route, its contacts mapped and nothing else changed", async () => {
    const got = notifier();
    const request = subscribe();
    const answer = await browser.agent.send(request, browser);
    const [tx] = got;
    if (tx === undefined) throw new Error("no SUBSCRIBE");
    const text = `<?xml version="1.0"?><reginfo version="0" state="full"><registration aor="${impu}" id="a" state="active"><contact id="c" state="active" event="registered"><uri>${binding(rig).contact}</uri><display-name>Zoë</display-name></contact></registration></reginfo>`;
    const notify = SipRequest.create(
      "NOTIFY",
      binding(rig).contact,
      [
        ["Max-Forwards", "70"],
        ...tx.request.list("Record-Route").map((route): [string, string] => ["Route", route]),
        ["From", answer.get("To") ?? ""],
        ["To", request.get("From") ?? ""],
        ["Call-ID", request.callId],
        ["CSeq", "1 NOTIFY"],
        ["Contact", `<sip:notifier@127.0.0.1:${rig.core.endpoint.port}>`],
        ["Event", "reg"],
        ["Subscription-State", "active;expires=600"],
      ],
      { type: "application/reginfo+xml", text },
    );
    browser.answer = (one) => one.reply(200);
    expect((await rig.core.agent.send(notify, toNode(rig))).status).toBe(200);
    const atBrowser = browser.got.findLast(
      (message) => "method" in message && message.method === "NOTIFY",
    ) as SipRequest;
    expect(atBrowser.uri).toBe(own);
    expect(atBrowser.has("Route")).toBe(false);
    expect(atBrowser.body).toBe(notify.body.replace(binding(rig).contact, own));
    expect([atBrowser.callId, atBrowser.get("Subscription-State"), atBrowser.cseq.number]).toEqual([
      request.callId,
      "active;expires=600",
      1,
    ]);
  });

  test("SEC-02c EPC-SES-03b a refresh goes where the dialog was recorded to go, whatever the browser writes", async () => {
    const got = notifier();
    const request = subscribe();
    const dialog = Dialog.uac(request, await browser.agent.send(request, browser));
    const refresh = dialog.createRequest("SUBSCRIBE", [
      ["Event", "reg"],
      ["Expires", "600"],
    ]);
    refresh.set("Route", "<sip:10.9.9.9;lr>").setUri("sip:victim@10.9.9.8");
    expect((await browser.agent.send(refresh, browser)).status).toBe(200);
    expect(got[1]?.request.uri).toBe(`sip:notifier@127.0.0.1:${rig.core.endpoint.port};transport=tcp`);
    expect(got[1]?.request.toOctets()).not.toMatch(/10\.9\.9/);
  });

  test("SEC-02c a request in a dialog nobody opened here: 481, and nothing leaves", async () => {
    const before = rig.core.got.length;
    for (const method of ["SUBSCRIBE", "NOTIFY", "MESSAGE", "REFER"]) {
      const request = subscribe().set("To", `<${impu}>;tag=made-up`).set("CSeq", `1 ${method}`);
      const forged = SipRequest.create(
        method,
        "sip:10.9.9.9",
        request.headers().filter(([name]) => name !== "Event"),
      );
      expect((await browser.agent.send(forged, browser)).status).toBe(481);
    }
    expect(rig.core.got.slice(before).filter(({ callId }) => callId.includes("sub-"))).toEqual([]);
  });
});

describe("MESSAGE", () => {
  test("EPC-SES-15a EPC-SES-06a up, with the identity asserted; the answer comes back as it is", async () => {
    rig.core.answer = (tx) => tx.reply(202, { headers: [["X-From-Core", "1"]] });
    const response = await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [
      ["P-Preferred-Identity", "<tel:+12125550142>"],
    ]);
    expect(response.status).toBe(202);
    expect(response.get("X-From-Core")).toBe("1");
    const atCore = rig.core.last("MESSAGE");
    expect(atCore.uri).toBe("sip:u0043@acme.ims.test");
    expect(atCore.all("P-Asserted-Identity")).toEqual(["<tel:+12125550142>"]);
    expect(atCore.has("Record-Route")).toBe(false);
    expect(atCore.get("P-Charging-Vector")).toContain('orig-ioi="Type 1ims.test"');
  });

  test("EPC-SES-15a EPC-SES-08 down, with the asserted identity unless Privacy hides it", async () => {
    browser.answer = (tx) => tx.reply(200);
    const shown: [string, string] = ["P-Asserted-Identity", "<tel:+442079460123>"];
    const body = { type: "text/plain", text: "Grüße" };
    expect((await rig.core.agent.send(fromCore(rig, "MESSAGE", { headers: [shown], body }), toNode(rig))).status).toBe(
      200,
    );
    await rig.core.agent.send(fromCore(rig, "MESSAGE", { headers: [shown, ["Privacy", "id"]], body }), toNode(rig));
    const [open, hidden] = browser.got.filter((message) => "method" in message && message.method === "MESSAGE");
    expect(open?.get("P-Asserted-Identity")).toBe("<tel:+442079460123>");
    expect(hidden?.has("P-Asserted-Identity")).toBe(false);
    expect(open?.body).toBe(Buffer.from("Grüße").toString("latin1"));
  });

  test("EPC-SES-07a EPC-SES-07b a forged flow token: 403; a flow that is gone: 430", async () => {
    const forged = fromCore(rig, "MESSAGE", { path: `<sip:1-abc.AAAAAAAAAAAAAAAA@127.0.0.1:${rig.node.mwPort};lr>` });
    expect((await rig.core.agent.send(forged, toNode(rig))).status).toBe(403);
    browser.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    expect((await rig.core.agent.send(fromCore(rig, "MESSAGE"), toNode(rig))).status).toBe(430);
  });

  test("EPC-WS-04a octets that are no UTF-8 reach the browser in a binary frame, unchanged", async () => {
    browser.answer = (tx) => tx.reply(200);
    const request = fromCore(rig, "MESSAGE");
    const plain = request.toOctets().replace("From: ", 'From: "Zo\u00eb" ');
    const via = `SIP/2.0/TCP 127.0.0.1:${rig.core.endpoint.port};branch=z9hG4bKlatin`;
    toNode(rig).send(plain.replace("\r\n", `\r\nVia: ${via}\r\n`));
    const frame = await until(() => browser.raw.find(({ octets }) => octets.startsWith("MESSAGE")));
    expect(frame.binary).toBe(true);
    expect(frame.octets).toContain('"Zo\u00eb"');
    expect(browser.raw.filter(({ binary }) => binary)).toHaveLength(1);
  });

  test("a browser that closes while it is asked: 430 at once", async () => {
    browser.answer = () => browser.socket.terminate();
    expect((await rig.core.agent.send(fromCore(rig, "MESSAGE"), toNode(rig))).status).toBe(430);
  });
});

for (const method of ["SUBSCRIBE", "NOTIFY", "MESSAGE", "PUBLISH", "OPTIONS", "REFER"]) {
  test(`EPC-SES-15a ${method} passes both ways`, async () => {
    rig.core.answer = (tx) => tx.reply(299);
    const headers: [string, string][] = [
      ["Contact", `<${own}>`],
      ["Refer-To", "<sip:u0044@acme.ims.test>"],
    ];
    expect((await browser.request(method, "sip:u0043@acme.ims.test", headers)).status).toBe(299);
    browser.answer = (tx) => tx.reply(298, { headers: [["Contact", `<${own}>`]] });
    const down = await rig.core.agent.send(
      fromCore(rig, method, { headers: [["Contact", "<sip:x@127.0.0.1>"]] }),
      toNode(rig),
    );
    expect(down.status).toBe(298);
    // The browser's address is of no use to the core.
    expect(parseNameAddr(down.get("Contact") ?? "").uri).toBe(binding(rig).contact);
  });
}

test("OPTIONS of the core for the node itself: 200", async () => {
  const request = SipRequest.create("OPTIONS", `sip:127.0.0.1:${rig.node.mwPort}`, [
    ["Max-Forwards", "70"],
    ["From", "<sip:icscf.ims.test>;tag=o"],
    ["To", "<sip:portal.ims.test>"],
    ["Call-ID", "opt-1"],
    ["CSeq", "1 OPTIONS"],
  ]);
  expect((await rig.core.agent.send(request, toNode(rig))).status).toBe(200);
});

test("EPC-WS-12a the core may speak UDP to the portal as well", async () => {
  browser.answer = (tx) => tx.reply(200);
  expect((await rig.core.agent.send(fromCore(rig, "MESSAGE"), toNode(rig, "UDP"))).status).toBe(200);
});
