import { SipRequest } from "@portico/sip";
import type { InviteUsage, ServerTransaction, SipResponse } from "@portico/sip";
import { systemClock } from "@portico/transport";
import { afterEach, beforeEach, expect, test } from "vitest";
import { countTone, startLab } from "../src/index.ts";
import type { Lab } from "../src/index.ts";
import type { TelephoneCall } from "../src/telephones/call.ts";
import { TestNode, ken, mary } from "./ue.ts";

let lab: Lab;
let node: TestNode;

const body = {
  type: "application/sdp",
  text: "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 43998 RTP/AVP 8\r\n",
};
const ids = ["8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77", "9e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b78"] as const;

beforeEach(async () => {
  lab = await startLab({ subscriptions: [mary, ken], trusted: [] });
  node = await TestNode.open(lab);
});

afterEach(async () => {
  await lab.close();
  await node.close();
});

/** The next call to a user behind the node, ringing. */
function nextCall(): Promise<TelephoneCall> {
  return new Promise((resolve) => {
    node.onInvite = (tx) => void node.take(mary, tx).then(resolve);
  });
}

function nextInvites(count: number): Promise<ServerTransaction[]> {
  const transactions: ServerTransaction[] = [];
  return new Promise((resolve) => {
    node.onInvite = (tx) => {
      transactions.push(tx);
      tx.reply(180);
      if (transactions.length === count) resolve(transactions);
    };
  });
}

/** Final response to an INVITE of the node. */
function invite(request: SipRequest): { answer: Promise<SipResponse>; usage: InviteUsage } {
  const { promise, resolve } = Promise.withResolvers<SipResponse>();
  const usage = node.invite(request, {
    accepted: (response) => {
      usage.ack();
      resolve(response);
    },
    rejected: resolve,
    ended: () => undefined,
  });
  return { answer: promise, usage };
}

test("a call to the echo telephone brings back one's own tone, and ends from either side", async () => {
  expect((await node.register(mary)).status).toBe(200);
  const { call } = await node.call(mary, "tel:+12025550110");
  call.play({ frequency: 700, onMs: 400, offMs: 100 });
  expect(await call.connected).toBe(true);
  await expect.poll(() => countTone(call.heard(), 700)).toBeGreaterThan(3);
  const [echo] = lab.telephones.calls;
  expect(countTone(echo?.heard() ?? [], 700)).toBeGreaterThan(3);
  expect(echo?.peer).toBe("tel:+12125550100");
  call.hangUp();
  expect(await echo?.ended).toEqual({ by: "peer" });
  expect(lab.violations).toEqual([]);
});

test("the announcement plays its pattern, and hears the keys pressed", async () => {
  await node.register(mary);
  const keys: string[] = [];
  lab.telephones.onKey((_, key) => keys.push(key));
  const { call } = await node.call(mary, "sip:+12025550120@ims.test;user=phone");
  await call.connected;
  call.press("12#");
  await expect.poll(() => lab.telephones.calls[0]?.digits).toBe("12#");
  expect(keys).toEqual(["1", "2", "#"]);
  await expect.poll(() => call.heard().length).toBeGreaterThan(11);
  // 400 ms of 1000 Hz, 200 ms of silence
  const heard = call.heard().map(({ frequency }) => frequency);
  expect(countTone(call.heard(), 1000)).toBeGreaterThanOrEqual(6);
  expect(heard.filter((frequency) => frequency === undefined).length).toBeGreaterThanOrEqual(2);
  call.hangUp();
});

test("hold stops the audio and resume brings it back, from both sides", async () => {
  await node.register(mary);
  const { call } = await node.call(mary, "tel:+12025550110");
  await call.connected;
  const [echo] = lab.telephones.calls;
  await expect.poll(() => echo?.counters.received).toBeGreaterThan(3);
  expect(await echo?.hold()).toBe(200);
  const before = echo?.counters.received ?? 0;
  // What was on its way may still come
  await expect.poll(() => call.counters.sent).toBeGreaterThan(3);
  const sent = call.counters.sent;
  // 300 ms would be 15 packets
  await new Promise((resolve) => {
    systemClock.setTimer(300, () => resolve(undefined));
  });
  expect(call.counters.sent).toBeLessThan(sent + 3);
  expect((echo?.counters.received ?? 0) - before).toBeLessThan(5);
  expect(await echo?.resume()).toBe(200);
  await expect.poll(() => call.counters.sent).toBeGreaterThan(sent + 2);
  expect(await call.hold()).toBe(200);
  expect(await call.resume()).toBe(200);
  await expect.poll(() => echo?.counters.received).toBeGreaterThan(before + 5);
  call.hangUp();
  await echo?.ended;
  expect(lab.violations).toEqual([]);
});

test("a telephone dials in by number and is heard", async () => {
  await node.register(mary);
  const taken = nextCall();
  const tone = { frequency: 1000, onMs: 400, offMs: 200 };
  const outgoing = await lab.dial({ from: "+12025550120", to: "+12125550100", tone, display: "Café" });
  const call = await taken;
  call.play({ frequency: 600, onMs: 300, offMs: 300 });
  expect(call.answer()).toBe(true);
  expect(await outgoing.connected).toBe(true);
  await expect.poll(() => countTone(call.heard(), 1000)).toBeGreaterThan(3);
  await expect.poll(() => countTone(outgoing.heard(), 600)).toBeGreaterThan(3);
  expect(countTone(call.heard(), 600)).toBe(0);
  outgoing.hangUp();
  expect(await call.ended).toEqual({ by: "peer" });
  expect(node.requests.find((tx) => tx.request.method === "INVITE")?.request.from.display).toBe("Café");
  expect(lab.violations).toEqual([]);
});

test("the call-back telephone greets, hangs up and calls back", async () => {
  await lab.close();
  const greeting = { frequency: 1200, onMs: 150, offMs: 150, times: 3 };
  const tone = { frequency: 1400, onMs: 300, offMs: 300 };
  const telephone = { number: "+12025550130", behaviour: { does: "call-back", greeting, tone, pauseMs: 800 } } as const;
  lab = await startLab({ subscriptions: [mary], trusted: [], telephones: [telephone] });
  await node.close();
  node = await TestNode.open(lab);
  await node.register(mary);
  const { call } = await node.call(mary, "tel:+12025550130");
  await call.connected;
  const taken = nextCall();
  expect(await call.ended).toEqual({ by: "peer" });
  expect(countTone(call.heard(), 1200)).toBeGreaterThanOrEqual(3);
  const back = await taken;
  back.answer();
  await expect.poll(() => countTone(back.heard(), 1400)).toBeGreaterThan(2);
  back.hangUp();
  expect(lab.violations).toEqual([]);
});

test("busy and unknown numbers are refused", async () => {
  await node.register(mary);
  const status = async (to: string): Promise<number> => {
    return (await invite(node.request("INVITE", to, mary, [], body)).answer).status;
  };
  expect(await status("tel:+12025550150")).toBe(486);
  expect(await status("tel:+12025559999")).toBe(404);
  expect(await status("sip:nobody@acme.ims.test")).toBe(604);
  expect(await status("sip:somebody@elsewhere.example")).toBe(404);
  expect(await status("sip:u0002@acme.ims.test")).toBe(480);
  expect(await status("tel:+12125550101")).toBe(480);
  expect(lab.violations).toEqual([]);
});

test("a telephone that never answers rings until CANCEL, with the caller's Reason", async () => {
  await node.register(mary);
  const { call, usage } = await node.call(mary, "tel:+12025550140");
  await expect.poll(() => usage.state).toBe("early");
  usage.cancel([["Reason", "SIP;cause=487"]]);
  expect(await call.ended).toEqual({ by: "cancelled", status: 487 });
  expect(await lab.telephones.calls[0]?.ended).toEqual({ by: "cancelled" });
  expect(lab.wire.find("CANCEL ", "telephones", "in")[0]?.octets).toContain("Reason: SIP;cause=487");
});

test("CORE-10a the called contact stands in the Request-URI, the stored Path in Route, the called identity beside", async () => {
  await node.register(mary);
  const invited = nextInvites(1);
  const call = await lab.dial({ from: "+12025550110", to: mary.impu });
  const [tx] = await invited;
  expect(tx?.request.uri).toBe(`sip:flow1@${node.at}`);
  expect(tx?.request.list("Route")).toEqual([`<sip:flow1@${node.at};lr;ob>`]);
  expect(tx?.request.get("P-Called-Party-ID")).toBe("<sip:u0001@acme.ims.test>");
  expect(tx?.request.list("Record-Route")).toEqual([`<sip:127.0.0.1:${lab.scscf.port};lr>`]);
  expect(tx?.request.get("P-Asserted-Identity")).toBe("<tel:+12025550110>");
  call.hangUp();
  expect(await call.ended).toEqual({ by: "cancelled", status: 487 });
});

test("CORE-10b several flows of one q ring at once; the first answer cancels the others", async () => {
  await node.register(mary, { contact: "a", instance: ids[0], regId: 1 });
  await node.register(mary, { contact: "b", instance: ids[1], regId: 1 });
  const invited = nextInvites(2);
  const call = await lab.dial({ from: "+12025550110", to: mary.impu });
  const [first, second] = await invited;
  const cancelled = new Promise<string | undefined>((resolve) => {
    if (second !== undefined) second.onCancel = (cancel) => (second.reply(487), resolve(cancel.get("Reason")));
  });
  const contact: [string, string] = ["Contact", `<sip:a@${node.at}>`];
  first?.reply(200, { headers: [contact, ["P-Asserted-Identity", `<${mary.impu}>`]], body });
  expect(await call.connected).toBe(true);
  expect(await cancelled).toContain("cause=200");
  expect(lab.violations).toEqual([]);
});

test("CORE-10c a lower q rings only after the higher has refused", async () => {
  await node.register(mary, { contact: "low", instance: ids[0], regId: 1, q: 0.1 });
  await node.register(mary, { contact: "high", instance: ids[1], regId: 1, q: 0.9 });
  const order: string[] = [];
  node.onInvite = (tx) => {
    order.push(tx.request.uri);
    tx.reply(tx.request.uri.startsWith("sip:high") ? 480 : 486);
  };
  const call = await lab.dial({ from: "+12025550110", to: mary.impu });
  expect(await call.ended).toEqual({ by: "rejected", status: 486 });
  expect(order).toEqual([`sip:high@${node.at}`, `sip:low@${node.at}`]);
});

test("of several flows of one instance another is tried when one is dead", async () => {
  await node.register(mary, { contact: "one", instance: ids[0], regId: 1 });
  await node.register(mary, { contact: "two", instance: ids[0], regId: 2 });
  const order: string[] = [];
  node.onInvite = (tx) => {
    order.push(tx.request.uri.slice(4, 7));
    tx.reply(430);
  };
  const call = await lab.dial({ from: "+12025550110", to: mary.impu });
  expect(await call.ended).toEqual({ by: "rejected", status: 480 });
  expect(order).toEqual(["two", "one"]);
});

test("a GRUU reaches its own contact alone", async () => {
  await node.register(mary, { contact: "a", instance: ids[0], regId: 1 });
  const ok = await node.register(mary, { contact: "b", instance: ids[1], regId: 1 });
  const temporary = /temp-gruu="(sip:tgru[^"]+)"/.exec(ok.all("Contact").at(-1) ?? "")?.[1] ?? "";
  const order: string[] = [];
  node.onInvite = (tx) => {
    order.push(tx.request.uri.slice(4, 5));
    tx.reply(486);
  };
  await (
    await lab.dial({ from: "+12025550110", to: `${mary.impu};gr=urn:uuid:${ids[0]}` })
  ).ended;
  await (
    await lab.dial({ from: "+12025550110", to: temporary })
  ).ended;
  expect(order).toEqual(["a", "b"]);
});

test("CORE-11a only requests along our Service-Route are served", async () => {
  await node.register(mary);
  const route = node.serviceRoute;
  node.serviceRoute = [];
  const past = await invite(node.request("INVITE", "tel:+12025550110", mary, [], body)).answer;
  expect([past.status, past.reason]).toEqual([403, "Forbidden - Not Along The Service-Route"]);
  node.serviceRoute = [`<sip:orig.guessed@127.0.0.1:${lab.scscf.port};lr>`];
  expect((await invite(node.request("INVITE", "tel:+12025550110", mary, [], body)).answer).status).toBe(403);
  node.serviceRoute = route;
  const { call } = await node.call(mary, "tel:+12025550110");
  expect(await call.connected).toBe(true);
  call.hangUp();
});

test("CORE-11b the asserted identity must be a registered one; the network adds its other form", async () => {
  await node.register(mary);
  const other = await invite(node.request("INVITE", "tel:+12025550110", ken, [], body)).answer;
  expect([other.status, other.reason]).toEqual([403, "Forbidden - Served User Not Registered"]);
  const { call } = await node.call(mary, "tel:+12025550110", [["P-Asserted-Identity", "<tel:+12125550100>"]]);
  await call.connected;
  const arrived = lab.wire.find("INVITE ", "telephones", "in")[0]?.octets ?? "";
  expect(arrived).toMatch(
    /P-Asserted-Identity: <tel:\+12125550100>\r\nP-Asserted-Identity: <sip:u0001@acme\.ims\.test>\r\n/,
  );
  call.hangUp();
  await node.register(mary, { expires: 0 });
  expect((await invite(node.request("INVITE", "tel:+12025550110", mary, [], body)).answer).status).toBe(403);
});

test("CORE-08b the calls of a contact that was replaced are ended toward both sides", async () => {
  await node.register(mary, { contact: "flow1" });
  const { call } = await node.call(mary, "tel:+12025550110");
  await call.connected;
  await node.register(mary, { contact: "flow2" });
  expect(await call.ended).toEqual({ by: "peer" });
  expect(await lab.telephones.calls[0]?.ended).toEqual({ by: "peer" });
  expect(lab.wire.find("BYE ", "telephones", "in")[0]?.octets).toContain("SIP;cause=480");
});

test("one user behind the node calls another: originating and terminating sides in one core", async () => {
  await node.register(ken, { contact: "ken" });
  await node.register(mary);
  const taken = nextCall();
  const { call } = await node.call(mary, "tel:+12125550101");
  const incoming = await taken;
  incoming.play({ frequency: 900, onMs: 1000, offMs: 0 });
  incoming.answer();
  expect(await call.connected).toBe(true);
  await expect.poll(() => countTone(call.heard(), 900)).toBeGreaterThan(2);
  incoming.hangUp();
  expect(await call.ended).toEqual({ by: "peer" });
  expect(lab.violations).toEqual([]);
});

test("an INVITE without an offer gets one in the answer", async () => {
  await node.register(mary);
  const usage = node.invite(node.request("INVITE", "tel:+12025550120", mary), {
    accepted: (response) => {
      expect(response.body).toContain("m=audio ");
      usage.ack(body);
    },
    ended: () => undefined,
  });
  await expect.poll(() => lab.telephones.calls[0]?.state).toBe("connected");
  const [telephone] = lab.telephones.calls;
  await expect.poll(() => telephone?.counters.sent).toBeGreaterThan(2);
  usage.bye();
  await telephone?.ended;
});

test("an offer without G.711 over plain RTP is not acceptable", async () => {
  await node.register(mary);
  const text = body.text.replace("RTP/AVP 8", "RTP/AVP 96") + "a=rtpmap:96 AMR-WB/16000\r\n";
  const request = node.request("INVITE", "tel:+12025550110", mary, [], { ...body, text });
  expect((await invite(request).answer).status).toBe(488);
});

test.each([
  ["EPC-REG-07", "Bearer token toward the core", [["Authorization", "Bearer abc"]], ""],
  ["EPC-SES-04", "P-Preferred-Identity toward the core", [["P-Preferred-Identity", "<sip:u0001@acme.ims.test>"]], ""],
  ["EPC-SES-06", "no P-Charging-Vector", [["P-Charging-Vector", "none"]], ""],
  ["EPC-SES-05", "Via of the browser's leg", [["Via", "SIP/2.0/WSS k3.invalid;branch=z9hG4bKw1"]], ""],
  ["EPC-REG-17", "Contact of the browser", [["Contact", "<sip:u@k3.invalid;transport=ws>"]], ""],
  ["SDP-02", "a=fingerprint toward the core", [], "a=fingerprint:sha-256 00:11\r\n"],
  ["SDP-04", "a=ice-ufrag toward the core", [], "a=ice-ufrag:abcd\r\n"],
  ["SDP-03", "a=rtcp-mux toward the core", [], "a=rtcp-mux\r\n"],
] as [string, string, [string, string][], string][])(
  "a call is refused, and told with the rule it breaks: $1",
  async (rule, breach, extra, line) => {
    const finding = `${rule}: ${breach}`;
    await node.register(mary);
    const request = node.request("INVITE", "tel:+12025550110", mary, extra, { ...body, text: body.text + line });
    const answer = await invite(request).answer;
    expect([answer.status, answer.reason]).toEqual([400, `Bad Request - ${finding}`]);
    expect(lab.violations).toEqual([`${finding} [INVITE]`]);
  },
);

test("an offer of a browser is refused for BUNDLE and its protocol", async () => {
  await node.register(mary);
  const text = body.text.replace("t=0 0\r\n", "t=0 0\r\na=group:BUNDLE 0\r\n").replace("RTP/AVP", "UDP/TLS/RTP/SAVPF");
  await invite(node.request("INVITE", "tel:+12025550110", mary, [], { ...body, text })).answer;
  expect(lab.violations).toEqual([
    "SDP-03: a=group:BUNDLE toward the core [INVITE]",
    "SDP-02: UDP/TLS/RTP/SAVPF toward the core [INVITE]",
  ]);
});

test("what an answer, an ACK or a CANCEL lets through is noted", async () => {
  await node.register(mary);
  const invited = nextInvites(1);
  const call = await lab.dial({ from: "+12025550110", to: mary.impu });
  const [tx] = await invited;
  const headers: [string, string][] = [["Contact", "<sip:u@k3.invalid;transport=ws>"]];
  tx?.reply(200, { headers, body: { ...body, text: `${body.text}a=ice-lite\r\n` } });
  await call.connected;
  expect(lab.violations).toEqual([
    "SDP-04: a=ice-lite toward the core [200 (INVITE)]",
    "EPC-REG-17: Contact of the browser [200 (INVITE)]",
    "EPC-SES-07: answer without P-Asserted-Identity [200 (INVITE)]",
  ]);
  const { usage } = invite(node.request("INVITE", "tel:+12025550140", mary, [], body));
  await expect.poll(() => usage.state).toBe("early");
  usage.cancel([["Authorization", "Bearer abc"]]);
  await expect.poll(() => lab.violations.at(-1)).toBe("EPC-REG-07: Bearer token toward the core [CANCEL]");
});

test("a request straight to the telephones is noted", async () => {
  await node.register(mary);
  await node.send(node.request("OPTIONS", "tel:+12025550110", mary), lab.telephonesAt);
  expect(lab.violations).toEqual(["RFC 3261 §16.12: past the S-CSCF, against its Record-Route [OPTIONS]"]);
});

test("the wire shows who said what to whom", async () => {
  await node.register(mary);
  expect(lab.wire.find("REGISTER ", "I-CSCF", "in")).toHaveLength(1);
  expect(lab.wire.find("REGISTER ", "S-CSCF", "in")).toHaveLength(1);
  expect(lab.wire.ladder()).toMatch(/TCP 127\.0\.0\.1:\d+ -> I-CSCF +REGISTER sip:ims\.test SIP\/2\.0/);
  expect(lab.wire.ladder()).toMatch(/I-CSCF -> 127\.0\.0\.1:\d+ +SIP\/2\.0 200 OK \(1 REGISTER\)/);
  lab.wire.clear();
  expect(lab.wire.entries).toEqual([]);
});

test("calls end with the lab", async () => {
  await node.register(mary);
  const { call } = await node.call(mary, "tel:+12025550110");
  await call.connected;
  await lab.close();
  await lab.close();
  expect(await call.ended).toEqual({ by: "peer" });
  await expect(lab.dial({ from: "+1", to: "+2" })).rejects.toMatchObject({ code: "lab/no-telephone" });
});
