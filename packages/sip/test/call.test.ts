import { accessTimers } from "@portico/sip";
import { expect, test } from "vitest";
import { contact, hear, inviteRequest, optionsRequest, pair } from "./callHarness.ts";
import type { Pair } from "./callHarness.ts";

function thrower(): never {
  throw new Error("owner's mistake");
}

/** Nothing is left over: no transaction, no timer, no error. */
function expectClean({ clock, left, right, errors }: Pair): void {
  clock.advance(64 * 2000);
  expect([left.transactions.size, right.transactions.size, clock.pending, errors]).toEqual([0, 0, 0, []]);
}

test("a call is set up and ended by the caller", () => {
  const p = pair();
  const { caller, callee, heardByCaller, heardByCallee } = p.call();
  callee.progress(180, { headers: contact });
  p.clock.advance(5);
  expect([caller.state, callee.state]).toEqual(["early", "early"]);
  callee.accept({ headers: contact });
  expect(callee.state).toBe("accepted");
  p.clock.advance(5);
  expect([caller.state, callee.state]).toEqual(["confirmed", "confirmed"]);
  expect(caller.dialog?.state).toMatchObject({ remoteTarget: "sip:ken@right.invalid", phase: "confirmed" });
  expect(callee.dialog?.remoteTarget).toBe("sip:mary@left.invalid");
  caller.bye();
  p.clock.advance(5);
  expect(p.wire.ladder()).toBe(
    [
      "       0  |------------- INVITE ------------->|",
      "       5  |<----------- 180 INVITE -----------|",
      "      10  |<----------- 200 INVITE -----------|",
      "      11  |-------------- ACK --------------->|",
      "      15  |-------------- BYE --------------->|",
      "      16  |<------------ 200 BYE -------------|",
    ].join("\n"),
  );
  expect(heardByCaller.words).toEqual(["progress 180", "accepted 200", "ended local"]);
  expect(heardByCallee.words).toEqual(["acknowledged", "ended peer"]);
  expectClean(p);
});

test("the callee ends the call, with headers of its own", () => {
  const p = pair({ protocol: "UDP" });
  const { callee, heardByCaller, heardByCallee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(5);
  callee.bye([["Reason", "SIP;cause=200"]]);
  p.clock.advance(5);
  expect(heardByCaller.words).toEqual(["accepted 200", "ended peer"]);
  expect(heardByCallee.words).toEqual(["acknowledged", "ended local"]);
  expect(p.wire.log.slice(-2)).toEqual(["right: BYE", "left: 200 BYE"]);
  expect(p.wire.records.at(-2)?.message.get("Reason")).toBe("SIP;cause=200");
  expectClean(p);
});

test("CANCEL before the answer: 200 to it, 487 to the INVITE, ACK hop by hop", () => {
  const p = pair();
  const { caller, callee, heardByCaller, heardByCallee } = p.call();
  callee.progress(180);
  p.clock.advance(5);
  caller.cancel([["Reason", "SIP;cause=200"]]);
  p.clock.advance(5);
  expect(p.wire.log.slice(-4)).toEqual(["left: CANCEL", "right: 200 CANCEL", "right: 487 INVITE", "left: ACK"]);
  expect(heardByCaller.words).toEqual(["progress 180", "rejected 487"]);
  expect(heardByCallee.words).toEqual(["cancelled CANCEL"]);
  callee.accept();
  callee.progress(183);
  callee.reject(486);
  expect(p.wire.log.slice(-1)).toEqual(["left: ACK"]);
  expectClean(p);
});

test("EPC-SES-10a CANCEL before anything has come back waits for the 100, then gets 200, 487 and its ACK", () => {
  const p = pair();
  const { caller, heardByCaller } = p.call();
  caller.end();
  p.clock.advance(100);
  expect(p.wire.log).toEqual(["left: INVITE"]);
  p.clock.advance(200);
  expect(p.wire.log.slice(1)).toEqual([
    "right: 100 INVITE",
    "left: CANCEL",
    "right: 200 CANCEL",
    "right: 487 INVITE",
    "left: ACK",
  ]);
  expect(heardByCaller.words).toEqual(["rejected 487"]);
  expectClean(p);
});

test("a 2xx that crosses our CANCEL is acknowledged and ended by BYE", () => {
  const p = pair();
  const { caller, callee, heardByCaller, heardByCallee } = p.call();
  callee.progress(180);
  p.clock.advance(5);
  callee.accept({ headers: contact });
  caller.cancel();
  p.clock.advance(5);
  expect(p.wire.log.slice(2)).toEqual([
    "right: 200 INVITE",
    "left: CANCEL",
    "left: ACK",
    "left: BYE",
    "right: 200 CANCEL",
    "right: 200 BYE",
  ]);
  expect(heardByCaller.words).toEqual(["progress 180", "rejected 487"]);
  expect(heardByCallee.words).toEqual(["acknowledged", "ended peer"]);
  expectClean(p);
});

test("the callee declines: 486, 603", () => {
  for (const status of [486, 603]) {
    const p = pair();
    const { caller, callee, heardByCaller, heardByCallee } = p.call();
    callee.reject(status);
    p.clock.advance(5);
    expect([caller.state, callee.state]).toEqual(["terminated", "terminated"]);
    expect(heardByCaller.words).toEqual([`rejected ${status}`]);
    expect(heardByCallee.words).toEqual([]);
    expect(p.wire.log.slice(-2)).toEqual([`right: ${status} INVITE`, "left: ACK"]);
    expectClean(p);
  }
});

test("nobody answers: a 408 of our own; no way: a 503", () => {
  const silent = pair({ timers: accessTimers, lose: () => true });
  const dead = pair();
  dead.wire.cut();
  for (const [p, status] of [
    [silent, 408],
    [dead, 503],
  ] as const) {
    const { words, events } = hear();
    p.left.invite(inviteRequest(), p.wire.left, events);
    p.clock.advance(128_000);
    expect(words).toEqual([`rejected ${status}`]);
    expectClean(p);
  }
});

test("a lost 2xx is sent again at T1 doubling to T2, over WebSocket too, and accepted once", () => {
  let lost = 0;
  const p = pair({ lose: (message) => "status" in message && message.status === 200 && (lost += 1) <= 3 });
  const { callee, heardByCaller } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(10_000);
  const sent = p.wire.records.filter((_, at) => p.wire.log[at]?.startsWith("right: 200"));
  expect(sent.map(({ at }) => at - 5)).toEqual([0, 500, 1500, 3500]);
  expect(heardByCaller.words).toEqual(["accepted 200"]);
  expect(callee.state).toBe("confirmed");
  callee.bye();
  expectClean(p);
});

test("a lost ACK is sent again with each repeated 2xx, body included", () => {
  let lost = 0;
  const p = pair({ lose: (message) => "method" in message && message.method === "ACK" && (lost += 1) <= 2 });
  const { caller, callee, heardByCaller, heardByCallee } = p.call({
    caller: { accepted: () => caller.ack({ type: "application/sdp", text: "v=0\r\n" }) },
  });
  callee.accept({ headers: contact });
  p.clock.advance(10_000);
  const acks = p.wire.records.filter(({ message }) => "method" in message && message.method === "ACK");
  expect(acks.map(({ message }) => message.body)).toEqual(["v=0\r\n", "v=0\r\n", "v=0\r\n"]);
  expect([heardByCaller.words, heardByCallee.words]).toEqual([["accepted 200"], ["acknowledged"]]);
  caller.bye();
  expectClean(p);
});

test("no ACK in 64*T1: BYE, ended by timeout", () => {
  const p = pair({ lose: (message) => "method" in message && message.method === "ACK" });
  const { callee, heardByCaller, heardByCallee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(31_990);
  expect(callee.state).toBe("accepted");
  p.clock.advance(20);
  expect(heardByCallee.words).toEqual(["ended timeout"]);
  expect(heardByCaller.words).toEqual(["accepted 200", "ended peer"]);
  expectClean(p);
});

test("a 2xx after the INVITE transaction has ended still gets its ACK", () => {
  const p = pair();
  const { caller, callee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(40_000);
  const ok = p.wire.records.find(({ message }) => "status" in message && message.status === 200);
  if (ok) p.wire.right.send(ok.message.toOctets());
  p.clock.advance(5);
  expect(p.wire.log.slice(-2)).toEqual(["right: 200 INVITE", "left: ACK"]);
  caller.bye();
  expectClean(p);
});

test("the callee's BYE waits for the ACK (RFC 3261 §15)", () => {
  let lost = 0;
  const p = pair({ lose: (message) => "method" in message && message.method === "ACK" && (lost += 1) <= 1 });
  const { callee, heardByCaller, heardByCallee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(5);
  callee.bye();
  expect([callee.state, heardByCallee.words]).toEqual(["terminated", ["ended local"]]);
  p.clock.advance(400);
  expect(p.wire.log).not.toContain("right: BYE");
  p.clock.advance(600);
  expect(p.wire.log.slice(-4)).toEqual(["right: 200 INVITE", "left: ACK", "right: BYE", "left: 200 BYE"]);
  expect(heardByCaller.words).toEqual(["accepted 200", "ended peer"]);
  expectClean(p);
});

test("the callee's BYE goes after 64*T1 when no ACK ever comes", () => {
  const p = pair({ lose: (message) => "method" in message && message.method === "ACK" });
  const { callee, heardByCallee } = p.call();
  callee.accept({ headers: contact });
  callee.bye();
  p.clock.advance(33_000);
  expect(p.wire.log.slice(-2)).toEqual(["right: BYE", "left: 200 BYE"]);
  expect(heardByCallee.words).toEqual(["ended local"]);
  expectClean(p);
});

test("BYEs that cross are both answered 200, each side hears one end", () => {
  const p = pair();
  const { caller, callee, heardByCaller, heardByCallee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(5);
  caller.bye();
  callee.bye();
  caller.bye();
  p.clock.advance(5);
  expect(p.wire.log.slice(-4)).toEqual(["left: BYE", "right: BYE", "right: 200 BYE", "left: 200 BYE"]);
  expect(heardByCaller.words.slice(-1)).toEqual(["ended local"]);
  expect(heardByCallee.words.slice(-1)).toEqual(["ended local"]);
  expectClean(p);
});

test("a BYE that is faster than our user's ack() still gets its 2xx acknowledged", () => {
  const p = pair({ lose: () => false });
  const { caller, callee, heardByCaller } = p.call({ caller: { accepted: () => {} } });
  callee.accept({ headers: contact });
  callee.bye();
  p.clock.advance(33_000);
  expect(caller.state).toBe("terminated");
  expect(p.wire.log.slice(-3).toSorted()).toEqual(["left: 200 BYE", "left: ACK", "right: BYE"]);
  expect(heardByCaller.words).toEqual(["accepted 200", "ended peer"]);
  expectClean(p);
});

test("end() does what the state asks for: CANCEL, 480, BYE", () => {
  const ringing = pair();
  const one = ringing.call();
  one.callee.progress(180);
  ringing.clock.advance(5);
  one.callee.end();
  ringing.clock.advance(5);
  expect(one.heardByCaller.words).toEqual(["progress 180", "rejected 480"]);
  const talking = pair();
  const two = talking.call();
  two.callee.accept({ headers: contact });
  talking.clock.advance(5);
  two.caller.end();
  two.callee.end();
  talking.clock.advance(5);
  expect(talking.wire.log.slice(-4, -2)).toEqual(["left: BYE", "right: BYE"]);
  expectClean(ringing);
  expectClean(talking);
});

test("while it rings the callee says so each minute, so that no proxy gives up (RFC 3261 §13.3.1.1)", () => {
  const p = pair();
  const { caller, callee, heardByCaller } = p.call();
  callee.progress(183, { body: { type: "application/sdp", text: "v=0\r\n" } });
  p.clock.advance(400_000);
  expect(heardByCaller.words).toEqual(Array.from({ length: 7 }, () => "progress 183"));
  expect(p.wire.records.map(({ message }) => message.body).slice(1)).toEqual(["v=0\r\n", "", "", "", "", "", ""]);
  caller.cancel();
  expectClean(p);
});

test("listeners that throw do not disturb the call", () => {
  const p = pair();
  const { caller, callee } = p.call({
    caller: { progress: thrower, ended: thrower },
    callee: { acknowledged: thrower, ended: thrower },
  });
  callee.progress(180);
  p.clock.advance(5);
  callee.accept({ headers: contact });
  p.clock.advance(5);
  caller.bye();
  p.clock.advance(5);
  expect([caller.state, callee.state]).toEqual(["terminated", "terminated"]);
  expect(p.errors).toHaveLength(4);
  p.errors.length = 0;
  expectClean(p);
});

test("calls that belong to the other role are refused as the programmer's mistake", () => {
  const { caller, callee } = pair().call();
  expect(() => caller.accept()).toThrow(TypeError);
  expect(() => caller.reject(486)).toThrow(TypeError);
  expect(() => caller.progress(180)).toThrow(TypeError);
  expect(() => callee.ack()).toThrow(TypeError);
  expect(() => callee.cancel()).toThrow(TypeError);
  expect(() => callee.progress(200)).toThrow(RangeError);
  expect(() => callee.reject(200)).toThrow(RangeError);
});

test("close() drops calls silently, stops every timer and settles promises", async () => {
  const p = pair();
  const { caller, callee, heardByCaller, heardByCallee } = p.call();
  callee.accept({ headers: contact });
  p.clock.advance(5);
  const info = caller.request("INFO");
  p.left.close();
  p.right.close();
  p.left.close();
  expect((await info).status).toBe(503);
  const late = p.left.send(optionsRequest(), p.wire.left);
  p.clock.advance(5);
  expect((await late).status).toBe(503);
  expect([heardByCaller.words, heardByCallee.words]).toEqual([["accepted 200"], ["acknowledged"]]);
  expectClean(p);
});
