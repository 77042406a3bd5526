import { expect, test } from "vitest";
import { accessTimers } from "@portico/sip";
import { peerRequest, stage } from "./layerHarness.ts";

test("an INVITE nobody answers within 200 ms gets 100 Trying; one answered sooner does not", () => {
  const slow = stage();
  slow.say(peerRequest("INVITE"));
  slow.clock.advance(199);
  expect(slow.wire.log).toEqual(["right: INVITE"]);
  slow.clock.advance(1);
  expect(slow.wire.log).toEqual(["right: INVITE", "left: 100 INVITE"]);
  const quick = stage();
  quick.say(peerRequest("INVITE"));
  quick.requests[0]?.reply(180);
  quick.clock.advance(1000);
  expect(quick.wire.log).toEqual(["right: INVITE", "left: 180 INVITE"]);
});

test("a repeated INVITE gets the last provisional response again and is not handed up twice", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  s.requests[0]?.reply(180);
  s.requests[0]?.reply(183);
  s.say(peerRequest("INVITE"));
  expect(s.wire.log.slice(-2)).toEqual(["right: INVITE", "left: 183 INVITE"]);
  expect(s.requests).toHaveLength(1);
});

test("3xx-6xx: timer G repeats it over UDP up to T2, the ACK ends that, timer I cleans up", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  const [tx] = s.requests;
  tx?.reply(486);
  s.clock.advance(12_000);
  const sent = s.wire.records.filter(({ from }) => from === "left").map(({ at }) => at);
  expect(sent).toEqual([0, 500, 1500, 3500, 7500, 11_500]);
  s.say(peerRequest("ACK", { toTag: tx?.localTag ?? "" }));
  expect([tx?.state, s.acks.length]).toEqual(["confirmed", 0]);
  s.say(peerRequest("ACK", { toTag: tx?.localTag ?? "" }));
  s.clock.advance(5000);
  expect([tx?.state, s.layer.size, s.clock.pending]).toEqual(["terminated", 0, 0]);
});

test("3xx-6xx without ACK: timer H tells the owner; nothing is repeated over a reliable hop", () => {
  const s = stage({ protocol: "WSS", timers: accessTimers });
  let told = 0;
  s.say(peerRequest("INVITE"));
  const [tx] = s.requests;
  if (tx) tx.onTimeout = () => void (told += 1);
  tx?.reply(486);
  s.clock.advance(127_999);
  expect([s.wire.log, told]).toEqual([["right: INVITE", "left: 486 INVITE"], 0]);
  s.clock.advance(1);
  expect([told, tx?.state, s.layer.size, s.clock.pending]).toEqual([1, "terminated", 0, 0]);
});

test("over a reliable hop the ACK ends the transaction at once (timer I is zero)", () => {
  const s = stage({ protocol: "WSS" });
  s.say(peerRequest("INVITE"));
  s.requests[0]?.reply(404);
  s.say(peerRequest("ACK"));
  expect([s.layer.size, s.clock.pending]).toEqual([0, 0]);
});

test("RFC 6026: after a 2xx repeated INVITEs are swallowed, ACKs go up, timer L ends it", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  const [tx] = s.requests;
  tx?.reply(200);
  s.say(peerRequest("INVITE"));
  s.say(peerRequest("ACK", { branch: "z9hG4bKother" }));
  s.say(peerRequest("ACK"));
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual(["left: 200 INVITE"]);
  expect([tx?.state, s.acks.length, s.requests.length]).toEqual(["accepted", 2, 1]);
  s.clock.advance(32_000);
  expect([tx?.state, s.layer.size, s.clock.pending]).toEqual(["terminated", 0, 0]);
});

test("after a final response the owner can send no other one; a 2xx may be sent again", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  s.say(peerRequest("INVITE", { branch: "z9hG4bKtwo", callId: "two" }));
  s.requests[0]?.reply(486);
  s.requests[0]?.reply(200);
  s.requests[0]?.reply(180);
  s.requests[1]?.reply(200);
  s.requests[1]?.reply(486);
  s.requests[1]?.reply(200);
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual([
    "left: 486 INVITE",
    "left: 200 INVITE",
    "left: 200 INVITE",
  ]);
  s.clock.advance(64_000);
  s.requests[0]?.reply(200);
  expect(s.layer.size).toBe(0);
});

test("non-INVITE: the last response answers repetitions; timer J ends it (RFC 3261 §17.2.2)", () => {
  const s = stage();
  s.say(peerRequest("MESSAGE"));
  const [tx] = s.requests;
  s.say(peerRequest("MESSAGE"));
  expect([tx?.state, s.wire.log.length]).toEqual(["trying", 2]);
  tx?.reply(100);
  s.say(peerRequest("MESSAGE"));
  expect(tx?.state).toBe("proceeding");
  tx?.reply(202);
  tx?.reply(500);
  s.say(peerRequest("MESSAGE"));
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual([
    "left: 100 MESSAGE",
    "left: 100 MESSAGE",
    "left: 202 MESSAGE",
    "left: 202 MESSAGE",
  ]);
  s.clock.advance(32_000);
  expect([tx?.state, s.layer.size, s.clock.pending]).toEqual(["terminated", 0, 0]);
});

test("non-INVITE over a reliable hop: timer J is zero", () => {
  const s = stage({ protocol: "WSS" });
  s.say(peerRequest("OPTIONS"));
  s.requests[0]?.reply(200);
  s.clock.advance(0);
  expect([s.layer.size, s.clock.pending]).toEqual([0, 0]);
});

test("a non-INVITE request nobody answers is forgotten after 64*T1, without a useless 408 (RFC 4320 §4.2)", () => {
  const s = stage();
  let told = 0;
  s.say(peerRequest("MESSAGE"));
  const [tx] = s.requests;
  if (tx) tx.onTimeout = () => void (told += 1);
  s.clock.advance(32_000);
  tx?.reply(200);
  expect([told, s.wire.log, s.layer.size]).toEqual([1, ["right: MESSAGE"], 0]);
});

test("CANCEL: answered 200 with the INVITE's To tag, the owner answers the INVITE", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  const [tx] = s.requests;
  if (tx) tx.onCancel = (cancel) => tx.reply(487, { reason: cancel.get("Reason") ?? "" });
  tx?.reply(180);
  s.say(peerRequest("CANCEL", { headers: [["Reason", "SIP;cause=200"]] }));
  s.say(peerRequest("CANCEL", { headers: [["Reason", "SIP;cause=200"]] }));
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual([
    "left: 180 INVITE",
    "left: 200 CANCEL",
    "left: 487 INVITE",
    "left: 200 CANCEL",
  ]);
  const tags = s.wire.records.filter(({ from }) => from === "left").map(({ message }) => message.toTag);
  expect(new Set(tags)).toEqual(new Set([tx?.localTag]));
});

test("CANCEL with no owner listening gets the INVITE answered 487; for no INVITE 481; after the final one 200 only", () => {
  const s = stage();
  s.say(peerRequest("CANCEL"));
  s.say(peerRequest("INVITE", { branch: "z9hG4bKtwo", callId: "two" }));
  s.say(peerRequest("CANCEL", { branch: "z9hG4bKtwo", callId: "two" }));
  s.say(peerRequest("INVITE", { branch: "z9hG4bKthree", callId: "three" }));
  s.requests[1]?.reply(200);
  s.say(peerRequest("CANCEL", { branch: "z9hG4bKthree", callId: "three" }));
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual([
    "left: 481 CANCEL",
    "left: 200 CANCEL",
    "left: 487 INVITE",
    "left: 200 INVITE",
    "left: 200 CANCEL",
  ]);
});

test("one request by two ways is merged: 482; a fork to two contacts of ours is not", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  s.say(peerRequest("INVITE", { branch: "z9hG4bKdetour" }));
  s.say(peerRequest("INVITE", { branch: "z9hG4bKfork", uri: "sip:mary@tab2.invalid" }));
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual(["left: 482 INVITE"]);
  expect(s.requests).toHaveLength(2);
  s.say(peerRequest("ACK", { branch: "z9hG4bKdetour" }));
  s.requests[0]?.reply(200);
  s.clock.advance(32_000);
  s.say(peerRequest("INVITE", { branch: "z9hG4bKlater" }));
  expect(s.requests).toHaveLength(3);
});

test("a request of an RFC 2543 peer, without the magic cookie, is matched by its other fields", () => {
  const s = stage();
  s.say(peerRequest("INVITE", { branch: "1" }));
  s.say(peerRequest("INVITE", { branch: "1" }));
  expect(s.requests).toHaveLength(1);
  s.requests[0]?.reply(486);
  s.say(peerRequest("ACK", { branch: "1", toTag: s.requests[0]?.localTag ?? "" }));
  expect(s.requests[0]?.state).toBe("confirmed");
});

test("a listener that throws has its request answered 500 and the layer goes on", () => {
  const s = stage({
    onRequest: () => {
      throw new Error("owner's mistake");
    },
  });
  s.say(peerRequest("MESSAGE"));
  s.say(peerRequest("INVITE", { callId: "two", branch: "z9hG4bKtwo" }));
  expect(s.wire.log.filter((line) => line.startsWith("left"))).toEqual(["left: 500 MESSAGE", "left: 500 INVITE"]);
  expect(s.errors).toHaveLength(2);
});

test("close() ends everything, tells users of unanswered requests, and may be called again", () => {
  const s = stage();
  s.say(peerRequest("INVITE"));
  s.say(peerRequest("MESSAGE", { branch: "z9hG4bKtwo" }));
  s.requests[0]?.reply(486);
  s.send(peerRequest("OPTIONS").remove("Via"));
  s.clock.advance(0);
  s.layer.close();
  s.layer.close();
  expect([s.heard, s.layer.size, s.clock.pending]).toEqual([["transport"], 0, 0]);
  s.send(peerRequest("OPTIONS").remove("Via"));
  s.clock.advance(0);
  s.say(peerRequest("MESSAGE", { branch: "z9hG4bKthree" }));
  expect([s.heard, s.layer.size, s.requests.length]).toEqual([["transport", "transport"], 0, 2]);
});
