import { SipRequest } from "@portico/sip";
import { expect, test } from "vitest";
import { dial, fromCore, nextAtCore, registered, toNode } from "./support/call.ts";
import { openRig, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

/** A rig for the time of one test. */
async function withRig(options: Parameters<typeof openRig>[0], run: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await openRig(options);
  try {
    await run(rig);
  } finally {
    await rig.close();
  }
}

test("EPC-WS-12a EPC-WS-12b the portal speaks UDP to the core; a request above 1300 octets goes by TCP", () =>
  withRig({ protocol: "UDP" }, async (rig) => {
    const browser = await registered(rig);
    expect(rig.core.last("REGISTER").topVia.protocol).toBe("UDP");
    const large = { headers: [["User-Agent", "x".repeat(1300)] as [string, string]] };
    expect((await browser.register(await rig.token(), large)).status).toBe(200);
    expect(rig.core.last("REGISTER").topVia.protocol).toBe("TCP");
  }));

test("SEC-04a messages of a stranger on Mw are dropped", () =>
  withRig({ peers: ["127.0.0.9"] }, async (rig) => {
    const hop = toNode(rig);
    const request = SipRequest.create("OPTIONS", `sip:127.0.0.1:${rig.node.mwPort}`, [
      ["Max-Forwards", "70"],
      ["From", "<sip:stranger@198.51.100.1>;tag=o"],
      ["To", "<sip:portal.ims.test>"],
      ["Call-ID", "opt-1"],
      ["CSeq", "1 OPTIONS"],
    ]);
    let answered = false;
    rig.core.agent.transactions.request(request, hop, { response: () => (answered = true), failed() {} });
    await until(() => rig.warnings.includes("mw.foreign-peer"));
    expect(answered).toBe(false);
  }));

test("EPC-SES-10a the browser gets 100 Trying while the core thinks", () =>
  withRig({}, async (rig) => {
    const browser = await registered(rig);
    const incoming = nextAtCore(rig);
    dial(browser);
    await incoming;
    const trying = await until(() => browser.raw.find(({ octets }) => octets.startsWith("SIP/2.0 100 ")));
    expect(trying.octets).not.toContain("Contact");
  }));

test("EPC-SES-10d a request that comes over two ways at once is taken once: 482", () =>
  withRig({}, async (rig) => {
    const browser = await registered(rig);
    browser.answer = () => undefined;
    const request = fromCore(rig, "MESSAGE");
    void rig.core.agent.send(request, toNode(rig));
    await until(() => browser.raw.some(({ octets }) => octets.startsWith("MESSAGE")));
    expect((await rig.core.agent.send(request, toNode(rig, "UDP"))).status).toBe(482);
  }));
