import { createResponse, largeStorage } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { ownRequest, stage } from "./layerHarness.ts";

test("over UDP timer E doubles up to T2, timer F ends it (RFC 3261 §17.1.2.2)", () => {
  const s = stage();
  const tx = s.send(ownRequest("MESSAGE"));
  expect(tx.state).toBe("trying");
  s.clock.advance(32_000);
  const at = s.wire.records.map((record) => record.at);
  expect(at).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  expect([s.heard, tx.state, s.layer.size, s.clock.pending]).toEqual([["timeout"], "terminated", 0, 0]);
});

test("after a provisional response it is sent every T2, and timer F still ends it", () => {
  const s = stage();
  const tx = s.send(ownRequest("MESSAGE"));
  s.clock.advance(500);
  s.answer(100);
  expect(tx.state).toBe("proceeding");
  s.clock.advance(9000);
  expect(s.wire.records.filter(({ from }) => from === "left").map(({ at }) => at)).toEqual([0, 500, 1500, 5500, 9500]);
  s.clock.advance(22_500);
  expect(s.heard).toEqual(["100", "timeout"]);
});

test("the final response is told once; timer K swallows its repetitions over UDP only", () => {
  const udp = stage();
  const tx = udp.send(ownRequest("MESSAGE"));
  udp.answer(202);
  udp.answer(202);
  expect([udp.heard, tx.state, udp.layer.size, udp.strays.length]).toEqual([["202"], "completed", 1, 0]);
  udp.clock.advance(5000);
  expect([tx.state, udp.layer.size, udp.clock.pending]).toEqual(["terminated", 0, 0]);
  const wss = stage({ protocol: "WSS" });
  wss.send(ownRequest("MESSAGE"));
  wss.answer(404);
  expect([wss.heard, wss.layer.size, wss.clock.pending]).toEqual([["404"], 0, 0]);
});

test("a response whose branch or method fits no request is stray", () => {
  const s = stage();
  const tx = s.send(ownRequest("MESSAGE"));
  const method = createResponse(tx.request, 200).set("CSeq", "1 INFO");
  const branch = createResponse(tx.request, 200).set("Via", "SIP/2.0/UDP left.invalid;branch=z9hG4bKunknown");
  s.say(method);
  s.say(branch);
  expect([s.heard, s.strays.length, tx.state]).toEqual([[], 2, "trying"]);
});

test("a server waits for no copies of a response: they are nobody's, and keep nothing", () => {
  const s = stage({ storage: largeStorage(new SeededRandom(9)) });
  const tx = s.send(ownRequest("MESSAGE"));
  const response = createResponse(tx.request, 200);
  s.say(response);
  s.clock.advance(0);
  expect([s.heard.length, tx.state, s.layer.size, s.clock.pending]).toEqual([1, "terminated", 0, 0]);
  s.say(response);
  s.clock.advance(0);
  expect([s.heard.length, s.strays.length]).toEqual([1, 1]);
});

test("many wait for an answer with one timer for all, each for its own 32 seconds", () => {
  const s = stage({ storage: largeStorage(new SeededRandom(9)), protocol: "WSS" });
  const all = Array.from({ length: 3000 }, (_, turn) => {
    const tx = s.send(ownRequest("MESSAGE"));
    if (turn % 3 === 2) s.clock.advance(1);
    return tx;
  });
  expect([s.layer.size, s.clock.pending]).toEqual([3000, 1]);
  // 1000 ms have passed meanwhile: three begin at each of them.
  s.clock.advance(31_500);
  expect(s.layer.size).toBe(3000 - 501 * 3);
  expect(all.filter(({ state }) => state === "terminated")).toHaveLength(501 * 3);
  s.clock.advance(500);
  expect([s.layer.size, s.clock.pending]).toEqual([0, 0]);
  expect(s.heard).toEqual(all.map(() => "timeout"));
});
