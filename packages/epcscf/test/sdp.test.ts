import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  callIn,
  callOut,
  contactOf,
  context,
  dial,
  idle,
  nextAtBrowser,
  nextAtCore,
  registered,
  ring,
  sdp,
} from "./support/call.ts";
import { openRig, type Browser, type Rig } from "./support/rig.ts";
import { chromiumAnswer, chromiumOffer, moreLines, plainSdp } from "./support/sdp.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

const part = (type: string, text: string): string => `--b1\r\nContent-Type: ${type}\r\n\r\n${text}\r\n`;

const linesOf = (text: string, start: string): string[] => text.split("\r\n").filter((line) => line.startsWith(start));

/** The offer at the core for an offer of the browser. */
async function offered(offer: string): Promise<string> {
  const incoming = nextAtCore(rig);
  dial(browser, { offer });
  return (await incoming).usage.invite.body;
}

/** The answer at the browser for its offer and an answer of the core. */
async function answered(offer: string, answer: string): Promise<string> {
  const incoming = nextAtCore(rig);
  const near = dial(browser, { offer });
  (await incoming).usage.accept({ headers: [contactOf(rig)], body: sdp(answer) });
  return (await until(() => near.accepted)).body;
}

describe("offer of the browser", () => {
  test("SDP-01 SDP-02 SDP-06b plain RTP at the gateway's address; bandwidth, ptime and maxptime added", async () => {
    const offer = await offered(chromiumOffer());
    expect(offer).toMatch(/^o=- \d+ 1 IN IP4 192\.0\.2\.50\r$/m);
    expect(linesOf(offer, "c=")).toEqual(["c=IN IP4 192.0.2.50"]);
    expect(linesOf(offer, "m=")).toEqual([`m=audio ${context(rig).core.port} RTP/AVP 8 0 101`]);
    expect(linesOf(offer, "b=")).toEqual(["b=AS:80", "b=RS:600", "b=RR:2000"]);
    expect(offer).toContain("a=ptime:20\r\na=maxptime:240\r\n");
    for (const gone of ["a=setup", "a=fingerprint", "a=tls-id", "SAVP", "198.51.100.23"])
      expect(offer).not.toContain(gone);
  });

  test("SDP-03 SDP-04 SDP-05 nothing of WebRTC and ICE, and no 0.0.0.0 or port 9, reaches the core", async () => {
    const offer = await offered(
      chromiumOffer().replace("54400 UDP", "9 UDP").replace("c=IN IP4 198.51.100.23", "c=IN IP4 0.0.0.0") + moreLines,
    );
    const gone =
      /BUNDLE|bundle-only|a=mid|msid|ssrc|extmap|rtcp-rsize|rtcp-mux|a=rid|simulcast|transport-cc|goog-remb|ice-|candidate|\.local|0\.0\.0\.0|red\/|opus/;
    expect(offer).not.toMatch(gone);
    expect(linesOf(offer, "m=")).toHaveLength(1);
    expect(linesOf(offer, "m=audio 9 ")).toEqual([]);
  });

  test("SDP-06a SDP-06c common codecs in the operator's order, telephone-event at their clock rate", async () => {
    const offer = await offered(chromiumOffer({ codecs: "111 0 8 110 126" }));
    expect(linesOf(offer, "m=")[0]).toMatch(/RTP\/AVP 8 0 101$/);
    expect(offer).toContain("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15");
    const without = await offered(chromiumOffer({ codecs: "0 110" }));
    expect(linesOf(without, "m=")[0]).toMatch(/RTP\/AVP 0$/);
  });

  test("SDP-19 no codec in common: 488 with Warning, and no call at the core", async () => {
    for (const offer of [
      chromiumOffer({ codecs: "111 63" }),
      chromiumOffer().replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
    ]) {
      const leg = dial(browser, { offer });
      const response = await until(() => leg.rejected);
      expect(response.status).toBe(488);
      expect(response.get("Warning")).toMatch(/^305 127\.0\.0\.1:\d+ "No audio codec in common"$/);
    }
    expect(rig.core.got.some(({ method }) => method === "INVITE")).toBe(false);
    expect(idle(rig)).toBe(true);
  });

  test("SDP-10 an SDES offer of either side: 488", async () => {
    const sdes = chromiumOffer()
      .replace("UDP/TLS/RTP/SAVPF", "RTP/SAVPF")
      .replace(/a=fingerprint.*\r\n/, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\r\n");
    const up = dial(browser, { offer: sdes });
    expect((await until(() => up.rejected)).status).toBe(488);
    const down = ring(rig, { offer: plainSdp().replace("RTP/AVP", "RTP/SAVP") });
    expect((await until(() => down.rejected)).status).toBe(488);
  });

  test("SDP-16a an encrypted or opaque body of either side: 415 with Accept", async () => {
    const body = { type: "application/pkcs7-mime; smime-type=enveloped-data", text: "MIIB" };
    for (const leg of [dial(browser, { body }), ring(rig, { body })]) {
      const response = await until(() => leg.rejected);
      expect(response.status).toBe(415);
      expect(response.get("Accept")).toBe("application/sdp");
    }
    expect(idle(rig)).toBe(true);
  });

  test("SDP-11b SDP-12 what the browser may send: ice-lite, host candidates only, no trickle; its names are ignored", async () => {
    const answer = await answered(chromiumOffer(), plainSdp());
    expect(answer.indexOf("a=ice-lite")).toBeLessThan(answer.indexOf("m=audio"));
    expect(linesOf(answer, "a=candidate").every((line) => line.endsWith("typ host"))).toBe(true);
    expect(answer).not.toContain("trickle");
    expect(JSON.stringify(context(rig).accessRemote)).not.toContain(".local");
  });
});

describe("answer for the browser", () => {
  test("SDP-07a SDP-07c protocol, payload types, m-lines, mid and BUNDLE are those of its offer; other m-lines get port 0", async () => {
    const offer = chromiumOffer().replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 1 2") + moreLines;
    const answer = await answered(offer, plainSdp());
    expect(linesOf(answer, "m=")).toEqual([
      `m=audio ${context(rig).access.port} UDP/TLS/RTP/SAVPF 8 126`,
      "m=video 0 UDP/TLS/RTP/SAVPF 96",
      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
    ]);
    expect(linesOf(answer, "a=mid:")).toEqual(["a=mid:0", "a=mid:1", "a=mid:2"]);
    expect(linesOf(answer, "a=group:")).toEqual(["a=group:BUNDLE 0"]);
    expect(answer).toContain("a=rtpmap:126 telephone-event/8000");
  });

  test("SDP-07b address, fingerprint, ICE and rtcp-mux are the gateway's; no tls-id", async () => {
    const answer = await answered(chromiumOffer(), plainSdp());
    const { access } = context(rig);
    expect(linesOf(answer, "c=")).toEqual([`c=IN IP4 ${access.address}`]);
    expect(linesOf(answer, "a=fingerprint")).toEqual([`a=fingerprint:sha-256 ${access.fingerprint.value}`]);
    expect(linesOf(answer, "a=ice-ufrag")).toEqual([`a=ice-ufrag:${access.ufrag}`]);
    expect(linesOf(answer, "a=ice-pwd")).toEqual([`a=ice-pwd:${access.pwd}`]);
    expect(answer).toContain("a=rtcp-mux");
    expect(answer).not.toMatch(/tls-id|10\.40\.7\.9/);
  });

  const roles: [string, string, string][] = [
    ["actpass", "passive", "active"],
    ["active", "passive", "active"],
    ["passive", "active", "passive"],
  ];
  for (const [setup, ours, theirs] of roles) {
    test(`SDP-08 setup:${setup} is answered ${ours}`, async () => {
      const answer = await answered(chromiumOffer({ setup }), plainSdp());
      expect(linesOf(answer, "a=setup")).toEqual([`a=setup:${ours}`]);
      expect(context(rig).accessRemote?.setup).toBe(theirs);
    });
  }

  test("SDP-06a the core's order and payload types hold on its side, the browser's on hers", async () => {
    const answer = await answered(chromiumOffer(), plainSdp({ codecs: "0 8 99" }));
    expect(linesOf(answer, "m=")[0]).toMatch(/SAVPF 0 8 126$/);
    expect(context(rig).flow?.events).toMatchObject({ access: { payloadType: 126 }, core: { payloadType: 99 } });
    expect(context(rig).coreRemote).toMatchObject({ address: "10.40.7.9", port: 41_002 });
  });

  test("the SDP part of a multipart body is the offer", async () => {
    const incoming = nextAtBrowser(browser);
    const text = `${part("application/isup", "x")}${part("application/sdp", plainSdp())}--b1--\r\n`;
    ring(rig, { body: { type: 'multipart/mixed; boundary="b1"', text } });
    expect((await incoming).usage.invite.body).toContain("SAVPF 8 126");
  });
});

describe("offer for the browser", () => {
  test("SDP-09 SDP-07c actpass, SAVPF, fingerprint and ICE of the gateway, and no BUNDLE group", async () => {
    const incoming = nextAtBrowser(browser);
    ring(rig);
    const { body } = (await incoming).usage.invite;
    expect(linesOf(body, "m=")).toEqual([`m=audio ${context(rig).access.port} UDP/TLS/RTP/SAVPF 8 126`]);
    expect(linesOf(body, "a=setup")).toEqual(["a=setup:actpass"]);
    expect(linesOf(body, "a=fingerprint")).toHaveLength(1);
    expect(body).toContain("a=ice-lite");
    expect(body).not.toMatch(/BUNDLE|AMR|tls-id|10\.40\.7/);
  });

  test("SDP-09 the browser's active answer makes the gateway the DTLS server; the core gets plain RTP", async () => {
    const { far } = await callIn(rig, browser);
    expect(context(rig).accessRemote).toMatchObject({ setup: "active", ufrag: "4ZcD" });
    const answer = far.accepted?.body ?? "";
    expect(linesOf(answer, "m=")).toEqual([`m=audio ${context(rig).core.port} RTP/AVP 8 99`]);
    expect(answer).not.toMatch(/ice-|fingerprint|setup|198\.51/);
  });
});

describe("offers in a session", () => {
  const methods = ["INVITE", "UPDATE"];
  for (const method of methods) {
    test(`SDP-15a EPC-SES-11b hold and resume by the browser's ${method}`, async () => {
      const { near, far } = await callOut(rig, browser);
      far.onInside = (tx) => {
        const held = tx.request.body.includes("a=sendonly");
        tx.reply(200, {
          headers: [contactOf(rig)],
          body: sdp(plainSdp({ direction: held ? "recvonly" : "sendrecv", version: 2 })),
        });
      };
      const before = linesOf(near.accepted?.body ?? "", "o=")[0];
      const held = await near.usage.request(method, {
        body: sdp(chromiumOffer({ direction: "sendonly", version: 3 })),
      });
      expect(held.status).toBe(200);
      expect(held.body).toContain("a=recvonly");
      expect(held.has("Contact")).toBe(true);
      expect(linesOf(held.body, "a=setup")).toEqual(["a=setup:passive"]);
      expect(linesOf(held.body, "o=")[0]).not.toBe(before);
      expect(context(rig).flow).toMatchObject({ toCore: true, toAccess: false });
      expect(far.inside[0]?.request.body).toContain("a=sendonly");
      const resumed = await near.usage.request(method, { body: sdp(chromiumOffer({ version: 4 })) });
      expect(resumed.body).toContain("a=sendrecv");
      expect(context(rig).flow).toMatchObject({ toCore: true, toAccess: true });
      expect(rig.media.contexts).toHaveLength(1);
    });

    test(`SDP-15a EPC-SES-11b hold and resume by the core's ${method}`, async () => {
      const { near, far } = await callOut(rig, browser);
      near.onInside = (tx) => {
        const held = tx.request.body.includes("a=sendonly");
        tx.reply(200, { body: sdp(chromiumAnswer({ direction: held ? "recvonly" : "sendrecv", codecs: "8 126" })) });
      };
      const held = await far.usage.request(method, { body: sdp(plainSdp({ direction: "sendonly", version: 2 })) });
      expect(held.status).toBe(200);
      expect(held.body).toContain("a=recvonly");
      expect(context(rig).flow).toMatchObject({ toCore: false, toAccess: true });
      expect(near.inside[0]?.request.body).toContain("a=setup:actpass");
      const resumed = await far.usage.request(method, { body: sdp(plainSdp({ version: 3 })) });
      expect(resumed.body).toContain("a=sendrecv");
      expect(context(rig).flow).toMatchObject({ toCore: true, toAccess: true });
    });
  }

  test("SDP-15a the old hold, c=0.0.0.0, stops what goes to the core and keeps its address", async () => {
    const { near, far } = await callOut(rig, browser);
    near.onInside = (tx) => tx.reply(200, { body: sdp(chromiumAnswer({ direction: "sendonly", codecs: "8 126" })) });
    await far.usage.request("INVITE", { body: sdp(plainSdp({ address: "0.0.0.0", version: 2 })) });
    expect(context(rig).flow?.toCore).toBe(false);
    expect(context(rig).coreRemote?.address).toBe("10.40.7.9");
  });

  for (const status of [488, 491, 500]) {
    test(`EPC-SES-11c an offer refused with ${status} changes nothing, from either side`, async () => {
      const { near, far } = await callOut(rig, browser);
      const refuse = (leg: typeof near): void => {
        leg.onInside = (tx) => tx.reply(status, status === 500 ? { headers: [["Retry-After", "3"]] } : {});
      };
      refuse(near);
      refuse(far);
      const plan = context(rig).flow;
      const up = await near.usage.request("INVITE", {
        body: sdp(chromiumOffer({ direction: "inactive", version: 3 })),
      });
      const down = await far.usage.request("INVITE", { body: sdp(plainSdp({ direction: "inactive", port: 45_000 })) });
      expect([up.status, down.status]).toEqual([status, status]);
      expect(up.get("Retry-After")).toBe(status === 500 ? "3" : undefined);
      expect(context(rig).flow).toEqual(plan);
      expect(context(rig).coreRemote?.port).toBe(41_002);
      // The session goes on as it was: an offer of the core is answered with what the browser had agreed to.
      near.onInside = (tx) => tx.reply(200, { body: sdp(chromiumAnswer({ codecs: "8 126" })) });
      const again = await far.usage.request("INVITE", { body: sdp(plainSdp({ version: 4 })) });
      expect(again.body).toContain("a=sendrecv");
    });
  }

  test("SDP-15b SDP-15c a video line added is refused, a codec change moves both sides", async () => {
    const { near, far } = await callOut(rig, browser);
    far.onInside = (tx) =>
      tx.reply(200, { headers: [contactOf(rig)], body: sdp(plainSdp({ codecs: "0 99", version: 2 })) });
    const answer = await near.usage.request("INVITE", { body: sdp(chromiumOffer({ version: 3 }) + moreLines) });
    expect(linesOf(answer.body, "m=").map((line) => line.split(" ")[1])).toEqual([
      String(context(rig).access.port),
      "0",
      "0",
    ]);
    expect(context(rig).flow?.audio).toMatchObject([{ access: { name: "PCMU" }, core: { name: "PCMU" } }]);
    const fewer = await near.usage.request("INVITE", {
      body: sdp(chromiumOffer({ version: 4 }) + moreLines.replaceAll(/m=(\w+) 9/g, "m=$1 0")),
    });
    expect(linesOf(fewer.body, "m=")).toHaveLength(3);
  });

  test("SDP-14 an ICE restart reaches the media plane and leaves the core's description as it is", async () => {
    const { near, far } = await callOut(rig, browser);
    far.onInside = (tx) => tx.reply(200, { headers: [contactOf(rig)], body: sdp(plainSdp()) });
    const answer = await near.usage.request("INVITE", { body: sdp(chromiumOffer({ ufrag: "NEWu", version: 3 })) });
    expect(answer.status).toBe(200);
    expect(context(rig).accessRemote?.ufrag).toBe("NEWu");
    const atCore = far.inside[0]?.request.body ?? far.usage.invite.body;
    expect(linesOf(atCore, "m=")).toEqual(linesOf(far.usage.invite.body, "m="));
  });

  test("SDP-08 the DTLS role of a session stays when the browser offers actpass later", async () => {
    const { near, far } = await callIn(rig, browser);
    near.onInside = () => undefined;
    far.onInside = (tx) => tx.reply(200, { headers: [contactOf(rig)], body: sdp(plainSdp({ codecs: "8 99" })) });
    const answer = await near.usage.request("INVITE", { body: sdp(chromiumOffer({ version: 3 })) });
    expect(linesOf(answer.body, "a=setup")).toEqual(["a=setup:passive"]);
    expect(context(rig).accessRemote?.setup).toBe("active");
  });

  test("a session refresh by UPDATE without SDP: 200 with Contact, nothing crosses", async () => {
    const { near, far } = await callOut(rig, browser);
    for (const leg of [near, far]) {
      const response = await leg.usage.request("UPDATE");
      expect(response.status).toBe(200);
      expect(response.has("Contact")).toBe(true);
    }
    expect(near.inside.length + far.inside.length).toBe(0);
  });

  test("SDP-15d a re-INVITE of the core without SDP ends a hold: our offer, its answer in the ACK, the browser is told", async () => {
    const { near, far } = await callOut(rig, browser);
    near.onInside = (tx) => {
      const held = tx.request.body.includes("a=sendonly");
      tx.reply(200, { body: sdp(chromiumAnswer({ direction: held ? "recvonly" : "sendrecv", codecs: "8 126" })) });
    };
    await far.usage.request("INVITE", { body: sdp(plainSdp({ direction: "sendonly", version: 2 })) });
    const { dialog, hop } = far.usage;
    const again = dialog?.createRequest("INVITE");
    if (dialog === undefined || again === undefined) throw new Error("no dialog");
    const response = await rig.core.agent.send(again, hop);
    expect(linesOf(response.body, "m=")[0]).toMatch(/RTP\/AVP 8 101$/);
    expect(response.body).toContain("a=sendrecv");
    const answer = sdp(plainSdp({ codecs: "8 101", port: 46_000 }).replaceAll(":99 ", ":101 "));
    rig.core.agent.transactions.sendAck(dialog.createAck(again.cseq.number, answer), hop);
    await until(() => context(rig).coreRemote?.port === 46_000);
    await until(() => near.inside.length === 2);
    await until(() => context(rig).flow?.toCore && context(rig).flow?.toAccess);
    expect(near.inside[1]?.request.body).toContain("a=sendrecv");
  });

  test("EPC-SES-11b an UPDATE of the core before the answer moves the far side only", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    const far = await incoming;
    far.usage.progress(183, { headers: [contactOf(rig)], body: sdp(plainSdp()), reliable: true });
    await until(() => near.responses.length > 0 && far.pracks.length > 0);
    const response = await far.usage.request("UPDATE", { body: sdp(plainSdp({ port: 44_000, version: 2 })) });
    expect(response.status).toBe(200);
    expect(linesOf(response.body, "m=")[0]).toMatch(/RTP\/AVP 8 99$/);
    expect(context(rig).coreRemote?.port).toBe(44_000);
    expect(browser.got.some((message) => "method" in message && message.method === "UPDATE")).toBe(false);
  });
});
