import { accessTimers, SipRequest } from "@portico/sip";
import { expect, test } from "vitest";
import { ownRequest, stage } from "./layerHarness.ts";

const times = (s: ReturnType<typeof stage>, word: string): number[] =>
  s.wire.records.filter((_, at) => s.wire.log[at]?.startsWith(word)).map(({ at }) => at);

test("over UDP an INVITE is sent again at T1, doubling, until timer B (RFC 3261 §17.1.1.2)", () => {
  const s = stage();
  const tx = s.send(ownRequest("INVITE"));
  expect(tx.state).toBe("calling");
  s.clock.advance(31_999);
  expect(times(s, "left: INVITE")).toEqual([0, 500, 1500, 3500, 7500, 15_500, 31_500]);
  expect(s.heard).toEqual([]);
  s.clock.advance(1);
  expect(s.heard).toEqual(["timeout"]);
  expect([tx.state, s.layer.size, s.clock.pending]).toEqual(["terminated", 0, 0]);
});

test("EPC-WS-05a over WebSocket nothing is sent again, timer B still applies", () => {
  const s = stage({ protocol: "WSS", timers: accessTimers });
  s.send(ownRequest("INVITE"));
  s.send(ownRequest("OPTIONS"));
  s.clock.advance(127_999);
  expect(s.wire.log).toEqual(["left: INVITE", "left: OPTIONS"]);
  expect(s.heard).toEqual([]);
  s.clock.advance(1);
  expect(s.heard).toEqual(["timeout", "timeout"]);
  expect(s.layer.size).toBe(0);
});

test("Via names the hop, asks for rport over UDP only, and each request has a branch of its own", () => {
  const udp = stage();
  udp.send(ownRequest("OPTIONS"));
  udp.send(ownRequest("OPTIONS"));
  const [first, second] = udp.wire.records.map(({ message }) => message.topVia);
  expect([first?.protocol, first?.host, first?.params.has("rport")]).toEqual(["UDP", "left.invalid", true]);
  expect(first?.params.get("branch")).toMatch(/^z9hG4bK[a-z0-9]{20}$/);
  expect(first?.params.get("branch")).not.toBe(second?.params.get("branch"));
  const wss = stage({ protocol: "WSS" });
  const request = ownRequest("OPTIONS");
  wss.send(request);
  expect(wss.wire.records[0]?.message.get("Via")).toMatch(/^SIP\/2\.0\/WSS left\.invalid;branch=z9hG4bK[a-z0-9]{20}$/);
  expect(request.has("Via")).toBe(false);
});

test("a provisional response stops timers A and B and is told", () => {
  const s = stage();
  const tx = s.send(ownRequest("INVITE"));
  s.answer(100);
  s.answer(180);
  s.answer(180);
  s.clock.advance(100_000);
  expect(tx.state).toBe("proceeding");
  expect(s.heard).toEqual(["100", "180", "180"]);
  expect(times(s, "left: INVITE")).toEqual([0]);
});

test("3xx-6xx are acknowledged hop by hop, each time they come, until timer D (RFC 3261 §17.1.1.3)", () => {
  const s = stage();
  const invite = ownRequest("INVITE", [["Route", "<sip:edge.invalid;lr>"]]);
  const tx = s.send(invite);
  s.answer(486);
  expect(tx.state).toBe("completed");
  s.answer(486);
  s.clock.advance(31_999);
  expect(s.layer.size).toBe(1);
  s.clock.advance(1);
  expect([tx.state, s.layer.size]).toEqual(["terminated", 0]);
  expect(s.heard).toEqual(["486"]);
  const acks = s.atPeer.filter((message) => message instanceof SipRequest && message.method === "ACK");
  expect(acks).toHaveLength(2);
  const [ack] = acks;
  expect(ack?.get("Via")).toBe(tx.request.get("Via"));
  expect(ack?.get("Route")).toBe("<sip:edge.invalid;lr>");
  expect([ack?.toTag, ack?.fromTag, ack?.callId, ack?.get("CSeq")]).toEqual(["peer", "mary1", "own-call", "1 ACK"]);
});

test("over a reliable hop timer D is zero", () => {
  const s = stage({ protocol: "WSS" });
  s.send(ownRequest("INVITE"));
  s.answer(603);
  expect([s.heard, s.layer.size, s.clock.pending]).toEqual([["603"], 0, 0]);
});

test("RFC 6026: every 2xx goes up until timer M, without an ACK from the transaction", () => {
  const s = stage();
  const tx = s.send(ownRequest("INVITE"));
  s.answer(200);
  s.answer(200, { toTag: "other-branch" });
  s.answer(486, { toTag: "late" });
  expect([tx.state, s.heard]).toEqual(["accepted", ["200", "200"]]);
  expect(s.wire.log.filter((line) => line.includes("ACK"))).toEqual([]);
  s.clock.advance(32_000);
  expect([tx.state, s.layer.size]).toEqual(["terminated", 0]);
  s.answer(200);
  expect(s.strays).toHaveLength(1);
});

test("CANCEL waits for a provisional response and has the INVITE's branch, Route and CSeq number (RFC 3261 §9.1)", () => {
  const s = stage();
  const tx = s.send(ownRequest("INVITE", [["Route", "<sip:edge.invalid;lr>"]]));
  tx.cancel([["Reason", 'SIP;cause=200;text="Call completed elsewhere"']]);
  tx.cancel();
  s.clock.advance(400);
  expect(s.wire.log).toEqual(["left: INVITE"]);
  s.answer(100);
  expect(s.wire.log.slice(-1)).toEqual(["left: CANCEL"]);
  const cancel = s.wire.records.at(-1)?.message;
  expect(cancel?.get("Via")).toBe(tx.request.get("Via"));
  expect(cancel?.get("Route")).toBe("<sip:edge.invalid;lr>");
  expect(cancel?.get("CSeq")).toBe("1 CANCEL");
  expect(cancel?.get("Reason")).toBe('SIP;cause=200;text="Call completed elsewhere"');
  expect(cancel?.toTag).toBeUndefined();
});

test("CANCEL without effect: after the final response, and on other methods", () => {
  const s = stage();
  const invite = s.send(ownRequest("INVITE"));
  s.answer(200);
  invite.cancel();
  const options = s.send(ownRequest("OPTIONS"));
  s.answer(100);
  options.cancel();
  expect(s.wire.log.filter((line) => line.includes("CANCEL"))).toEqual([]);
});

test("a peer that answers the CANCEL but never the INVITE is given up after 64*T1 (RFC 3261 §9.1)", () => {
  const s = stage();
  const tx = s.send(ownRequest("INVITE"));
  s.answer(180);
  tx.cancel();
  s.clock.advance(0);
  s.answer(200);
  s.clock.advance(31_999);
  expect(s.heard).toEqual(["180"]);
  s.clock.advance(1);
  expect(s.heard).toEqual(["180", "timeout"]);
  s.clock.advance(64_000);
  expect([s.layer.size, s.clock.pending]).toEqual([0, 0]);
});

test("EPC-SES-10c timer C: an INVITE that rings for more than three minutes is cancelled, each 18x gives it more", () => {
  const s = stage({ protocol: "WSS" });
  s.send(ownRequest("INVITE"));
  s.answer(100);
  s.clock.advance(100_000);
  s.answer(180);
  s.clock.advance(180_000);
  expect(s.wire.log).not.toContain("left: CANCEL");
  s.clock.advance(20_000);
  expect(s.wire.log).toContain("left: CANCEL");
  s.clock.advance(32_000);
  expect(s.heard).toEqual(["100", "180", "timeout"]);
});

test("a hop that is gone is told as such, after request() has returned", () => {
  for (const method of ["INVITE", "MESSAGE"]) {
    const s = stage();
    s.wire.cut();
    s.send(ownRequest(method));
    expect(s.heard).toEqual([]);
    s.clock.advance(0);
    expect(s.heard).toEqual(["transport"]);
    expect([s.layer.size, s.clock.pending]).toEqual([0, 0]);
  }
});

test("a hop that goes between two retransmissions ends the transaction", () => {
  for (const method of ["INVITE", "MESSAGE"]) {
    const s = stage();
    s.send(ownRequest(method));
    s.wire.cut();
    s.clock.advance(500);
    expect([s.heard, s.layer.size]).toEqual([["transport"], 0]);
  }
});
