import { createResponse, SipRequest } from "@portico/sip";
import type { InviteEvents, InviteUsage, ResponseOptions } from "@portico/sip";
import { expect, test } from "vitest";
import { hear, inviteRequest, pair } from "./callHarness.ts";

/** A caller whose INVITE the test answers in the name of several callees behind a forking proxy. */
function forked(more: Partial<InviteEvents> = {}): {
  p: ReturnType<typeof pair>;
  caller: InviteUsage;
  words: string[];
  answer: (status: number, tag: string, options?: ResponseOptions) => void;
  sent: (method: string) => SipRequest[];
} {
  const p = pair();
  const { words, events } = hear({ accepted: () => caller.ack(), ...more });
  const caller = p.left.invite(inviteRequest(), p.wire.left, events);
  p.clock.advance(1);
  const invite = p.incoming[0]?.request;
  if (!invite) throw new Error("no INVITE");
  // The right side is the test from here on.
  p.wire.onRight = () => {};
  const sent = (method: string): SipRequest[] =>
    p.wire.records
      .map(({ message }) => message)
      .filter((m) => m instanceof SipRequest && m.method === method) as SipRequest[];
  return {
    p,
    caller,
    words,
    sent,
    answer: (status, toTag, options = {}) => {
      const contact: [string, string] = ["Contact", `<sip:ken@${toTag}.invalid>`];
      const headers = [contact, ...(options.headers ?? [])];
      p.wire.right.send(createResponse(invite, status, { toTag, ...options, headers }).toOctets());
      p.clock.advance(1);
    },
  };
}

test("several early dialogs and several 2xx are one call: the first 2xx wins, others get ACK and BYE", () => {
  const { p, caller, words, answer, sent } = forked();
  answer(180, "one");
  answer(180, "two");
  answer(183, "one");
  expect([caller.state, caller.dialog?.remoteTag]).toEqual(["early", "two"]);
  answer(200, "one");
  expect([caller.state, caller.dialog?.remoteTag]).toEqual(["confirmed", "one"]);
  answer(200, "two");
  answer(200, "three");
  expect(words).toEqual(["progress 180", "progress 180", "progress 183", "accepted 200"]);
  expect(sent("ACK").map(({ toTag, uri }) => [toTag, uri])).toEqual([
    ["one", "sip:ken@one.invalid"],
    ["two", "sip:ken@two.invalid"],
    ["three", "sip:ken@three.invalid"],
  ]);
  expect(sent("BYE").map(({ toTag }) => toTag)).toEqual(["two", "three"]);
  // Each repeated 2xx gets its own ACK again, no further BYE.
  answer(200, "two");
  answer(200, "one");
  expect(sent("ACK").map(({ toTag }) => toTag)).toEqual(["one", "two", "three", "two", "one"]);
  expect(sent("BYE")).toHaveLength(2);
  p.clock.advance(64_000);
  expect([p.left.transactions.size, caller.state]).toEqual([0, "confirmed"]);
});

test("a 2xx that is repeated before its user's ack() is told once and waits", () => {
  const { words, answer, sent, caller } = forked({ accepted: () => {} });
  answer(200, "one");
  answer(200, "one");
  expect([words, sent("ACK").length]).toEqual([["accepted 200"], 0]);
  caller.ack();
  caller.ack();
  answer(200, "one");
  expect(sent("ACK")).toHaveLength(2);
});

test("199 ends one early dialog, not the call (RFC 6228)", () => {
  const { p, caller, words, answer } = forked();
  answer(180, "one");
  answer(180, "two");
  answer(199, "two");
  expect([caller.state, caller.dialog?.remoteTag, words.at(-1)]).toEqual(["early", "one", "progress 199"]);
  const update = SipRequest.create("UPDATE", "sip:mary@left.invalid", [
    ["Via", "SIP/2.0/WSS right.invalid;branch=z9hG4bKu"],
    ["From", "<sip:ken@acme.ims.test>;tag=two"],
    ["To", "<sip:mary@acme.ims.test>;tag=mary1"],
    ["Call-ID", "call-1"],
    ["CSeq", "1 UPDATE"],
  ]);
  p.wire.right.send(update.toOctets());
  p.clock.advance(2);
  expect(p.wire.log.at(-1)).toBe("left: 481 UPDATE");
});

test("after CANCEL every 2xx of the fork is ACKed and ended", () => {
  const { caller, words, answer, sent } = forked();
  answer(180, "one");
  caller.cancel();
  answer(200, "one");
  answer(200, "two");
  expect(words).toEqual(["progress 180", "rejected 487"]);
  expect(sent("ACK").map(({ toTag }) => toTag)).toEqual(["one", "two"]);
  expect(sent("BYE").map(({ toTag }) => toTag)).toEqual(["one", "two"]);
});

test("the route set comes from the 2xx, in reverse order, and leads every request of the dialog", () => {
  const { caller, answer, sent } = forked();
  answer(180, "one", { headers: [["Record-Route", "<sip:early.invalid;lr>"]] });
  answer(200, "one", { headers: [["Record-Route", "<sip:far.invalid;lr>, <sip:near.invalid;lr>"]] });
  caller.bye();
  const routes = ["<sip:near.invalid;lr>", "<sip:far.invalid;lr>"];
  expect([sent("ACK")[0]?.list("Route"), sent("BYE")[0]?.list("Route")]).toEqual([routes, routes]);
});

test("a 2xx whose Contact cannot be read is still acknowledged, at the address we called", () => {
  const p = pair();
  const { words, events } = hear({ accepted: () => caller.ack() });
  const caller = p.left.invite(inviteRequest(), p.wire.left, events);
  p.clock.advance(1);
  p.incoming[0]?.reply(200, { headers: [["Contact", "*"]] });
  p.clock.advance(2);
  expect([words, p.wire.log.at(-1)]).toEqual([["accepted 200"], "left: ACK"]);
  const ack = p.wire.records.at(-1)?.message;
  expect(ack instanceof SipRequest && ack.uri).toBe("sip:ken@acme.ims.test");
});

/** A reliable response that came over this proxy. */
function reliable(rseq: number, proxy: string): ResponseOptions {
  return {
    headers: [
      ["Require", "100rel"],
      ["RSeq", String(rseq)],
      ["Record-Route", `<sip:${proxy}.invalid;lr>`],
    ],
  };
}

test("each branch of a fork has its own PRACKs, numbered by itself, along its own route (RFC 3262 §4)", () => {
  const f = forked();
  f.answer(183, "one", reliable(7, "p1"));
  f.answer(183, "two", reliable(900, "p2"));
  f.answer(180, "one", reliable(8, "p1"));
  // Repeated, or not the next one: no PRACK.
  f.answer(183, "two", reliable(900, "p2"));
  f.answer(180, "two", reliable(902, "p2"));
  expect(f.sent("PRACK").map((m) => [m.toTag, m.get("RAck"), m.cseq.number, m.uri, m.get("Route")])).toEqual([
    ["one", "7 1 INVITE", 2, "sip:ken@one.invalid", "<sip:p1.invalid;lr>"],
    ["two", "900 1 INVITE", 2, "sip:ken@two.invalid", "<sip:p2.invalid;lr>"],
    ["one", "8 1 INVITE", 3, "sip:ken@one.invalid", "<sip:p1.invalid;lr>"],
  ]);
  expect(f.words).toEqual(["progress 183", "progress 183", "progress 180"]);
});
