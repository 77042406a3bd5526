import { expect, test } from "vitest";
import { contact, pair } from "./callHarness.ts";

test("a call is set up and ended by the caller", () => {
  const { clock, wire, call, left, right, errors } = pair();
  const { caller, callee, heardByCaller, heardByCallee } = call();
  callee.progress(180, { headers: contact });
  clock.advance(5);
  expect(caller.state).toBe("early");
  callee.accept({ headers: contact });
  clock.advance(5);
  expect([caller.state, callee.state]).toEqual(["confirmed", "confirmed"]);
  caller.bye();
  clock.advance(5);
  expect(wire.log).toEqual([
    "left: INVITE",
    "right: 180 INVITE",
    "right: 200 INVITE",
    "left: ACK",
    "left: BYE",
    "right: 200 BYE",
  ]);
  expect(heardByCaller.words).toEqual(["progress 180", "accepted 200", "ended local"]);
  expect(heardByCallee.words).toEqual(["acknowledged", "ended peer"]);
  clock.advance(64 * 500);
  expect([left.transactions.size, right.transactions.size, clock.pending]).toEqual([0, 0, 0]);
  expect(errors).toEqual([]);
});

test("the callee ends the call", () => {
  const { clock, call, wire } = pair({ protocol: "UDP" });
  const { callee, heardByCaller, heardByCallee } = call();
  callee.accept({ headers: contact });
  clock.advance(5);
  callee.bye([["Reason", "SIP;cause=200"]]);
  clock.advance(5);
  expect(heardByCaller.words).toEqual(["accepted 200", "ended peer"]);
  expect(heardByCallee.words).toEqual(["acknowledged", "ended local"]);
  expect(wire.log.slice(-2)).toEqual(["right: BYE", "left: 200 BYE"]);
});

test("CANCEL before the answer", () => {
  const { clock, call, wire, left, right } = pair();
  const { caller, callee, heardByCaller, heardByCallee } = call();
  callee.progress(180);
  clock.advance(5);
  caller.cancel();
  clock.advance(5);
  expect(wire.log.slice(-4)).toEqual(["left: CANCEL", "right: 200 CANCEL", "right: 487 INVITE", "left: ACK"]);
  expect(heardByCaller.words).toEqual(["progress 180", "rejected 487"]);
  expect(heardByCallee.words).toEqual(["cancelled CANCEL"]);
  clock.advance(64 * 500);
  expect([left.transactions.size, right.transactions.size, clock.pending]).toEqual([0, 0, 0]);
});
