import { parseNameAddr } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { callOut, contactOf, context, dial, idle, nextAtCore, registered, sdp } from "./support/call.ts";
import { impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { plainSdp } from "./support/sdp.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

/** The identities the core is told for an INVITE with these headers. */
async function identities(headers: [string, string][]): Promise<string[]> {
  const incoming = nextAtCore(rig);
  dial(browser, { headers });
  const { usage } = await incoming;
  usage.reject(486);
  expect(usage.invite.has("P-Preferred-Identity")).toBe(false);
  return usage.invite.all("P-Asserted-Identity");
}

const icid = (text = ""): string | undefined => /icid-value="([^"]+)"/.exec(text)?.[1];

describe("INVITE toward the core", () => {
  test("EPC-SES-04b EPC-SES-05b EPC-SES-06a one Via, no Record-Route, the default IMPU asserted, Service-Route and an ICID", async () => {
    const incoming = nextAtCore(rig);
    dial(browser, { headers: [["P-Charging-Vector", "icid-value=mine"]] });
    const { invite } = (await incoming).usage;
    expect(invite.uri).toBe("tel:+442079460123");
    expect(invite.all("Via")).toHaveLength(1);
    expect(invite.has("Record-Route")).toBe(false);
    expect(invite.list("Route")).toEqual([`<sip:orig@127.0.0.1:${rig.core.endpoint.port};transport=tcp;lr>`]);
    expect(invite.all("P-Asserted-Identity")).toEqual([`<${impu}>`]);
    expect(invite.get("P-Charging-Vector")).toMatch(
      /^icid-value="[^"]+";icid-generated-at=127\.0\.0\.1;orig-ioi="Type 1ims\.test"$/,
    );
    expect(invite.callId).not.toContain(".invalid");
    expect(invite.get("Max-Forwards")).toBe("69");
    expect(invite.from.uri).toBe(impu);
    expect(invite.from.display).toBe("Mary Jones");
  });

  test("EPC-SES-04a EPC-SES-04b of what the browser claims only a registered preferred identity counts", async () => {
    expect(await identities([["P-Asserted-Identity", "<sip:boss@ims.test>"]])).toEqual([`<${impu}>`]);
    expect(await identities([["P-Preferred-Identity", "<tel:+12125550142>"]])).toEqual(["<tel:+12125550142>"]);
    expect(await identities([["P-Preferred-Identity", "<sip:boss@ims.test>"]])).toEqual([`<${impu}>`]);
  });

  test("EPC-SES-06b EPC-SES-02a the token of a request is checked and stays here, Security-* too", async () => {
    const incoming = nextAtCore(rig);
    const token = await rig.token();
    dial(browser, {
      headers: [
        ["Authorization", `Bearer ${token}`],
        ["Security-Client", "ipsec-3gpp;alg=x"],
        ["Security-Verify", "ipsec-3gpp;alg=x"],
      ],
    });
    const { invite } = (await incoming).usage;
    expect(invite.toOctets()).not.toContain(token);
    expect(invite.headers().filter(([name]) => /^(security-|authorization)/i.test(name))).toEqual([]);
  });

  test("EPC-SES-02a an invalid token in an INVITE: 401, a foreign identity's: 403, and no call", async () => {
    const invalid = dial(browser, { headers: [["Authorization", "Bearer no.such.token"]] });
    expect((await until(() => invalid.rejected)).status).toBe(401);
    expect(invalid.rejected?.get("WWW-Authenticate")).toContain('error="invalid_token"');
    const foreign = await rig.token({ impu: "sip:u0043@acme.ims.test" });
    const other = dial(browser, { headers: [["Authorization", `Bearer ${foreign}`]] });
    expect((await until(() => other.rejected)).status).toBe(403);
    expect(rig.core.got.some(({ method }) => method === "INVITE")).toBe(false);
    expect(idle(rig)).toBe(true);
  });

  test("EPC-SES-02b without a token a registered flow is enough, an unregistered one is not", async () => {
    const stranger = await rig.connect();
    const refused = dial(stranger);
    expect((await until(() => refused.rejected)).status).toBe(403);
    const { near } = await callOut(rig, browser);
    expect(near.accepted?.status).toBe(200);
  });

  test("EPC-SES-21 PRV-02a an anonymous caller keeps From and Privacy, the identity is asserted all the same", async () => {
    const incoming = nextAtCore(rig);
    dial(browser, { from: '"Anonymous" <sip:anonymous@anonymous.invalid>', headers: [["Privacy", "id"]] });
    const { invite } = (await incoming).usage;
    expect(invite.from.uri).toBe("sip:anonymous@anonymous.invalid");
    expect(invite.get("Privacy")).toBe("id");
    expect(invite.get("P-Asserted-Identity")).toBe(`<${impu}>`);
  });

  test("SEC-02c EPC-SES-03b a Route of the browser's own choice does not leave", async () => {
    const incoming = nextAtCore(rig);
    dial(browser, { headers: [["Route", "<sip:10.9.9.9;lr>"]] });
    const { invite } = (await incoming).usage;
    expect(invite.toOctets()).not.toContain("10.9.9.9");
    expect(invite.list("Route")).toHaveLength(1);
  });

  test("PRV-02c a From that is not hers is not what the called party sees", async () => {
    const incoming = nextAtCore(rig);
    dial(browser, { from: '"The Boss" <sip:boss@ims.test>' });
    expect((await incoming).usage.invite.from.uri).toBe(impu);
  });

  test("EPC-SES-06c Max-Forwards 0: 483, and nothing goes to the core", async () => {
    const before = rig.core.got.length;
    for (const method of ["REGISTER", "MESSAGE"]) {
      const response = await browser.request(method, method === "REGISTER" ? "sip:ims.test" : impu, [
        ["Max-Forwards", "0"],
        ["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"],
        ["Authorization", `Bearer ${await rig.token()}`],
      ]);
      expect(response.status).toBe(483);
    }
    expect(rig.core.got.filter(({ method }) => method !== "SUBSCRIBE").length).toBeLessThanOrEqual(before);
  });
});

describe("answers of the core", () => {
  test("EPC-SES-10a EPC-SES-11a 180, a reliable 183 with SDP, 200: each leg has its own tags, PRACK goes to the core only", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    const far = await incoming;
    far.usage.progress(180, { headers: [contactOf(rig)] });
    await until(() => near.responses.some(({ status }) => status === 180));
    far.usage.progress(183, {
      headers: [contactOf(rig), ["P-Asserted-Identity", "<tel:+442079460123>"]],
      body: sdp(plainSdp()),
      reliable: true,
    });
    const session = await until(() => near.responses.find(({ status }) => status === 183));
    expect(await until(() => far.pracks[0]?.get("RAck"))).toMatch(/ 1 INVITE$/);
    expect(session.has("RSeq")).toBe(false);
    expect(session.get("P-Asserted-Identity")).toBe("<tel:+442079460123>");
    expect(session.body).toContain("a=ice-lite");
    far.usage.accept({ headers: [contactOf(rig)] });
    const answer = await until(() => near.accepted);
    // RFC 6337 §2.2: the 200 repeats the answer of an unreliable 183.
    expect(answer.body).toBe(session.body);
    expect(answer.toTag).not.toBe(far.usage.dialog?.state.localTag);
    await until(() => far.acks.length === 1);
    expect(browser.got.some((message) => "method" in message && message.method === "PRACK")).toBe(false);
  });

  test("EPC-SES-10b two forks: the browser has one call and one answer, media follow who accepts", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    const far = await incoming;
    const { invite } = far.usage;
    far.usage.progress(183, { headers: [contactOf(rig)], body: sdp(plainSdp({ port: 42_000 })) });
    await until(() => context(rig).coreRemote?.port === 42_000);
    const { createResponse } = await import("@portico/sip");
    const other = createResponse(invite, 200, {
      toTag: "fork2",
      headers: [contactOf(rig), ["P-Asserted-Identity", '"Ken Adams" <tel:+442079460199>']],
      body: sdp(plainSdp({ port: 43_000, address: "10.40.7.10" })),
    });
    far.usage.hop.send(other.toOctets());
    const answer = await until(() => near.accepted);
    expect(answer.body).toBe(near.responses.find(({ status }) => status === 183)?.body);
    expect(context(rig).coreRemote).toMatchObject({ address: "10.40.7.10", port: 43_000 });
    expect(parseNameAddr(answer.get("P-Asserted-Identity") ?? "").uri).toBe("tel:+442079460199");
  });

  test("EPC-SES-13a EPC-SES-13b P-Early-Media opens and shuts the gate until the answer", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser, { headers: [["P-Early-Media", "supported"]] });
    const far = await incoming;
    expect(far.usage.invite.get("P-Early-Media")).toBe("supported");
    far.usage.progress(183, { headers: [contactOf(rig), ["P-Early-Media", "inactive"]], body: sdp(plainSdp()) });
    await until(() => context(rig).flow);
    expect(context(rig).flow).toMatchObject({ toCore: false, toAccess: false });
    far.usage.progress(180, { headers: [contactOf(rig), ["P-Early-Media", "sendonly, gated"]] });
    await until(() => context(rig).flow?.toAccess);
    expect(context(rig).flow).toMatchObject({ toCore: false, toAccess: true });
    far.usage.accept({ headers: [contactOf(rig)] });
    await until(() => near.accepted);
    expect(context(rig).flow).toMatchObject({ toCore: true, toAccess: true });
  });

  const mapped: [number, number][] = [
    [486, 486],
    [404, 404],
    [603, 603],
    [480, 480],
    [302, 480],
    [401, 503],
    [407, 503],
  ];
  for (const [given, seen] of mapped) {
    test(`EPC-SES-10a the core's ${given} reaches the browser as ${seen}, and nothing is left`, async () => {
      const incoming = nextAtCore(rig);
      const near = dial(browser);
      const far = await incoming;
      far.usage.reject(given, {
        headers: [
          ["Reason", "Q.850;cause=17"],
          ["Contact", "<sip:elsewhere@op2.example>"],
          ["WWW-Authenticate", 'Digest realm="ims.test", nonce="n"'],
        ],
      });
      const response = await until(() => near.rejected);
      expect(response.status).toBe(seen);
      expect(response.get("Reason")).toBe("Q.850;cause=17");
      expect(response.has("WWW-Authenticate")).toBe(false);
      expect(response.has("Contact")).toBe(false);
      expect(idle(rig)).toBe(true);
    });
  }

  test("a 200 without any description ends both sides", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    const far = await incoming;
    far.usage.accept({ headers: [contactOf(rig)] });
    expect((await until(() => near.rejected)).status).toBe(502);
    expect((await until(() => far.ended)).by).toBe("peer");
    expect(idle(rig)).toBe(true);
  });
});

describe("ends", () => {
  test("EPC-SES-10a CANCEL of the browser reaches the core with its Reason; 487, and the media are free", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    const far = await incoming;
    far.usage.progress(180, { headers: [contactOf(rig)] });
    await until(() => near.responses.length > 0);
    near.usage.cancel([["Reason", 'SIP;cause=487;text="gone"']]);
    expect((await until(() => far.cancelled)).get("Reason")).toBe('SIP;cause=487;text="gone"');
    expect((await until(() => near.rejected)).status).toBe(487);
    expect(idle(rig)).toBe(true);
  });

  test("BYE of the browser reaches the core with its Reason and the ICID of the call", async () => {
    const { near, far } = await callOut(rig, browser);
    near.usage.bye([["Reason", "Q.850;cause=16"]]);
    const { message } = await until(() => far.ended);
    expect(message?.get("Reason")).toBe("Q.850;cause=16");
    expect(idle(rig)).toBe(true);
  });

  test("CHG-01a the ICID of the INVITE stays that of the call, another call has another", async () => {
    const first = await callOut(rig, browser);
    first.near.usage.bye();
    const { message } = await until(() => first.far.ended);
    expect(icid(message?.get("P-Charging-Vector"))).toBe(icid(first.far.usage.invite.get("P-Charging-Vector")));
    const second = await callOut(rig, browser);
    expect(icid(second.far.usage.invite.get("P-Charging-Vector"))).not.toBe(icid(message?.get("P-Charging-Vector")));
  });

  test("BYE of the core reaches the browser with its Reason", async () => {
    const { near, far } = await callOut(rig, browser);
    far.usage.bye([["Reason", "Q.850;cause=16"]]);
    const { message } = await until(() => near.ended);
    expect(message?.get("Reason")).toBe("Q.850;cause=16");
    expect(message?.has("P-Charging-Vector")).toBe(false);
    expect(idle(rig)).toBe(true);
  });

  test("AGW-20a no media resources: 503, and nothing goes to the core", async () => {
    rig.media.full = true;
    const leg = dial(browser);
    expect((await until(() => leg.rejected)).status).toBe(503);
    expect(rig.alarms).toContain("media.exhausted");
    expect(rig.core.got.some(({ method }) => method === "INVITE")).toBe(false);
  });

  test("EPC-SES-09a the media plane's failure ends both sides with a Reason", async () => {
    const { near, far } = await callOut(rig, browser);
    context(rig).emit({ type: "inactive", seconds: 30 });
    const [atBrowser, atCore] = await Promise.all([until(() => near.ended), until(() => far.ended)]);
    expect(atBrowser.message?.get("Reason")).toContain("SIP;cause=503");
    expect(atCore.message?.get("Reason")).toContain("SIP;cause=503");
    expect(idle(rig)).toBe(true);
  });
});
