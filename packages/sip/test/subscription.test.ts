import { SipRequest, UserAgent } from "@portico/sip";
import type { HeaderList, Subscription, SubscriptionEnd } from "@portico/sip";
import { ScriptedPeer, SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { fuzzRuns } from "./fuzzRuns.ts";

const subscribe = (expires = "600"): SipRequest =>
  SipRequest.create("SUBSCRIBE", "sip:mary@acme.ims.test", [
    ["Max-Forwards", "70"],
    ["From", "<sip:mary@acme.ims.test>;tag=mary1"],
    ["To", "<sip:mary@acme.ims.test>"],
    ["Call-ID", "watch-1"],
    ["CSeq", "1 SUBSCRIBE"],
    ["Contact", "<sip:mary@left.invalid>"],
    ["Event", "reg"],
    ["Accept", "application/reginfo+xml"],
    ["Expires", expires],
  ]);

interface Stage {
  clock: VirtualClock;
  wire: Wire;
  ua: UserAgent;
  core: ScriptedPeer;
  watch: Subscription;
  heard: string[];
  ends: SubscriptionEnd[];
  /** NOTIFYs nobody wanted. */
  others: string[];
  errors: unknown[];
}

function stage(o: { expires?: string; headers?: () => HeaderList; throws?: boolean } = {}): Stage {
  const clock = new VirtualClock();
  const wire = new Wire({ clock });
  const [heard, ends, others, errors]: [string[], SubscriptionEnd[], string[], unknown[]] = [[], [], [], []];
  const ua = new UserAgent({
    clock,
    random: new SeededRandom(3),
    onRequest: (tx) => {
      others.push(tx.request.method);
      tx.reply(481);
    },
    onError: (error) => void errors.push(error),
  });
  const core = new ScriptedPeer({ clock, hop: wire.right, contact: "<sip:scscf@right.invalid>" });
  wire.onLeft = (message, hop) => ua.receive(message, hop);
  wire.onRight = core.receive;
  const watch = ua.subscribe(subscribe(o.expires), wire.left, {
    notified: (notify) => {
      heard.push(`${notify.cseq.number} ${notify.get("Subscription-State") ?? ""}`);
      if (o.throws) throw new Error("listener");
    },
    ended: (end) => void ends.push(end),
    ...(o.headers ? { headers: o.headers } : {}),
  });
  return { clock, wire, ua, core, watch, heard, ends, others, errors };
}

const active: HeaderList = [
  ["Event", "reg"],
  ["Subscription-State", "active;expires=600"],
];

/** Subscribed and notified once. */
async function standing(o: Parameters<typeof stage>[0] = {}): Promise<Stage> {
  const s = stage(o);
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", "600"]] });
  s.core.request("NOTIFY", { headers: active });
  await s.core.expectResponse(200);
  return s;
}

/** The notifier tells this state, and is answered. */
async function tell({ core }: Stage, state: string): Promise<void> {
  core.request("NOTIFY", {
    headers: [
      ["Event", "reg"],
      ["Subscription-State", state],
    ],
  });
  await core.expectResponse(200);
}

/** A NOTIFY of a branch with its own tag, made by hand. */
function notifyFrom(tag: string, cseq: number, headers: HeaderList = active): SipRequest {
  return SipRequest.create("NOTIFY", "sip:mary@left.invalid", [
    ["Max-Forwards", "70"],
    ["From", `<sip:mary@acme.ims.test>;tag=${tag}`],
    ["To", "<sip:mary@acme.ims.test>;tag=mary1"],
    ["Call-ID", "watch-1"],
    ["CSeq", `${cseq} NOTIFY`],
    ["Contact", `<sip:${tag}@right.invalid>`],
    ...headers,
  ]);
}

test("2xx, NOTIFY, refresh before the end, again and again; the refresh is inside the dialog", async () => {
  const s = await standing({ headers: () => [["P-Charging-Vector", "icid-value=1"]] });
  expect([s.watch.phase, s.heard]).toEqual(["active", ["1 active;expires=600"]]);
  for (let cseq = 2; cseq < 5; cseq += 1) {
    const refresh = await s.core.expectRequest("SUBSCRIBE", 301_000);
    expect([refresh.cseq.number, refresh.uri, refresh.toTag]).toEqual([cseq, "sip:scscf@right.invalid", "peer"]);
    expect([refresh.get("Event"), refresh.get("Accept"), refresh.get("Expires"), refresh.get("Contact")]).toEqual([
      "reg",
      "application/reginfo+xml",
      "600",
      "<sip:mary@left.invalid>",
    ]);
    expect(refresh.get("P-Charging-Vector")).toBe("icid-value=1");
    // Some cores send no NOTIFY after a refresh.
    s.core.reply(refresh, 200, { headers: [["Expires", "600"]] });
  }
  expect([s.watch.phase, s.ends, s.others]).toEqual(["active", [], []]);
});

test("it is refreshed when somebody asks for that, and the answer is given; nothing is asked while a SUBSCRIBE is on its way", async () => {
  const { watch, core, clock, ends } = await standing();
  const asked = watch.refresh();
  expect(await watch.refresh()).toBeUndefined();
  const second = await core.expectRequest("SUBSCRIBE");
  expect([second.toTag, second.get("Expires"), second.cseq.number]).toEqual(["peer", "600", 2]);
  core.reply(second, 200, { headers: [["Expires", "600"]] });
  await clock.settle(100);
  expect((await asked)?.status).toBe(200);
  const again = watch.refresh();
  core.reply(await core.expectRequest("SUBSCRIBE"), 481);
  await clock.settle(100);
  expect((await again)?.status).toBe(481);
  expect(ends).toMatchObject([{ reason: "refused" }]);
  expect(await watch.refresh()).toBeUndefined();
});

test.each([600_000, 1300])("one of %i s is refreshed 600 s before its end", async (seconds) => {
  const expires = String(seconds);
  const s = stage({ expires });
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", expires]] });
  await tell(s, "active");
  await s.core.expectNothing((seconds - 601) * 1000);
  expect((await s.core.expectRequest("SUBSCRIBE", 1500)).toTag).toBe("peer");
});

test("a NOTIFY that overtakes the 200 makes the dialog, whatever its CSeq number (RFC 6665 §4.4.1)", async () => {
  const s = stage();
  const request = await s.core.expectRequest("SUBSCRIBE");
  s.core.send(notifyFrom("peer", 4).add("Record-Route", "<sip:proxy.invalid;lr>"));
  await s.core.expectResponse(200);
  expect([s.watch.phase, s.heard]).toEqual(["active", ["4 active;expires=600"]]);
  s.core.reply(request, 200, { headers: [["Expires", "600"]] });
  const refresh = await s.core.expectRequest("SUBSCRIBE", 301_000);
  expect([refresh.cseq.number, refresh.get("Route"), refresh.uri, refresh.get("Contact")]).toEqual([
    2,
    "<sip:proxy.invalid;lr>",
    "sip:peer@right.invalid",
    "<sip:mary@left.invalid>",
  ]);
});

test("of a fork the first NOTIFY decides, also against the 2xx of another branch", async () => {
  const s = stage();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", "600"]], toTag: "one" });
  s.core.send(notifyFrom("two", 7));
  await s.core.expectResponse(200);
  s.core.send(notifyFrom("one", 1));
  await s.core.expectResponse(481);
  const refresh = await s.core.expectRequest("SUBSCRIBE", 301_000);
  expect([refresh.toTag, refresh.uri]).toEqual(["two", "sip:two@right.invalid"]);
});

test("a NOTIFY out of order gets 500, of another event 489, without event or state it counts; its Contact is the target from then on", async () => {
  const s = await standing();
  s.core.send(notifyFrom("peer", 1));
  await s.core.expectResponse(500);
  s.core.send(notifyFrom("peer", 9));
  await s.core.expectResponse(200);
  s.core.send(notifyFrom("peer", 8));
  await s.core.expectResponse(500);
  s.core.send(notifyFrom("peer", 10, [["Event", "presence"]]));
  await s.core.expectResponse(489);
  s.core.send(notifyFrom("peer", 11, [["Event", "reg;id=7"]]));
  await s.core.expectResponse(489);
  s.core.send(notifyFrom("peer", 12, []));
  await s.core.expectResponse(200);
  expect(s.heard).toEqual(["1 active;expires=600", "9 active;expires=600", "12 "]);
  expect(s.watch.phase).toBe("active");
  s.core.send(notifyFrom("peer", 13).set("Contact", "<sip:elsewhere@right.invalid>"));
  await s.core.expectResponse(200);
  expect((await s.core.expectRequest("SUBSCRIBE", 301_000)).uri).toBe("sip:elsewhere@right.invalid");
});

test("pending becomes active", async () => {
  const s = stage();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 202, { headers: [["Expires", "600"]] });
  await tell(s, "pending");
  expect(s.watch.phase).toBe("pending");
  s.core.request("NOTIFY", { headers: active });
  await s.core.expectResponse(200);
  expect(s.watch.phase).toBe("active");
});

// RFC 6665 §4.1.3
test.each([
  ["terminated;reason=deactivated;retry-after=9", "deactivated", 0],
  ["terminated;reason=timeout", "timeout", 0],
  ["terminated;reason=probation;retry-after=30", "probation", 30],
  ["Terminated ; Reason = GiveUp", "giveup", 0],
  ["terminated;reason=rejected;retry-after=9", "rejected", undefined],
  ["terminated;reason=noresource", "noresource", undefined],
  ["terminated;reason=invariant", "invariant", undefined],
  ["terminated", "terminated", 0],
  ["terminated;reason=other;retry-after=5", "other", 5],
])("the last NOTIFY says %j", async (state, reason, retryAfter) => {
  const s = await standing();
  await tell(s, state);
  expect(s.ends).toEqual([retryAfter === undefined ? { reason } : { reason, retryAfter }]);
  expect([s.watch.phase, s.heard.length]).toEqual(["terminated", 2]);
  // It is over: the next one is nobody's.
  s.core.request("NOTIFY", { headers: active });
  await s.core.expectResponse(481);
  await s.core.expectNothing(1_000_000);
  expect([s.others, s.clock.pending]).toEqual([["NOTIFY"], 0]);
});

test.each([
  [403, [], undefined],
  [489, [], undefined],
  [603, [], undefined],
  [480, [], 0],
  [503, [["Retry-After", "120 (busy)"]], 120],
  [500, [], 0],
])("the SUBSCRIBE is refused with %i", async (status, headers, retryAfter) => {
  const s = stage();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), status, { headers: headers as [string, string][] });
  await s.clock.settle(100);
  expect(s.ends.map((end) => [end.reason, end.response?.status, end.retryAfter])).toEqual([
    ["refused", status, retryAfter],
  ]);
  await s.core.expectNothing(1_000_000);
  expect(s.clock.pending).toBe(0);
});

test("no answer at all: refused with a 408 made here; a 2xx without NOTIFY: silent after timer N", async () => {
  const unheard = stage();
  await unheard.clock.settle(40_000);
  expect(unheard.ends).toMatchObject([{ reason: "refused", response: { status: 408 }, retryAfter: 0 }]);
  const silent = stage();
  silent.core.reply(await silent.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", "600"]] });
  await silent.clock.settle(40_000);
  expect(silent.ends).toEqual([{ reason: "silent", retryAfter: 0 }]);
  expect([unheard.clock.pending, silent.clock.pending]).toEqual([0, 0]);
});

test("a 2xx for 20 s without NOTIFY: silent after timer N, whatever refreshes are granted meanwhile", async () => {
  const s = stage();
  for (let second = 0; second < 32; second += 10) {
    s.core.reply(await s.core.expectRequest("SUBSCRIBE", 11_000), 200, { headers: [["Expires", "20"]] });
  }
  await s.clock.settle(40_000);
  expect(s.ends).toEqual([{ reason: "silent", retryAfter: 0 }]);
  expect(s.clock.pending).toBe(0);
});

test("423: once more with the least the notifier takes, at the start and at a refresh", async () => {
  const s = stage();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 423, { headers: [["Min-Expires", "1000"]] });
  const again = await s.core.expectRequest("SUBSCRIBE");
  expect([again.cseq.number, again.get("Expires"), again.toTag, again.callId]).toEqual([
    2,
    "1000",
    undefined,
    "watch-1",
  ]);
  s.core.send(notifyFrom("peer", 1, [["Record-Route", "<sip:proxy.invalid;lr>"]]));
  await s.core.expectResponse(200);
  s.core.reply(again, 200, { headers: [["Expires", "1000"]] });
  const refresh = await s.core.expectRequest("SUBSCRIBE", 501_000);
  expect(refresh.cseq.number).toBe(3);
  s.core.reply(refresh, 423, { headers: [["Min-Expires", "2000"]] });
  const longer = await s.core.expectRequest("SUBSCRIBE");
  expect([longer.cseq.number, longer.get("Expires"), longer.toTag]).toEqual([4, "2000", "peer"]);
  // One that asks for no more than it got is final.
  s.core.reply(longer, 423, { headers: [["Min-Expires", "2000"]] });
  await s.core.expectNothing(1000);
  const later = await s.core.expectRequest("SUBSCRIBE", 61_000);
  expect([later.cseq.number, later.uri, later.get("Route")]).toEqual([
    5,
    "sip:peer@right.invalid",
    "<sip:proxy.invalid;lr>",
  ]);
});

test("a refresh that fails is tried again while there is time; then it has expired", async () => {
  const s = await standing();
  s.core.on("SUBSCRIBE", (request) => void s.core.reply(request, 500, { headers: [["Retry-After", "100"]] }));
  await s.clock.settle(700_000);
  expect(s.core.log.filter((line) => line === "<- SUBSCRIBE")).toHaveLength(4);
  expect(s.ends).toEqual([{ reason: "expired", retryAfter: 0 }]);
  expect(s.clock.pending).toBe(0);
});

test("a refresh that nobody answers does not prolong it", async () => {
  const s = await standing();
  s.core.send(notifyFrom("peer", 2, [["Subscription-State", "active;expires=20"]]));
  await s.core.expectResponse(200);
  await s.core.expectRequest("SUBSCRIBE", 10_100);
  await s.clock.settle(10_000);
  expect([s.ends, s.watch.phase]).toEqual([[{ reason: "expired", retryAfter: 0 }], "terminated"]);
});

test("481 to a refresh ends it at once (RFC 6665 §4.1.2.2)", async () => {
  const s = await standing();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE", 301_000), 481);
  await s.clock.settle(100);
  expect(s.ends.map(({ reason, retryAfter }) => [reason, retryAfter])).toEqual([["refused", 0]]);
});

test("the notifier may shorten it", async () => {
  const s = await standing();
  await tell(s, "active;expires=60");
  expect((await s.core.expectRequest("SUBSCRIBE", 30_100)).cseq.number).toBe(2);
});

test("a notifier that grants a second does not make a storm", async () => {
  const s = stage();
  s.core.on("SUBSCRIBE", (request) => {
    s.core.reply(request, 200, { headers: [["Expires", "1"]] });
    s.core.request("NOTIFY", {
      headers: [
        ["Event", "reg"],
        ["Subscription-State", "active;expires=1"],
      ],
    });
  });
  await s.clock.settle(60_000);
  expect(s.core.log.filter((line) => line === "<- SUBSCRIBE").length).toBeLessThan(13);
});

test("unsubscribe: Expires 0, ended with the last NOTIFY, or without one after 64*T1", async () => {
  for (const notifies of [true, false]) {
    const s = await standing();
    s.watch.unsubscribe();
    s.watch.unsubscribe();
    const last = await s.core.expectRequest("SUBSCRIBE");
    expect([last.get("Expires"), last.cseq.number, last.list("Expires").length]).toEqual(["0", 2, 1]);
    s.core.reply(last, 200, { headers: [["Expires", "0"]] });
    if (notifies)
      s.core.request("NOTIFY", {
        headers: [
          ["Event", "reg"],
          ["Subscription-State", "terminated;reason=timeout"],
        ],
      });
    await s.clock.settle(notifies ? 100 : 32_100);
    expect(s.ends).toEqual([{ reason: "unsubscribed" }]);
    expect([s.watch.phase, s.core.log.includes("<- 200 NOTIFY")]).toEqual(["terminated", true]);
    await s.clock.settle(100_000);
    expect(s.clock.pending).toBe(0);
  }
});

test("a NOTIFY after the end was asked for does not keep it alive", async () => {
  const s = await standing();
  s.watch.unsubscribe();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", "0"]] });
  s.core.request("NOTIFY", { headers: active });
  await s.core.expectResponse(200);
  await s.core.expectNothing(33_000);
  expect([s.ends, s.clock.pending]).toEqual([[{ reason: "unsubscribed" }], 0]);
});

test("a grant of no time ends with the last NOTIFY, or without one after 64*T1", async () => {
  const s = stage({ expires: "0" });
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", "0"]] });
  s.core.request("NOTIFY", { headers: [["Event", "reg"]] });
  await s.core.expectResponse(200);
  await s.core.expectNothing(33_000);
  expect([s.heard.length, s.ends, s.clock.pending]).toEqual([1, [{ reason: "expired", retryAfter: 0 }], 0]);
});

test("without time left it ends, though it was asked for more in vain", async () => {
  const s = await standing();
  await tell(s, "active;expires=0");
  void s.watch.refresh();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 503);
  await s.core.expectNothing(33_000);
  expect([s.ends, s.clock.pending]).toEqual([[{ reason: "expired", retryAfter: 0 }], 0]);
});

test("a NOTIFY came, the SUBSCRIBE is refused: tried again for as long as was asked", async () => {
  const s = stage();
  const request = await s.core.expectRequest("SUBSCRIBE");
  s.core.send(notifyFrom("peer", 1, [["Event", "reg"]]));
  await s.core.expectResponse(200);
  s.core.reply(request, 503);
  s.core.on("SUBSCRIBE", (again) => void s.core.reply(again, 503));
  await s.clock.settle(500_000);
  expect(s.ends).toEqual([]);
  await s.clock.settle(200_000);
  expect([s.ends, s.clock.pending]).toEqual([[{ reason: "expired", retryAfter: 0 }], 0]);
});

test("unsubscribe before the first answer waits for it", async () => {
  const s = stage();
  s.watch.unsubscribe();
  s.core.reply(await s.core.expectRequest("SUBSCRIBE"), 200, { headers: [["Expires", "600"]] });
  const last = await s.core.expectRequest("SUBSCRIBE");
  expect([last.get("Expires"), last.toTag]).toEqual(["0", "peer"]);
  s.core.reply(last, 481);
  await s.clock.settle(100);
  expect(s.ends.map(({ reason, response }) => [reason, response?.status])).toEqual([["unsubscribed", 481]]);
});

test("close() and the end of the user agent are silent and leave no timer", async () => {
  for (const end of ["close", "agent"] as const) {
    const s = await standing();
    if (end === "close") s.watch.close();
    else s.ua.close();
    await s.core.expectNothing(1_000_000);
    expect([s.ends, s.watch.phase, s.clock.pending]).toEqual([[], "terminated", 0]);
  }
});

test("a listener that throws costs nothing", async () => {
  const s = await standing({ throws: true });
  s.core.request("NOTIFY", { headers: active });
  await s.core.expectResponse(200);
  expect([s.errors.length, s.heard.length, s.watch.phase]).toEqual([2, 2, "active"]);
});

test("a flow that is replaced takes over with the next refresh", async () => {
  const s = await standing();
  const other = new Wire({ clock: s.clock });
  other.onLeft = (message, hop) => s.ua.receive(message, hop);
  const core = new ScriptedPeer({ clock: s.clock, hop: other.right });
  other.onRight = core.receive;
  s.watch.hop = other.left;
  const refresh = await core.expectRequest("SUBSCRIBE", 301_000);
  expect([refresh.toTag, refresh.cseq.number]).toEqual(["peer", 2]);
});

test("whatever a notifier does in whatever order: one end, every NOTIFY answered once, nothing left", async () => {
  for (let seed = 1; seed <= fuzzRuns(150); seed += 1) {
    const random = new SeededRandom(seed);
    const any = <T>(...of: T[]): T => of[Math.floor(random.next() * of.length)] as T;
    const s = stage({ expires: any("600", "60", "0", "86400") });
    s.core.on("SUBSCRIBE", (request) => {
      const status = any(200, 200, 200, 202, 423, 481, 500, 503);
      const headers: [string, string][] = [
        ["Expires", any("600", "0", "30", "x")],
        ["Min-Expires", any("700", "0", "x")],
      ];
      if (random.next() < 0.9) s.core.reply(request, status, { headers, toTag: any("one", "one", "two") });
    });
    let cseq = 0;
    let sent = 0;
    for (let step = 0; step < 25; step += 1) {
      const state = any("active;expires=600", "pending", "active;expires=1", "", "odd", "terminated;reason=probation");
      if (random.next() < 0.6) {
        cseq = Math.max(0, cseq + any(1, 1, 3, -1, 0));
        const event = any("reg", "reg", "reg", "presence");
        s.core.send(
          notifyFrom(any("one", "one", "two"), cseq, [
            ["Event", event],
            ["Subscription-State", state],
          ]),
        );
        sent += 1;
      }
      if (random.next() < 0.03) s.watch.unsubscribe();
      await s.clock.settle(random.next() * 100_000);
      expect({ seed, ends: s.ends.length <= 1 }).toEqual({ seed, ends: true });
      const told = s.heard.length;
      expect({ seed, quiet: s.ends.length === 0 || s.watch.phase === "terminated" }).toEqual({ seed, quiet: true });
      expect({ seed, bounded: told <= sent }).toEqual({ seed, bounded: true });
    }
    s.watch.unsubscribe();
    await s.clock.settle(400_000);
    const answers = s.core.log.filter((line) => / \d+ NOTIFY$/.test(line)).length;
    expect({ seed, ends: s.ends.length, answers, pending: s.clock.pending, errors: s.errors }).toEqual({
      seed,
      ends: 1,
      answers: sent,
      pending: 0,
      errors: [],
    });
    expect(s.ua.transactions.size).toBe(0);
  }
});
