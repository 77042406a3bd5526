import { createResponse, Dialog, SipRequest, UserAgent } from "@portico/sip";
import type { HeaderList, InviteUsage, ServerTransaction } from "@portico/sip";
import { ScriptedPeer, SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect } from "vitest";
import { hear, inviteRequest } from "../callHarness.ts";
import { machine } from "./machine.ts";
import type { Row } from "./machine.ts";

/** One usage on the left; on the right a peer whose every message is written by the test. */
interface Scene {
  clock: VirtualClock;
  wire: Wire;
  ua: UserAgent;
  peer: ScriptedPeer;
  usage: InviteUsage | undefined;
  /** Of a caller: what the peer answers. */
  invite: SipRequest;
  /** Of a callee: what its user agent was handed. */
  offered: ServerTransaction | undefined;
  /** What the usage told its owner. */
  words: string[];
}

const sdp = { type: "application/sdp", text: "v=0\r\n" };

function scene(): Scene {
  const clock = new VirtualClock();
  const wire = new Wire({ clock });
  const peer = new ScriptedPeer({ clock, hop: wire.right });
  const s: Scene = {
    clock,
    wire,
    peer,
    usage: undefined,
    invite: inviteRequest(),
    offered: undefined,
    words: [],
    ua: new UserAgent({ clock, random: new SeededRandom(5), onRequest: (tx) => void (s.offered = tx) }),
  };
  wire.onLeft = (message, hop) => s.ua.receive(message, hop);
  wire.onRight = peer.receive;
  return s;
}

/** The usage of a scene that has one. */
function usageOf(s: Scene): InviteUsage {
  if (!s.usage) throw new Error("no usage");
  return s.usage;
}

async function calling(): Promise<Scene> {
  const s = scene();
  const { words, events } = hear();
  s.words = words;
  s.usage = s.ua.invite(inviteRequest(), s.wire.left, events);
  s.invite = await s.peer.expectRequest("INVITE");
  return s;
}

/** The peer answers the INVITE. */
async function answer(s: Scene, status: number, toTag = "one", headers: HeaderList = []): Promise<void> {
  s.peer.reply(s.invite, status, { toTag, headers });
  await s.clock.settle(5);
}

async function caller(state: string): Promise<Scene> {
  if (state === "start") return scene();
  const s = await calling();
  if (state === "early") await answer(s, 180);
  if (state === "accepted" || state === "confirmed") await answer(s, 200);
  if (state === "confirmed") {
    usageOf(s).ack();
    await s.peer.expectRequest("ACK");
  }
  s.words.length = 0;
  return s;
}

const refused = (from: string): Row<Scene>[] => [
  {
    from,
    to: "terminated",
    on: "3xx-6xx, 408, 503: rejected",
    async run(s) {
      await answer(s, 486);
      await s.peer.expectRequest("ACK");
      expect(s.words).toEqual(["rejected 486"]);
      for (const [why, word] of [
        ["timeout", "rejected 408"],
        ["no way", "rejected 503"],
      ] as const) {
        const other = await caller(from);
        if (why === "no way") other.ua.hopClosed(other.wire.left);
        // A caller in early waits for timer C, then for the answer to its CANCEL.
        else await other.clock.settle(185_000 + 32_000 + 10);
        await other.clock.settle(1);
        expect(other.words).toEqual([word]);
      }
    },
  },
  {
    from,
    to: "terminated",
    on: "cancel, then 2xx: ACK, BYE, rejected",
    async run(s) {
      usageOf(s).cancel();
      await s.clock.settle(5);
      await answer(s, 200);
      const methods = s.wire.log.filter((line) => line.startsWith("left: ") && !line.includes("CANCEL"));
      expect(methods.slice(-2)).toEqual(["left: ACK", "left: BYE"]);
      expect(s.words).toEqual(["rejected 487"]);
    },
  },
];

const secondBranch = (state: string): Row<Scene> => ({
  from: state,
  to: state,
  on: "2xx of another branch: ACK, BYE",
  async run(s) {
    await answer(s, 200, "two");
    expect((await s.peer.expectRequest("ACK")).toTag).toBe("two");
    expect((await s.peer.expectRequest("BYE")).toTag).toBe("two");
    expect(s.words).toEqual([]);
  },
});

machine<Scene>({
  file: "invite/caller.ts",
  className: "CallerUsage",
  states: ["calling", "early", "accepted", "confirmed", "terminated"],
  reach: caller,
  state: ({ usage }) => usage?.state,
  rows: [
    {
      from: "start",
      to: "calling",
      on: "INVITE sent",
      async run(s) {
        s.usage = s.ua.invite(inviteRequest(), s.wire.left, hear().events);
        await s.peer.expectRequest("INVITE");
      },
    },
    {
      from: "calling",
      to: "early",
      on: "101-199: tell",
      async run(s) {
        await answer(s, 100);
        expect([usageOf(s).state, s.words]).toEqual(["calling", []]);
        await answer(s, 180);
        expect([s.words, usageOf(s).dialog?.phase]).toEqual([["progress 180"], "early"]);
      },
    },
    {
      from: "early",
      to: "early",
      on: "101-199: tell, PRACK if reliable",
      async run(s) {
        await answer(s, 183, "two", [
          ["Require", "100rel"],
          ["RSeq", "7"],
        ]);
        expect((await s.peer.expectRequest("PRACK")).get("RAck")).toBe("7 1 INVITE");
        await answer(s, 180);
        expect(s.words).toEqual(["progress 183", "progress 180"]);
      },
    },
    ...["calling", "early"].map((from): Row<Scene> => ({
      from,
      to: "accepted",
      on: "2xx: tell",
      async run(s) {
        await answer(s, 200);
        expect([s.words, usageOf(s).dialog?.phase]).toEqual([["accepted 200"], "confirmed"]);
        await answer(s, 200);
        expect(s.words, "repeated before its ACK: told once").toEqual(["accepted 200"]);
      },
    })),
    ...refused("calling"),
    ...refused("early"),
    {
      from: "accepted",
      to: "confirmed",
      on: "ack: ACK",
      async run(s) {
        usageOf(s).ack(sdp);
        expect((await s.peer.expectRequest("ACK")).body).toBe("v=0\r\n");
        usageOf(s).ack();
        await s.peer.expectNothing(1000);
      },
    },
    secondBranch("accepted"),
    secondBranch("confirmed"),
    {
      from: "confirmed",
      to: "confirmed",
      on: "2xx again: ACK again",
      async run(s) {
        await answer(s, 200);
        await s.peer.expectRequest("ACK");
        // After timer M the 2xx belongs to no transaction any more.
        await s.clock.settle(64_000);
        await answer(s, 200);
        await s.peer.expectRequest("ACK");
        expect(s.words).toEqual([]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "bye: ACK, BYE, ended",
      async run(s) {
        usageOf(s).bye();
        await s.peer.expectRequest("ACK");
        await s.peer.expectRequest("BYE");
        expect(s.words).toEqual(["ended local"]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "BYE: ACK, 200, ended",
      async run(s) {
        s.peer.request("BYE");
        await s.clock.settle(5);
        expect(s.wire.log.slice(-3).toSorted()).toEqual(["left: 200 BYE", "left: ACK", "right: BYE"]);
        expect(s.words).toEqual(["ended peer"]);
      },
    },
    ...established(),
  ],
});

/** What ends a confirmed call is the same on both sides. */
function established(): Row<Scene>[] {
  return [
    {
      from: "confirmed",
      to: "terminated",
      on: "bye: BYE, ended",
      async run(s) {
        usageOf(s).bye();
        expect(s.words).toEqual(["ended local"]);
        s.peer.reply(await s.peer.expectRequest("BYE"), 200);
        await s.peer.expectNothing(64_000);
      },
    },
    {
      from: "confirmed",
      to: "terminated",
      on: "BYE: 200, ended",
      async run(s) {
        s.peer.request("BYE");
        await s.peer.expectResponse(200);
        expect(s.words).toEqual(["ended peer"]);
      },
    },
    {
      from: "confirmed",
      to: "terminated",
      on: "481, 408 to a request of ours: ended",
      async run(s) {
        void usageOf(s).request("INFO");
        s.peer.reply(await s.peer.expectRequest("INFO"), 481);
        await s.peer.expectNothing(1000);
        expect(s.words).toEqual(["ended peer"]);
        const other = await (usageOf(s).role === "caller" ? caller : callee)("confirmed");
        void usageOf(other).request("INFO");
        other.peer.reply(await other.peer.expectRequest("INFO"), 408);
        await other.peer.expectRequest("BYE");
        expect(other.words).toEqual(["ended timeout"]);
      },
    },
  ];
}

/** The INVITE of the peer, and the usage that took it on. */
async function callee(state: string): Promise<Scene> {
  const s = scene();
  s.invite = s.peer.send(
    inviteRequest([["Supported", "100rel"]]).prepend("Via", "SIP/2.0/WSS right.invalid;branch=z9hG4bKinvite"),
  );
  await s.clock.settle(5);
  if (state === "start") return s;
  take(s);
  const usage = usageOf(s);
  if (state === "early") {
    usage.progress(180);
    await s.peer.expectResponse(180);
  }
  if (state === "accepted" || state === "confirmed") {
    usage.accept({ headers: [["Contact", "<sip:mary@left.invalid>"]] });
    await s.peer.expectResponse(200);
  }
  if (state === "confirmed") s.peer.ack();
  await s.clock.settle(5);
  s.words.length = 0;
  return s;
}

function take(s: Scene): void {
  if (!s.offered) throw new Error("no INVITE");
  const { words, events } = hear();
  s.words = words;
  s.usage = s.ua.accept(s.offered, events);
}

/** A request of the peer inside the dialog that our tag makes, or for the INVITE itself. */
function peerSays(s: Scene, method: "BYE" | "CANCEL"): void {
  if (method === "BYE") {
    const response = createResponse(s.invite, 180, { toTag: s.offered?.localTag ?? "" });
    s.peer.send(Dialog.uac(s.invite, response).createRequest("BYE"));
    return;
  }
  s.peer.send(
    SipRequest.create("CANCEL", s.invite.uri, [])
      .copy(s.invite, "Via")
      .copy(s.invite, "From")
      .copy(s.invite, "To")
      .copy(s.invite, "Call-ID")
      .add("CSeq", "1 CANCEL"),
  );
}

const declined = (from: string): Row<Scene>[] => [
  {
    from,
    to: "terminated",
    on: "reject: 3xx-6xx",
    async run(s) {
      usageOf(s).reject(486);
      await s.peer.expectResponse(486);
      expect(s.words, "its owner's own doing").toEqual([]);
    },
  },
  {
    from,
    to: "terminated",
    on: "CANCEL, BYE: 487, cancelled",
    async run(s) {
      peerSays(s, "CANCEL");
      await s.peer.expectResponse(200);
      await s.peer.expectResponse(487);
      expect(s.words).toEqual(["cancelled CANCEL"]);
      // A BYE needs an early dialog.
      const other = await callee("early");
      peerSays(other, "BYE");
      await other.peer.expectResponse(200);
      await other.peer.expectResponse(487);
      expect(other.words).toEqual(["cancelled BYE"]);
    },
  },
];

machine<Scene>({
  file: "invite/callee.ts",
  className: "CalleeUsage",
  states: ["calling", "early", "accepted", "confirmed", "terminated"],
  reach: callee,
  state: ({ usage }) => usage?.state,
  rows: [
    { from: "start", to: "calling", on: "INVITE", run: take },
    {
      from: "calling",
      to: "early",
      on: "progress: 18x",
      async run(s) {
        usageOf(s).progress(180);
        expect((await s.peer.expectResponse(180)).toTag).toBe(s.offered?.localTag);
      },
    },
    {
      from: "early",
      to: "early",
      on: "progress, each minute of silence: 18x",
      async run(s) {
        usageOf(s).progress(183);
        await s.peer.expectResponse(183);
        await s.peer.expectNothing(59_990);
        await s.peer.expectResponse(183);
      },
    },
    ...["calling", "early"].map((from): Row<Scene> => ({
      from,
      to: "accepted",
      on: "accept: 200",
      async run(s) {
        usageOf(s).accept();
        await s.peer.expectResponse(200);
        expect([s.words, usageOf(s).dialog?.phase]).toEqual([[], "confirmed"]);
      },
    })),
    ...declined("calling"),
    ...declined("early"),
    // In calling no response has been sent, so that none waits for its PRACK; the first one leads to early.
    {
      from: "early",
      to: "terminated",
      on: "no PRACK in 64*T1: 504, ended",
      async run(s) {
        usageOf(s).progress(183, { reliable: true });
        await s.clock.settle(31_999);
        expect(usageOf(s).state).toBe("early");
        await s.clock.settle(10);
        expect(s.wire.log.at(-1)).toBe("left: 504 INVITE");
        expect(s.words).toEqual(["ended timeout"]);
      },
    },
    {
      from: "early",
      to: "terminated",
      on: "no PRACK in 64*T1: 504, ended after accept too",
      async run(s) {
        usageOf(s).progress(183, { reliable: true });
        usageOf(s).accept();
        await s.clock.settle(31_999);
        expect(usageOf(s).state).toBe("early");
        await s.clock.settle(10);
        expect(s.wire.log.at(-1)).toBe("left: 504 INVITE");
        expect(s.wire.log, "accepted, but never said").not.toContain("left: 200 INVITE");
        expect(s.words).toEqual(["ended timeout"]);
      },
    },
    {
      from: "early",
      to: "accepted",
      on: "accept, PRACK: 200",
      async run(s) {
        usageOf(s).progress(183, { reliable: true });
        usageOf(s).accept();
        await s.peer.expectResponse(183);
        await s.peer.expectNothing(100);
        await prack(s);
        await s.peer.expectResponse(200);
        expect(s.wire.log.slice(-2)).toEqual(["left: 200 PRACK", "left: 200 INVITE"]);
      },
    },
    {
      from: "accepted",
      to: "accepted",
      on: "T1, doubling up to T2: 200 again",
      async run(s) {
        const before = s.wire.records.at(-1)?.at ?? 0;
        await s.clock.settle(12_000);
        const times = s.wire.records.map(({ at }) => at - before).filter((at) => at > 0);
        expect(times).toEqual([500, 1500, 3500, 7500, 11_500]);
      },
    },
    {
      from: "accepted",
      to: "confirmed",
      on: "ACK",
      async run(s) {
        s.peer.ack();
        await s.peer.expectNothing(32_000);
        expect(s.words).toEqual(["acknowledged"]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "bye: BYE after the ACK, ended",
      async run(s) {
        usageOf(s).bye();
        await s.clock.settle(100);
        expect(s.wire.log).not.toContain("left: BYE");
        s.peer.ack();
        await s.peer.expectRequest("BYE");
        expect(s.words).toEqual(["ended local"]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "BYE: 200, ended",
      async run(s) {
        s.peer.request("BYE");
        await s.peer.expectResponse(200);
        await s.peer.expectNothing(32_000);
        expect(s.words).toEqual(["ended peer"]);
      },
    },
    {
      from: "accepted",
      to: "terminated",
      on: "no ACK in 64*T1: BYE, ended",
      async run(s) {
        await s.clock.settle(31_980);
        expect(usageOf(s).state).toBe("accepted");
        await s.clock.settle(20);
        expect(s.wire.log.at(-1)).toBe("left: BYE");
        expect(s.words).toEqual(["ended timeout"]);
      },
    },
    ...established(),
  ],
});

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

/** The PRACK to the last reliable response that has come. */
async function prack(s: Scene): Promise<void> {
  const last = s.wire.records.findLast(({ message }) => message.has("RSeq"))?.message;
  s.peer.request("PRACK", { headers: [["RAck", `${last?.get("RSeq")} 1 INVITE`]] });
  await s.peer.expectResponse(200);
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
