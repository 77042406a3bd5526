import { glareDelay, SipRequest } from "@portico/sip";
import type { InviteEvents, ServerTransaction, SipMessage } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { contact, pair } from "./callHarness.ts";
import type { Heard, Pair } from "./callHarness.ts";
import type { InviteUsage } from "@portico/sip";

const sdp = (text = "v=0\r\n"): { type: string; text: string } => ({ type: "application/sdp", text });
const isMethod = (m: SipMessage, method: string): boolean => m instanceof SipRequest && m.method === method;

/** A call that stands. Requests inside it wait in `toCaller` and `toCallee` for the test to answer. */
function talking(
  o: Parameters<typeof pair>[0] = {},
  more: Partial<InviteEvents> = {},
): {
  p: Pair;
  caller: InviteUsage;
  callee: InviteUsage;
  heardByCaller: Heard;
  heardByCallee: Heard;
  toCaller: ServerTransaction[];
  toCallee: ServerTransaction[];
} {
  const p = pair(o);
  const toCaller: ServerTransaction[] = [];
  const toCallee: ServerTransaction[] = [];
  const call = p.call({
    caller: { request: (tx) => void toCaller.push(tx), ...more },
    callee: { request: (tx) => void toCallee.push(tx) },
  });
  call.callee.accept({ headers: contact });
  p.clock.advance(5);
  p.wire.records.length = 0;
  return { p, ...call, toCaller, toCallee };
}

test("INFO, MESSAGE and UPDATE go both ways with rising CSeq numbers", async () => {
  const { p, caller, callee, toCaller, toCallee } = talking();
  const info = caller.request("INFO", { headers: [["Info-Package", "dtmf"]], body: { type: "text/plain", text: "ü" } });
  const update = caller.request("UPDATE", { body: sdp() });
  const message = callee.request("MESSAGE");
  p.clock.advance(2);
  expect(toCallee.map(({ request }) => request.get("CSeq"))).toEqual(["2 INFO", "3 UPDATE"]);
  expect(toCallee[0]?.request.get("Info-Package")).toBe("dtmf");
  expect(toCallee[1]?.request.get("Contact")).toBe("<sip:mary@left.invalid>");
  toCallee[0]?.reply(200);
  toCallee[1]?.reply(200, { body: sdp() });
  toCaller[0]?.reply(202);
  p.clock.advance(2);
  expect([(await info).status, (await update).status, (await message).status]).toEqual([200, 200, 202]);
});

test("a re-INVITE is acknowledged inside, and its 2xx repeated until the ACK", async () => {
  let lost = 0;
  const { p, caller, heardByCallee, toCallee } = talking({ lose: (m) => isMethod(m, "ACK") && (lost += 1) === 2 });
  const answered = caller.request("INVITE", { body: sdp("v=0 hold\r\n") });
  p.clock.advance(2);
  toCallee[0]?.reply(200, { headers: contact, body: sdp() });
  p.clock.advance(1000);
  expect((await answered).status).toBe(200);
  expect(p.wire.log).toEqual(["left: INVITE", "right: 200 INVITE", "left: ACK lost", "right: 200 INVITE", "left: ACK"]);
  expect(heardByCallee.words).toEqual(["acknowledged", "acknowledged"]);
  expect(caller.state).toBe("confirmed");
});

test("a re-INVITE whose 2xx is never acknowledged ends the call (RFC 3261 §14.2)", () => {
  const { p, caller, callee, heardByCaller, heardByCallee, toCallee } = talking();
  p.wire.lose = (m) => isMethod(m, "ACK");
  void caller.request("INVITE", { body: sdp() });
  p.clock.advance(2);
  toCallee[0]?.reply(200, { headers: contact, body: sdp() });
  p.clock.advance(32_010);
  expect([caller.state, callee.state]).toEqual(["terminated", "terminated"]);
  expect([heardByCaller.words.at(-1), heardByCallee.words.at(-1)]).toEqual(["ended peer", "ended timeout"]);
});

test("glare: re-INVITEs that cross get 491, and the call goes on (RFC 3261 §14.2)", async () => {
  const { p, caller, callee, toCaller, toCallee } = talking();
  const one = caller.request("INVITE", { body: sdp() });
  const two = callee.request("INVITE", { body: sdp() });
  p.clock.advance(5);
  expect([(await one).status, (await two).status]).toEqual([491, 491]);
  expect([toCaller.length, toCallee.length]).toEqual([0, 0]);
  const again = callee.request("INVITE", { body: sdp() });
  p.clock.advance(2);
  toCaller[0]?.reply(200, { body: sdp() });
  p.clock.advance(5);
  expect((await again).status).toBe(200);
});

test("who waits how long after a 491 (RFC 3261 §14.1)", () => {
  const { caller, callee } = talking();
  const random = new SeededRandom(3);
  for (let n = 0; n < 200; n += 1) {
    const [long, short] = [glareDelay(caller, random), glareDelay(callee, random)];
    expect(long >= 2100 && long <= 4000 && short >= 0 && short <= 2000 && long % 10 === 0 && short % 10 === 0).toBe(
      true,
    );
  }
});

test("UPDATE offers that cross get 491; one that comes before the last is answered gets 500 with Retry-After (RFC 3311 §5.2)", async () => {
  const { p, caller, callee, toCallee } = talking();
  const one = caller.request("UPDATE", { body: sdp() });
  const two = callee.request("UPDATE", { body: sdp() });
  p.clock.advance(5);
  expect([(await one).status, (await two).status]).toEqual([491, 491]);
  const held = caller.request("UPDATE", { body: sdp() });
  p.clock.advance(2);
  expect(toCallee).toHaveLength(1);
  expect((await caller.request("INVITE", { body: sdp() })).status).toBe(491);
  expect((await callee.request("UPDATE", { body: sdp() })).status).toBe(491);
  const impatient = caller.dialog?.createRequest("UPDATE", [], sdp());
  if (!impatient) throw new Error("no dialog");
  const refused = p.left.send(impatient, p.wire.left);
  p.clock.advance(5);
  expect((await refused).status).toBe(500);
  expect(Number((await refused).get("Retry-After"))).toBeLessThanOrEqual(10);
  toCallee[0]?.reply(488);
  p.clock.advance(5);
  expect((await held).status).toBe(488);
  // The refused offer is rolled back: the next one is welcome.
  const next = callee.request("UPDATE", { body: sdp() });
  p.clock.advance(2);
  expect(p.wire.log.at(-1)).toBe("right: UPDATE");
  p.clock.advance(32_000);
  expect((await next).status).toBe(408);
});

test("an UPDATE its owner never answers does not block later ones for ever", async () => {
  const { p, caller, callee, toCallee } = talking({ protocol: "UDP" });
  const request = caller.dialog?.createRequest("UPDATE", [], sdp());
  if (!request) throw new Error("no dialog");
  void p.left.send(request, p.wire.left);
  p.clock.advance(33_000);
  expect(toCallee).toHaveLength(1);
  const next = callee.request("INFO");
  expect(callee.state).toBe("confirmed");
  const second = caller.dialog?.createRequest("UPDATE", [], sdp());
  if (second) void p.left.send(second, p.wire.left);
  p.clock.advance(2);
  expect(toCallee).toHaveLength(2);
  p.clock.advance(40_000);
  expect((await next).status).toBe(408);
});

test("a request that is out of order in its dialog gets 500 (RFC 3261 §12.2.2)", async () => {
  const { p, caller, toCallee } = talking();
  const first = caller.dialog?.createRequest("INFO");
  const second = caller.dialog?.createRequest("INFO");
  if (!first || !second) throw new Error("no dialog");
  const late = p.left.send(second, p.wire.left);
  const old = p.left.send(first, p.wire.left);
  p.clock.advance(2);
  toCallee[0]?.reply(200);
  p.clock.advance(2);
  expect([(await late).status, (await old).status, toCallee.length]).toEqual([200, 500, 1]);
});

const inside = (method: string): SipRequest =>
  SipRequest.create(method, "sip:ken@right.invalid", [
    ["From", "<sip:mary@acme.ims.test>;tag=a"],
    ["To", "<sip:ken@acme.ims.test>;tag=b"],
    ["Call-ID", method],
    ["CSeq", `7 ${method}`],
  ]);

test("requests of unknown dialogs: 481, but those of other kinds of dialog go to the owner", async () => {
  const p = pair();
  for (const method of ["BYE", "UPDATE", "INFO", "PRACK", "INVITE"]) {
    const response = p.left.send(inside(method === "INVITE" ? "BYE" : method), p.wire.left);
    p.clock.advance(5);
    expect((await response).status).toBe(481);
  }
  p.wire.left.send(inside("ACK").prepend("Via", "SIP/2.0/WSS left.invalid;branch=z9hG4bKack").toOctets());
  void p.left.send(inside("NOTIFY"), p.wire.left);
  p.clock.advance(5);
  expect(p.incoming.map(({ request }) => request.method)).toEqual(["NOTIFY"]);
  expect(p.errors).toEqual([]);
});

test("without a listener INVITE and UPDATE get 488, others 501", async () => {
  const p = pair();
  const { caller, callee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(5);
  for (const [method, status] of [
    ["INVITE", 488],
    ["UPDATE", 488],
    ["INFO", 501],
    ["REFER", 501],
  ] as const) {
    const answered = caller.request(method, { body: sdp() });
    p.clock.advance(5);
    expect((await answered).status).toBe(status);
  }
  expect(caller.state).toBe("confirmed");
});

test("BYE while a re-INVITE waits for its answer: the INVITE gets 487", async () => {
  const { p, caller, callee, toCallee } = talking();
  const answered = caller.request("INVITE", { body: sdp() });
  p.clock.advance(2);
  callee.bye();
  p.clock.advance(5);
  toCallee[0]?.reply(200, { body: sdp() });
  p.clock.advance(5);
  expect((await answered).status).toBe(487);
  expect(caller.state).toBe("terminated");
  p.clock.advance(64_000);
  expect([p.left.transactions.size, p.right.transactions.size, p.clock.pending]).toEqual([0, 0, 0]);
});

test("481 to a request of ours ends the call without BYE; 408 ends it with BYE (RFC 5057 §5.1)", async () => {
  const gone = talking();
  gone.p.right.close();
  gone.p.wire.onRight = (message, hop) => {
    if (message instanceof SipRequest && message.method === "UPDATE") {
      hop.send(message481(message));
    }
  };
  const update = gone.caller.request("UPDATE");
  gone.p.clock.advance(5);
  expect((await update).status).toBe(481);
  expect([gone.heardByCaller.words.at(-1), gone.p.wire.log.includes("left: BYE")]).toEqual(["ended peer", false]);
  const mute = talking();
  mute.p.wire.lose = (m) => isMethod(m, "INFO");
  void mute.caller.request("INFO");
  mute.p.clock.advance(32_010);
  expect(mute.heardByCaller.words.at(-1)).toBe("ended timeout");
  expect(mute.heardByCallee.words.at(-1)).toBe("ended peer");
});

function message481(request: SipRequest): string {
  return [
    "SIP/2.0 481 Call/Transaction Does Not Exist",
    ...["Via", "From", "To", "Call-ID", "CSeq"].map((name) => `${name}: ${request.get(name)}`),
    "Content-Length: 0\r\n\r\n",
  ].join("\r\n");
}

test("a flow that is lost resolves with 503 and the dialog lives on over the next one", async () => {
  const { p, caller, callee, toCallee } = talking();
  const old = caller.hop;
  caller.hop = { ...old, send: () => false };
  const lost = caller.request("INFO");
  p.clock.advance(1);
  expect([(await lost).status, caller.state]).toEqual([503, "confirmed"]);
  caller.hop = { ...old, sentBy: "second-flow.invalid" };
  const info = caller.request("INFO");
  p.clock.advance(2);
  expect(toCallee[0]?.request.topVia.host).toBe("second-flow.invalid");
  toCallee[0]?.reply(200);
  p.clock.advance(2);
  expect((await info).status).toBe(200);
  callee.bye();
  p.clock.advance(5);
  expect(caller.state).toBe("terminated");
});

test("target refresh: requests go to the peer's newest Contact, once the INVITE or UPDATE has a 2xx", async () => {
  const { p, caller, callee, toCallee } = talking();
  const refused = caller.request("UPDATE", { headers: [["Contact", "<sip:mary@refused.invalid>"]] });
  p.clock.advance(2);
  toCallee[0]?.reply(500);
  p.clock.advance(2);
  await refused;
  expect(callee.dialog?.remoteTarget).toBe("sip:mary@left.invalid");
  const moved = caller.request("UPDATE", { headers: [["Contact", "<sip:mary@moved.invalid>"]] });
  p.clock.advance(2);
  toCallee[1]?.reply(200, { headers: [["Contact", "<sip:ken@moved.invalid>"]] });
  p.clock.advance(2);
  await moved;
  expect([caller.dialog?.remoteTarget, callee.dialog?.remoteTarget]).toEqual([
    "sip:ken@moved.invalid",
    "sip:mary@moved.invalid",
  ]);
});

test("a request before there is a dialog, and after its end, resolves with 481", async () => {
  const p = pair();
  const { caller, callee } = p.call();
  expect((await caller.request("INFO")).status).toBe(481);
  expect((await callee.request("BYE")).status).toBe(481);
  callee.reject(486);
  p.clock.advance(5);
  expect((await caller.request("UPDATE")).status).toBe(481);
});

test('request("BYE") ends the call and resolves with the answer', async () => {
  const { p, caller, callee } = talking();
  const bye = caller.request("BYE");
  p.clock.advance(5);
  expect([(await bye).status, caller.state, callee.state]).toEqual([200, "terminated", "terminated"]);
});

test("a caller may end an early dialog by BYE: 200 to it, 487 to the INVITE (RFC 3261 §15.1.2)", async () => {
  const p = pair();
  const { caller, callee, heardByCallee } = p.call();
  callee.progress(180, { headers: contact });
  p.clock.advance(5);
  const bye = caller.dialog?.createRequest("BYE");
  if (!bye) throw new Error("no dialog");
  const answered = p.left.send(bye, p.wire.left);
  p.clock.advance(5);
  expect((await answered).status).toBe(200);
  expect([heardByCallee.words, p.wire.log.includes("right: 487 INVITE")]).toEqual([["cancelled BYE"], true]);
});
