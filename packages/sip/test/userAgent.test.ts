import { SipRequest } from "@portico/sip";
import type { ServerTransaction } from "@portico/sip";
import { expect, test } from "vitest";
import { contact, hear, inviteRequest, optionsRequest, pair } from "./callHarness.ts";

test("send() resolves with the final response, whatever comes before it", async () => {
  const p = pair();
  const answered = p.left.send(optionsRequest(), p.wire.left);
  p.clock.advance(5);
  p.incoming[0]?.reply(100);
  p.clock.advance(5);
  p.incoming[0]?.reply(404);
  p.clock.advance(5);
  expect((await answered).status).toBe(404);
});

test("send() never rejects: no answer is a 408, no way a 503, both made here", async () => {
  const silent = pair({ lose: () => true });
  const late = silent.left.send(optionsRequest(), silent.wire.left);
  silent.clock.advance(32_000);
  expect([(await late).status, (await late).callId]).toEqual([408, "options-1"]);
  const dead = pair();
  dead.wire.cut();
  const gone = dead.left.send(optionsRequest(), dead.wire.left);
  dead.clock.advance(0);
  expect((await gone).status).toBe(503);
});

const invite = (branch: string, uri: string): string =>
  SipRequest.create("INVITE", uri, [
    ["Via", `SIP/2.0/WSS left.invalid;branch=${branch}`],
    ["From", "<sip:mary@acme.ims.test>;tag=mary1"],
    ["To", "<sip:ken@acme.ims.test>"],
    ["Call-ID", "forked"],
    ["CSeq", "1 INVITE"],
  ]).toOctets();

test("a hop that closes ends what waits on it at once; calls that stand live on", async () => {
  const p = pair();
  const { caller, callee } = p.call({ callee: { request: () => {} } });
  callee.accept({ headers: contact });
  p.clock.advance(5);
  const other = { ...p.wire.left };
  const { words, events } = hear();
  p.left.invite(inviteRequest().set("Call-ID", "second"), p.wire.left, events);
  const info = caller.request("INFO");
  const elsewhere = p.left.send(optionsRequest(), other);
  p.clock.advance(5);
  p.left.hopClosed(p.wire.left);
  expect([(await info).status, words, caller.state]).toEqual([503, ["rejected 503"], "confirmed"]);
  p.incoming.find(({ request }) => request.method === "OPTIONS")?.reply(200);
  p.clock.advance(5);
  expect((await elsewhere).status).toBe(200);
});

test("two INVITEs forked to two tabs of one user agent are two calls", () => {
  const p = pair();
  p.wire.left.send(invite("z9hG4bK1", "sip:ken@tab1.invalid"));
  p.wire.left.send(invite("z9hG4bK2", "sip:ken@tab2.invalid"));
  p.clock.advance(5);
  const usages = p.incoming.map((tx: ServerTransaction) => p.right.accept(tx, { ended: () => {} }));
  for (const usage of usages) usage.progress(180);
  const [one, two] = usages;
  expect(one?.dialog?.id).not.toBe(two?.dialog?.id);
  one?.accept();
  two?.reject(486);
  expect([one?.state, two?.state]).toEqual(["accepted", "terminated"]);
});

test("a listener that throws on a new request has it answered 500", async () => {
  const p = pair();
  p.incoming.push = () => {
    throw new Error("owner's mistake");
  };
  const answered = p.left.send(optionsRequest(), p.wire.left);
  p.clock.advance(5);
  expect([(await answered).status, p.errors.length]).toEqual([500, 1]);
});
