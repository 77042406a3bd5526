import { parseNameAddr, parseUri } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { binding, callIn, context, idle, nextAtBrowser, registered, ring, sdp } from "./support/call.ts";
import { impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { chromiumAnswer, plainSdp } from "./support/sdp.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

const contact: [string, string] = ["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"];

describe("INVITE toward the browser", () => {
  test("EPC-SES-07a EPC-SES-07c PRV-02b by the Path to the browser's own Contact, trust-domain headers removed, the caller shown", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig, {
      headers: [
        ["P-Asserted-Identity", "<tel:+442079460123>"],
        ["P-Asserted-Service", "urn:urn-7:3gpp-service.ims.icsi.mmtel"],
        ["P-Called-Party-ID", "<tel:+12125550142>"],
        ["P-Charging-Vector", 'icid-value="mg3-771";orig-ioi="Type 1ims.test"'],
        ["P-Charging-Function-Addresses", "ccf=10.30.0.5"],
        ["P-Served-User", "<sip:u0042@acme.ims.test>"],
      ],
    });
    const { invite } = (await incoming).usage;
    expect(invite.uri).toBe("sip:u0042@k3v9q0d1xm.invalid;transport=ws");
    expect(invite.all("Via")).toHaveLength(1);
    expect(invite.has("Record-Route")).toBe(false);
    expect(invite.get("P-Asserted-Identity")).toBe("<tel:+442079460123>");
    expect(invite.get("P-Called-Party-ID")).toBe("<tel:+12125550142>");
    const text = invite.toOctets();
    for (const gone of [
      "mg3-771",
      "10.30.0.5",
      "P-Served-User",
      "P-Asserted-Service",
      far.usage.invite.callId,
      "10.40.7",
    ]) {
      expect(text).not.toContain(gone);
    }
    expect(invite.get("Max-Forwards")).toBe("65");
  });

  test("EPC-SES-08 PRV-02a with Privacy: id the asserted identity stays here and the caller is anonymous", async () => {
    const incoming = nextAtBrowser(browser);
    ring(rig, {
      from: '"Ken Adams" <sip:+442079460123@op2.example;user=phone>',
      headers: [
        ["P-Asserted-Identity", "<tel:+442079460123>"],
        ["Privacy", "id"],
      ],
    });
    const { invite } = (await incoming).usage;
    expect(invite.toOctets()).not.toMatch(/442079460123|Ken Adams/);
    expect(invite.from.uri).toBe("sip:anonymous@anonymous.invalid");
    expect(invite.get("Privacy")).toBe("id");
  });

  test("EPC-SES-07a EPC-REG-11b a tampered flow token: 403", async () => {
    const { path } = binding(rig);
    const { user = "" } = parseUri(parseNameAddr(path).uri);
    const forged = [user.replace(/.$/, (last) => (last === "A" ? "B" : "A")), user.replace(/^\d+/, "77"), "1-abcdefgh"];
    for (const token of forged) {
      const far = ring(rig, { path: path.replace(user, token) });
      expect((await until(() => far.rejected)).status).toBe(403);
    }
    expect(browser.got.some((message) => "method" in message && message.method === "INVITE")).toBe(false);
  });

  test("EPC-SES-07b EPC-DER-04b a flow that is gone: 430, and the registration waits", async () => {
    browser.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    const far = ring(rig);
    expect((await until(() => far.rejected)).status).toBe(430);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("SDP-15d without an offer the browser is asked for one; the core answers in its ACK", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig, { offer: "", late: plainSdp({ codecs: "8 99", port: 47_000 }) });
    const near = await incoming;
    expect(near.usage.invite.body).toMatch(/UDP\/TLS\/RTP\/SAVPF 8 0 126/);
    near.usage.accept({ headers: [contact], body: sdp(chromiumAnswer()) });
    const offer = await until(() => far.accepted);
    expect(offer.body).toMatch(/m=audio \d+ RTP\/AVP 8 0 101/);
    await until(() => context(rig).coreRemote?.port === 47_000);
    expect(context(rig).flow).toMatchObject({ toCore: true, toAccess: true });
  });

  test("EPC-SES-14b an extension that is required and not here: 420 with Unsupported", async () => {
    const far = ring(rig, { headers: [["Require", "100rel, precondition"]] });
    const response = await until(() => far.rejected);
    expect(response.status).toBe(420);
    expect(response.get("Unsupported")).toBe("precondition");
  });

  test("EPC-SES-14a preconditions that are merely supported: the call is answered without them", async () => {
    const { far } = await callIn(rig, browser, { headers: [["Supported", "precondition"]] });
    expect(far.accepted?.status).toBe(200);
    expect(far.accepted?.body).not.toContain("qos");
  });
});

describe("answers of the browser", () => {
  test("EPC-SES-07d CHG-01b the called identity is asserted in 180 and 200, with the core's ICID and the own term-ioi", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig, {
      headers: [
        ["P-Called-Party-ID", "<tel:+12125550142>"],
        ["P-Charging-Vector", 'icid-value="mg3-771";orig-ioi="Type 1op2.example"'],
      ],
    });
    const near = await incoming;
    near.usage.progress(180, { headers: [contact, ["P-Asserted-Identity", "<sip:boss@ims.test>"]] });
    near.usage.accept({ headers: [contact], body: sdp(chromiumAnswer()) });
    const accepted = await until(() => far.accepted);
    for (const response of [far.responses[0], accepted]) {
      expect(response?.all("P-Asserted-Identity")).toEqual(["<tel:+12125550142>"]);
      expect(response?.get("P-Charging-Vector")).toBe(
        'icid-value="mg3-771";orig-ioi="Type 1op2.example";term-ioi="Type 1ims.test"',
      );
      expect(response?.toOctets()).not.toMatch(/\.invalid|boss/);
    }
  });

  test("EPC-SES-07d called by an identity that is not hers, the default IMPU is asserted", async () => {
    const { far } = await callIn(rig, browser, { headers: [["P-Called-Party-ID", "<sip:boss@ims.test>"]] });
    expect(far.accepted?.get("P-Asserted-Identity")).toBe(`<${impu}>`);
  });

  test("EPC-SES-11a the core that requires 100rel gets a reliable 180; the browser's leg knows nothing of it", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig, { headers: [["Require", "100rel"]] });
    const near = await incoming;
    near.usage.progress(180, { headers: [contact] });
    const ringing = await until(() => far.responses[0]);
    expect(ringing.get("RSeq")).toMatch(/^\d+$/);
    near.usage.accept({ headers: [contact], body: sdp(chromiumAnswer()) });
    expect((await until(() => far.accepted)).status).toBe(200);
    expect(near.pracks).toHaveLength(0);
  });

  test("EPC-SES-13c P-Early-Media of the browser stays here", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig);
    const near = await incoming;
    near.usage.progress(180, { headers: [contact, ["P-Early-Media", "sendrecv"]] });
    expect((await until(() => far.responses[0])).has("P-Early-Media")).toBe(false);
  });

  const mapped: [number, number][] = [
    [486, 486],
    [603, 603],
    [480, 480],
    [302, 480],
    [401, 480],
  ];
  for (const [given, seen] of mapped) {
    test(`EPC-SES-10a the browser's ${given} reaches the core as ${seen}`, async () => {
      const incoming = nextAtBrowser(browser);
      const far = ring(rig);
      (await incoming).usage.reject(given);
      expect((await until(() => far.rejected)).status).toBe(seen);
      expect(idle(rig)).toBe(true);
    });
  }

  test("an answer without audio: the browser gets BYE, the core 488", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig);
    const near = await incoming;
    near.usage.accept({ headers: [contact], body: sdp(chromiumAnswer().replace("m=audio 54400", "m=audio 0")) });
    expect((await until(() => far.rejected)).status).toBe(488);
    await until(() => near.ended);
    expect(idle(rig)).toBe(true);
  });
});

describe("ends", () => {
  test("EPC-SES-10a CANCEL of the core reaches the browser with its Reason", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig);
    const near = await incoming;
    near.usage.progress(180, { headers: [contact] });
    await until(() => far.responses.length > 0);
    far.usage.cancel([["Reason", 'SIP;cause=200;text="Call completed elsewhere"']]);
    const cancel = await until(() => near.cancelled);
    expect(cancel.get("Reason")).toContain("cause=200");
    expect((await until(() => far.rejected)).status).toBe(487);
    expect(idle(rig)).toBe(true);
  });

  test("BYE of either side", async () => {
    const first = await callIn(rig, browser);
    first.near.usage.bye();
    await until(() => first.far.ended);
    const second = await callIn(rig, browser);
    second.far.usage.bye();
    await until(() => second.near.ended);
    expect(idle(rig)).toBe(true);
  });

  test("EPC-DER-04b the socket breaks while it rings: 430 for the core", async () => {
    const incoming = nextAtBrowser(browser);
    const far = ring(rig);
    const near = await incoming;
    near.usage.progress(180, { headers: [contact] });
    await until(() => far.responses.length > 0);
    browser.socket.terminate();
    expect((await until(() => far.rejected)).status).toBe(430);
    expect(idle(rig)).toBe(true);
  });

  test("AGW-20a no media resources: 503 for the core", async () => {
    rig.media.full = true;
    const far = ring(rig);
    expect((await until(() => far.rejected)).status).toBe(503);
  });
});
