import { SipRequest } from "@portico/sip";
import { expect } from "vitest";
import { machine } from "./machine.ts";

import { sdp, usageOf, calling, answer, caller, callee, type Scene, prack } from "./usageScene.ts";

/** Reliable responses and their PRACKs, seen from the wire. */
interface Reliable {
  s: Scene;
  /** What the sender knows by what it does: a next response goes at once when idle. */
  waiting: boolean;
}

async function reliable(state: string): Promise<Reliable> {
  const s = await callee("calling");
  if (state === "waiting") {
    usageOf(s).progress(183, { reliable: true });
    await s.peer.expectResponse(183);
  }
  return { s, waiting: state === "waiting" };
}

/** True when a reliable response is repeated within a minute: it waits for its PRACK. */
async function repeats(s: Scene): Promise<boolean> {
  const count = (): number => s.wire.records.filter(({ message }) => message.has("RSeq")).length;
  const before = count();
  await s.clock.settle(8000);
  return count() > before;
}

machine<Reliable>({
  file: "invite/reliable.ts",
  className: "ReliableSender",
  states: ["idle", "waiting"],
  reach: reliable,
  state: ({ waiting }) => (waiting ? "waiting" : "idle"),
  rows: [
    {
      from: "idle",
      to: "waiting",
      on: "send: 18x with RSeq",
      async run(one) {
        usageOf(one.s).progress(183, { reliable: true });
        const response = await one.s.peer.expectResponse(183);
        expect([response.has("RSeq"), response.get("Require")]).toEqual([true, "100rel"]);
        one.waiting = await repeats(one.s);
      },
    },
    {
      from: "waiting",
      to: "waiting",
      on: "T1, doubling: send again",
      async run(one) {
        const before = one.s.wire.records.at(-1)?.at ?? 0;
        await one.s.clock.settle(8000);
        const times = one.s.wire.records.map(({ at }) => at - before).filter((at) => at > 0);
        expect(times).toEqual([500, 1500, 3500, 7500]);
        one.waiting = await repeats(one.s);
      },
    },
    {
      from: "waiting",
      to: "waiting",
      on: "PRACK, one waits: send it",
      async run(one) {
        usageOf(one.s).progress(180, { reliable: true });
        await one.s.peer.expectNothing(10);
        await prack(one.s);
        await one.s.peer.expectResponse(180);
        one.waiting = await repeats(one.s);
      },
    },
    {
      from: "waiting",
      to: "idle",
      on: "PRACK, none waits",
      async run(one) {
        await prack(one.s);
        one.waiting = await repeats(one.s);
      },
    },
    {
      from: "waiting",
      to: "idle",
      on: "64*T1: tell",
      async run(one) {
        await one.s.clock.settle(32_000);
        expect(one.s.words).toEqual(["ended timeout"]);
        one.waiting = await repeats(one.s);
      },
    },
  ],
});

interface Receiver {
  s: Scene;
  known: boolean;
}

/** A reliable response of the peer; the RAck of the PRACK that follows, if one does. */
async function rack(s: Scene, rseq: number): Promise<string | undefined> {
  const before = s.wire.log.length;
  await answer(s, 183, "one", [
    ["Require", "100rel"],
    ["RSeq", String(rseq)],
  ]);
  return s.wire.records
    .slice(before)
    .find(({ from }) => from === "left")
    ?.message.get("RAck");
}

machine<Receiver>({
  file: "invite/reliable.ts",
  className: "ReliableReceiver",
  states: ["unknown", "known"],
  async reach(state) {
    const s = await calling();
    if (state === "known") await rack(s, 41);
    s.words.length = 0;
    return { s, known: state === "known" };
  },
  state: ({ known }) => (known ? "known" : "unknown"),
  rows: [
    {
      from: "unknown",
      to: "known",
      on: "any RSeq: PRACK",
      async run(one) {
        expect(await rack(one.s, 41)).toBe("41 1 INVITE");
        one.known = (await rack(one.s, 41)) === undefined;
      },
    },
    {
      from: "known",
      to: "known",
      on: "RSeq one higher: PRACK",
      run: async ({ s }) => expect([await rack(s, 42), s.words]).toEqual(["42 1 INVITE", ["progress 183"]]),
    },
    {
      from: "known",
      to: "known",
      on: "any other RSeq: drop",
      async run({ s }) {
        for (const rseq of [41, 40, 43, 1]) expect([await rack(s, rseq), s.words]).toEqual([undefined, []]);
      },
    },
  ],
});

/** Whose offer waits is seen by what the usage refuses (RFC 3311 §5). */
interface Offers {
  s: Scene;
}

async function offers(state: string): Promise<Offers> {
  const s = await caller("confirmed");
  if (state === "offered") {
    void usageOf(s).request("UPDATE", { body: sdp });
    await s.peer.expectRequest("UPDATE");
  }
  return { s };
}

machine<Offers & { offered?: boolean }>({
  file: "invite/offerAnswer.ts",
  className: "OfferAnswer",
  states: ["stable", "offered"],
  reach: async (state) => ({ ...(await offers(state)), offered: state === "offered" }),
  state: ({ offered }) => (offered === true ? "offered" : "stable"),
  rows: [
    {
      from: "stable",
      to: "offered",
      on: "description of one side",
      async run(one) {
        void usageOf(one.s).request("UPDATE", { body: sdp });
        await one.s.peer.expectRequest("UPDATE");
        one.offered = await refusesOffers(one.s);
      },
    },
    {
      from: "offered",
      to: "stable",
      on: "description of the other",
      async run(one) {
        expect(await refusesOffers(one.s)).toBe(true);
        await answerUpdate(one.s, 200);
        one.offered = await refusesOffers(one.s);
      },
    },
    {
      from: "offered",
      to: "stable",
      on: "3xx-6xx, no answer: rolled back",
      async run(one) {
        await answerUpdate(one.s, 488);
        one.offered = await refusesOffers(one.s);
        const silent = await offers("offered");
        await answerUpdate(silent.s, 200, false);
        expect(await refusesOffers(silent.s)).toBe(false);
      },
    },
  ],
});

async function answerUpdate(s: Scene, status: number, described = true): Promise<void> {
  const update = s.wire.records.findLast(
    ({ message, from }) => from === "left" && message instanceof SipRequest && message.method === "UPDATE",
  );
  if (!(update?.message instanceof SipRequest)) throw new Error("no UPDATE");
  s.peer.reply(update.message, status, described && status < 300 ? { body: sdp } : {});
  await s.clock.settle(5);
}

/** An offer of the peer's now would cross: it gets 491. Without an owner who answers requests it gets 488 otherwise. */
async function refusesOffers(s: Scene): Promise<boolean> {
  s.peer.request("UPDATE", { body: sdp });
  await s.clock.settle(5);
  const last = s.wire.log.at(-1);
  if (last !== "left: 491 UPDATE" && last !== "left: 488 UPDATE") throw new Error(`unexpected ${last}`);
  return last === "left: 491 UPDATE";
}

interface Sent {
  s: Scene;
  over: boolean;
}

/** True when the 200 is still repeated. */
async function goesOn(s: Scene): Promise<boolean> {
  const before = s.wire.log.filter((line) => line === "left: 200 INVITE").length;
  await s.clock.settle(4100);
  return s.wire.log.filter((line) => line === "left: 200 INVITE").length > before;
}

machine<Sent>({
  file: "invite/acceptance.ts",
  className: "Acceptance",
  states: ["sent", "over"],
  reach: async (state) => ({ s: await callee(state === "start" ? "early" : "accepted"), over: false }),
  state: ({ over }) => (over ? "over" : "sent"),
  rows: [
    {
      from: "start",
      to: "sent",
      on: "2xx",
      async run(one) {
        usageOf(one.s).accept();
        await one.s.peer.expectResponse(200);
        one.over = !(await goesOn(one.s));
      },
    },
    {
      from: "sent",
      to: "sent",
      on: "T1, doubling up to T2: send again",
      async run(one) {
        for (let turn = 0; turn < 7; turn += 1) expect(await goesOn(one.s)).toBe(true);
      },
    },
    {
      from: "sent",
      to: "over",
      on: "ACK",
      async run(one) {
        one.s.peer.ack();
        await one.s.clock.settle(5);
        one.over = !(await goesOn(one.s));
      },
    },
    {
      from: "sent",
      to: "over",
      on: "64*T1: tell",
      async run(one) {
        await one.s.clock.settle(32_000);
        expect(one.s.words).toEqual(["ended timeout"]);
        one.over = !(await goesOn(one.s));
      },
    },
  ],
});
