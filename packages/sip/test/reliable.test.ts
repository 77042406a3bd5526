import { SipRequest } from "@portico/sip";
import type { SipMessage } from "@portico/sip";
import { expect, test } from "vitest";
import { contact, pair } from "./callHarness.ts";

const supported: [string, string][] = [["Supported", "100rel"]];
const sdp = (text: string): { type: string; text: string } => ({ type: "application/sdp", text });
const isPrack = (m: SipMessage): boolean => m instanceof SipRequest && m.method === "PRACK";

test("a reliable response is acknowledged by PRACK without the owners' doing (RFC 3262)", () => {
  const p = pair();
  const pracks: SipRequest[] = [];
  const { callee, heardByCaller } = p.call({
    headers: supported,
    callee: { pracked: (prack) => void pracks.push(prack) },
  });
  callee.progress(183, { headers: contact, reliable: true });
  p.clock.advance(5);
  const [, reliable, prack] = p.wire.records.map(({ message }) => message);
  expect(p.wire.log).toEqual(["left: INVITE", "right: 183 INVITE", "left: PRACK", "right: 200 PRACK"]);
  expect(reliable?.get("Require")).toBe("100rel");
  expect(prack?.get("RAck")).toBe(`${reliable?.get("RSeq")} 1 INVITE`);
  expect([heardByCaller.words, pracks.length]).toEqual([["progress 183"], 1]);
  p.clock.advance(10_000);
  expect(p.wire.log).toHaveLength(4);
});

test("a caller without 100rel gets a plain response", () => {
  const p = pair();
  const { callee } = p.call();
  callee.progress(183, { headers: contact, reliable: true });
  p.clock.advance(5);
  expect(p.wire.log).toEqual(["left: INVITE", "right: 183 INVITE"]);
  expect(p.wire.records[1]?.message.has("RSeq")).toBe(false);
});

test("it is repeated at T1, doubling without limit, until its PRACK, and told once", () => {
  let lost = 0;
  const p = pair({ lose: (message) => isPrack(message) && (lost += 1) <= 1 });
  const { callee, heardByCaller } = p.call({ headers: supported });
  callee.progress(180, { headers: contact, reliable: true });
  p.clock.advance(4000);
  // Over WebSocket the lost PRACK is not sent again by its transaction; the callee repeats until it gives up.
  const at = p.wire.records.filter((_, n) => p.wire.log[n] === "right: 180 INVITE").map((r) => r.at - 5);
  expect(at).toEqual([0, 500, 1500, 3500]);
  expect(heardByCaller.words).toEqual(["progress 180"]);
});

test("over UDP a lost PRACK comes again by its own transaction", () => {
  let lost = 0;
  const p = pair({ protocol: "UDP", lose: (message) => isPrack(message) && (lost += 1) <= 1 });
  const { callee, heardByCaller } = p.call({ headers: supported });
  callee.progress(180, { headers: contact, reliable: true });
  p.clock.advance(600);
  callee.accept({ headers: contact });
  p.clock.advance(5);
  expect(heardByCaller.words).toEqual(["progress 180", "accepted 200"]);
});

test("no PRACK in 64*T1: the INVITE is rejected with a 5xx and the callee's call ends", () => {
  const p = pair({ lose: isPrack });
  const { callee, heardByCaller, heardByCallee } = p.call({ headers: supported });
  callee.progress(180, { headers: contact, reliable: true });
  p.clock.advance(32_010);
  expect([heardByCaller.words, heardByCallee.words]).toEqual([["progress 180", "rejected 504"], ["ended timeout"]]);
  expect(callee.state).toBe("terminated");
});

test("one at a time: the second reliable response and the 2xx wait for the PRACK of the first", () => {
  const p = pair();
  const { callee, heardByCaller } = p.call({ headers: supported });
  callee.progress(183, { headers: contact, reliable: true });
  callee.progress(180, { headers: contact, reliable: true });
  callee.accept({ headers: contact });
  expect(p.wire.log).toEqual(["left: INVITE", "right: 183 INVITE"]);
  p.clock.advance(10);
  expect(p.wire.log.slice(1)).toEqual([
    "right: 183 INVITE",
    "left: PRACK",
    "right: 200 PRACK",
    "right: 180 INVITE",
    "left: PRACK",
    "right: 200 PRACK",
    "right: 200 INVITE",
    "left: ACK",
  ]);
  const rseq = p.wire.records.map(({ message }) => message.get("RSeq")).filter((value) => value !== undefined);
  expect(Number(rseq[1])).toBe(Number(rseq[0]) + 1);
  expect(heardByCaller.words).toEqual(["progress 183", "progress 180", "accepted 200"]);
});

test("while the 2xx waits for a PRACK, the call can still be cancelled or ended", () => {
  const cancelled = pair({ lose: isPrack });
  const one = cancelled.call({ headers: supported });
  one.callee.progress(180, { headers: contact, reliable: true });
  one.callee.accept({ headers: contact });
  cancelled.clock.advance(1);
  one.caller.cancel();
  cancelled.clock.advance(5);
  expect([one.heardByCaller.words, one.heardByCallee.words]).toEqual([
    ["progress 180", "rejected 487"],
    ["cancelled CANCEL"],
  ]);
  const ended = pair({ lose: isPrack });
  const two = ended.call({ headers: supported });
  two.callee.progress(180, { headers: contact, reliable: true });
  two.callee.accept({ headers: contact });
  two.callee.end();
  expect(two.heardByCallee.words).toEqual(["ended local"]);
  ended.clock.advance(5);
  expect(two.heardByCaller.words).toEqual(["progress 180", "rejected 480"]);
});

test("a PRACK that fits nothing gets 481", async () => {
  const p = pair();
  const { caller, callee } = p.call({ headers: supported });
  callee.progress(180, { headers: contact, reliable: true });
  p.clock.advance(5);
  const stray = caller.request("PRACK", { headers: [["RAck", "1 1 INVITE"]] });
  p.clock.advance(5);
  expect((await stray).status).toBe(481);
});

test("the offer of an INVITE without one comes in the reliable response, its answer in the PRACK (RFC 3262 §5)", () => {
  const p = pair();
  const answers: string[] = [];
  const { caller, callee, heardByCaller } = p.call({
    headers: supported,
    callee: { pracked: (prack) => void answers.push(prack.body) },
  });
  callee.progress(183, { headers: contact, body: sdp("v=0 offer\r\n"), reliable: true });
  p.clock.advance(5);
  expect(p.wire.log).toEqual(["left: INVITE", "right: 183 INVITE"]);
  caller.prack(sdp("v=0 answer\r\n"));
  caller.prack(sdp("v=0 again\r\n"));
  p.clock.advance(5);
  expect(p.wire.log.slice(2)).toEqual(["left: PRACK", "right: 200 PRACK"]);
  expect([answers, heardByCaller.words]).toEqual([["v=0 answer\r\n"], ["progress 183"]]);
});

test("a PRACK with a new offer goes to the owner, who answers it", () => {
  const p = pair();
  const { caller, callee } = p.call({
    headers: supported,
    callee: { request: (tx) => tx.reply(200, { body: sdp("v=0 answer\r\n") }) },
  });
  // The automatic PRACK is lost; the test puts one with an offer in its place.
  p.wire.lose = isPrack;
  callee.progress(180, { headers: contact, reliable: true });
  p.clock.advance(2);
  const rseq = p.wire.records[1]?.message.get("RSeq");
  p.wire.lose = () => false;
  const own = caller.dialog?.createRequest("PRACK", [["RAck", `${rseq} 1 INVITE`]], sdp("v=0 offer\r\n"));
  expect(own).toBeDefined();
  if (own) void p.left.send(own, p.wire.left);
  p.clock.advance(5);
  const last = p.wire.records.at(-1)?.message;
  expect([p.wire.log.at(-1), last?.body]).toEqual(["right: 200 PRACK", "v=0 answer\r\n"]);
});
