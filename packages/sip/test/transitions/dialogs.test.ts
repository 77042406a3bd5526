import { createResponse, Dialog, SessionTimer, SipRequest, SipResponse, UserAgent } from "@portico/sip";
import type { HeaderList, Subscription, SubscriptionEnd } from "@portico/sip";
import { ScriptedPeer, SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect } from "vitest";
import { inviteRequest } from "../callHarness.ts";
import { machine } from "./machine.ts";
import type { Row } from "./machine.ts";

const ken: HeaderList = [["Contact", "<sip:ken@early.invalid>"]];
const answered = (status: number, headers: HeaderList = ken): SipResponse =>
  createResponse(inviteRequest(), status, { toTag: "one", headers });

machine<{ dialog?: Dialog }>({
  file: "dialog.ts",
  className: "Dialog",
  states: ["early", "confirmed"],
  reach: (state) => (state === "early" ? { dialog: Dialog.uac(inviteRequest(), answered(180)) } : {}),
  state: ({ dialog }) => dialog?.phase,
  rows: [
    {
      from: "start",
      to: "early",
      on: "18x with tag",
      run: (one) => void (one.dialog = Dialog.uac(inviteRequest(), answered(180))),
    },
    {
      from: "start",
      to: "confirmed",
      on: "2xx",
      run: (one) => void (one.dialog = Dialog.uac(inviteRequest(), answered(200))),
    },
    {
      from: "early",
      to: "confirmed",
      on: "2xx",
      run({ dialog }) {
        dialog?.confirm(
          answered(200, [
            ["Record-Route", "<sip:proxy.invalid;lr>"],
            ["Contact", "<sip:ken@late.invalid>"],
          ]),
        );
        expect([dialog?.remoteTarget, dialog?.state.routeSet]).toEqual([
          "sip:ken@late.invalid",
          ["<sip:proxy.invalid;lr>"],
        ]);
      },
    },
  ],
});

interface Watching {
  clock: VirtualClock;
  ua: UserAgent;
  wire: Wire;
  core: ScriptedPeer;
  watch: Subscription | undefined;
  ends: SubscriptionEnd[];
}

const subscribe: SipRequest = SipRequest.create("SUBSCRIBE", "sip:mary@acme.ims.test", [
  ["Max-Forwards", "70"],
  ["From", "<sip:mary@acme.ims.test>;tag=mary1"],
  ["To", "<sip:mary@acme.ims.test>"],
  ["Call-ID", "watch-1"],
  ["CSeq", "1 SUBSCRIBE"],
  ["Contact", "<sip:mary@left.invalid>"],
  ["Event", "reg"],
  ["Expires", "600"],
]);

function start(one: Watching): void {
  one.watch = one.ua.subscribe(subscribe, one.wire.left, { ended: (end) => void one.ends.push(end) });
}

async function notify({ core }: Watching, state: string): Promise<void> {
  core.request("NOTIFY", {
    headers: [
      ["Event", "reg"],
      ["Subscription-State", state],
    ],
  });
  await core.expectResponse(200);
}

async function watching(state: string): Promise<Watching> {
  const clock = new VirtualClock();
  const wire = new Wire({ clock });
  const core = new ScriptedPeer({ clock, hop: wire.right });
  const ua = new UserAgent({ clock, random: new SeededRandom(3), onRequest: (tx) => tx.reply(481) });
  wire.onLeft = (message, hop) => ua.receive(message, hop);
  wire.onRight = core.receive;
  const one: Watching = { clock, ua, wire, core, watch: undefined, ends: [] };
  if (state === "start") return one;
  start(one);
  if (state === "subscribing") return one;
  await grant(one);
  await notify(one, `${state};expires=600`);
  return one;
}

async function grant({ core }: Watching, status = 200): Promise<SipRequest> {
  const request = await core.expectRequest("SUBSCRIBE", 400_000);
  core.reply(request, status, { headers: [["Expires", "600"]] });
  return request;
}

const living = (from: "pending" | "active"): Row<Watching>[] => [
  {
    from,
    to: "terminated",
    on: "NOTIFY terminated",
    async run(one) {
      await notify(one, "terminated;reason=deactivated");
      expect(one.ends).toEqual([{ reason: "deactivated", retryAfter: 0 }]);
    },
  },
  {
    from,
    to: "terminated",
    on: "refresh 481",
    async run(one) {
      await grant(one, 481);
      await one.clock.settle(5);
      expect(one.ends).toMatchObject([{ reason: "refused", retryAfter: 0 }]);
    },
  },
  {
    from,
    to: "terminated",
    on: "time over",
    async run(one) {
      one.wire.cut();
      await one.clock.settle(599_000);
      expect(one.watch?.phase).toBe(from);
      await one.clock.settle(1000);
      expect(one.ends).toEqual([{ reason: "expired", retryAfter: 0 }]);
    },
  },
  {
    from,
    to: "terminated",
    on: "unsubscribe",
    async run(one) {
      one.watch?.unsubscribe();
      const request = await one.core.expectRequest("SUBSCRIBE");
      expect(request.get("Expires")).toBe("0");
      one.core.reply(request, 200);
      await notify(one, "terminated;reason=timeout");
      expect(one.ends).toEqual([{ reason: "unsubscribed" }]);
    },
  },
  {
    from,
    to: "terminated",
    on: "unsubscribe while a refresh runs",
    async run(one) {
      const refresh = await one.core.expectRequest("SUBSCRIBE", 400_000);
      one.watch?.unsubscribe();
      await one.clock.settle(400);
      expect([one.wire.log.at(-1), one.watch?.phase], "one SUBSCRIBE at a time").toEqual(["left: SUBSCRIBE", from]);
      expect(one.wire.log.filter((line) => line === "left: SUBSCRIBE")).toHaveLength(2);
      one.core.reply(refresh, 200, { headers: [["Expires", "600"]] });
      const last = await one.core.expectRequest("SUBSCRIBE");
      expect([last.get("Expires"), last.cseq.number]).toEqual(["0", refresh.cseq.number + 1]);
      one.core.reply(last, 200);
      await notify(one, "terminated;reason=timeout");
      expect(one.ends).toEqual([{ reason: "unsubscribed" }]);
    },
  },
  {
    from,
    to: from,
    on: "half time or 600 s before the end: SUBSCRIBE",
    async run(one) {
      const before = one.clock.now();
      const refresh = await grant(one);
      expect([refresh.toTag, Math.round((one.clock.now() - before) / 1000)]).toEqual(["peer", 300]);
      await one.clock.settle(5);
    },
  },
  {
    from,
    to: from,
    on: "refresh refused: again, later",
    async run(one) {
      await grant(one, 503);
      const before = one.clock.now();
      await grant(one);
      expect(Math.round((one.clock.now() - before) / 1000)).toBe(60);
      expect(one.ends).toEqual([]);
    },
  },
];

machine<Watching>({
  file: "subscription/subscription.ts",
  className: "Subscription",
  states: ["subscribing", "pending", "active", "terminated"],
  reach: watching,
  state: ({ watch }) => watch?.phase,
  rows: [
    {
      from: "start",
      to: "subscribing",
      on: "SUBSCRIBE",
      async run(one) {
        start(one);
        expect((await one.core.expectRequest("SUBSCRIBE")).get("Expires")).toBe("600");
      },
    },
    {
      from: "subscribing",
      to: "subscribing",
      on: "423: again, longer",
      async run({ core }) {
        core.reply(await core.expectRequest("SUBSCRIBE"), 423, { headers: [["Min-Expires", "900"]] });
        expect((await core.expectRequest("SUBSCRIBE")).get("Expires")).toBe("900");
      },
    },
    {
      from: "subscribing",
      to: "terminated",
      on: "refused",
      async run(one) {
        await grant(one, 403);
        await one.clock.settle(5);
        expect(one.ends).toMatchObject([{ reason: "refused", response: { status: 403 } }]);
      },
    },
    {
      from: "subscribing",
      to: "terminated",
      on: "no NOTIFY in 64*T1 (timer N)",
      async run(one) {
        await grant(one);
        await one.clock.settle(32_000);
        expect(one.watch?.phase).toBe("subscribing");
        await one.clock.settle(10);
        expect(one.ends).toEqual([{ reason: "silent", retryAfter: 0 }]);
      },
    },
    {
      from: "subscribing",
      to: "terminated",
      on: "NOTIFY terminated",
      async run(one) {
        await grant(one);
        await notify(one, "terminated;reason=rejected");
        expect(one.ends).toEqual([{ reason: "rejected" }]);
      },
    },
    {
      from: "subscribing",
      to: "terminated",
      on: "unsubscribe",
      async run(one) {
        one.watch?.unsubscribe();
        await grant(one);
        expect((await one.core.expectRequest("SUBSCRIBE")).get("Expires")).toBe("0");
        await one.clock.settle(64_000);
        expect(one.ends).toMatchObject([{ reason: "unsubscribed" }]);
      },
    },
    ...(["pending", "active"] as const).map((to): Row<Watching> => ({
      from: "subscribing",
      to,
      on: `NOTIFY ${to}`,
      async run(one) {
        await grant(one);
        await notify(one, to);
      },
    })),
    {
      from: "pending",
      to: "active",
      on: "NOTIFY active",
      run: async (one) => await notify(one, "active;expires=600"),
    },
    {
      from: "active",
      to: "pending",
      on: "NOTIFY pending",
      run: async (one) => await notify(one, "pending;expires=600"),
    },
    ...living("pending"),
    ...living("active"),
  ],
});

interface Timed {
  clock: VirtualClock;
  timer: SessionTimer;
  /** Refreshes that have been sent, with the seconds they ask for and when they went. */
  sent: { asked: string | undefined; at: number; answer(response: SipResponse): void }[];
  told: number;
}

const agreed = (seconds: number): HeaderList => [["Session-Expires", `${seconds};refresher=uac`]];
const response = (status: number, headers: HeaderList = []): SipResponse => SipResponse.create(status, "", headers);

async function timed(state: string): Promise<Timed> {
  const clock = new VirtualClock();
  const one: Timed = {
    clock,
    sent: [],
    told: 0,
    timer: new SessionTimer({
      clock,
      interval: 600,
      refresh: (headers) => {
        const { promise, resolve } = Promise.withResolvers<SipResponse>();
        const asked = headers.find(([name]) => name === "Session-Expires")?.[1];
        one.sent.push({ asked, at: clock.now() / 1000, answer: resolve });
        return promise;
      },
      expired: () => void one.told++,
    }),
  };
  if (state !== "off") one.timer.answered(response(200, agreed(600)));
  if (state === "refreshing") await clock.settle(300_000);
  return one;
}

/** The last refresh is answered. */
async function answer(one: Timed, with_: SipResponse): Promise<void> {
  one.sent.at(-1)?.answer(with_);
  await one.clock.settle(0);
}

/** What it does next tells where it stands: a refresh that waits for its answer, one that is due, or nothing. */
const stateOf = (one: Timed): string => {
  if (one.told > 0) return "expired";
  if (one.timer.agreed === undefined) return "off";
  return one.sent.length > 0 && !settled.has(one) ? "refreshing" : "waiting";
};
/** Their last refresh got its 2xx. */
const settled = new WeakSet<Timed>();

const withoutTerms = (from: string): Row<Timed> => ({
  from,
  to: "off",
  on: "the same without Session-Expires",
  async run(one) {
    one.timer.answered(response(200));
    await one.clock.settle(2_000_000);
    expect([one.told, one.sent.length]).toEqual([0, from === "refreshing" ? 1 : 0]);
    expect((await timed(from)).timer.asked(inviteRequest())).toEqual([]);
  },
});

const silence = (from: string): Row<Timed> => ({
  from,
  to: "expired",
  on: "no refresh in time: tell",
  async run(one) {
    await one.clock.settle(568_000 - one.clock.now() - 1);
    expect(one.told).toBe(0);
    await one.clock.settle(1);
    await one.clock.settle(2_000_000);
    expect(one.told, "once").toBe(1);
  },
});

machine<Timed>({
  file: "session/sessionTimer.ts",
  className: "SessionTimer",
  states: ["off", "waiting", "refreshing", "expired"],
  reach: timed,
  state: stateOf,
  rows: [
    {
      from: "off",
      to: "waiting",
      on: "2xx, or request of the peer, with Session-Expires",
      async run(one) {
        one.timer.answered(response(200, agreed(600)));
        const callee = await timed("off");
        const headers = callee.timer.asked(inviteRequest([["Session-Expires", "600"]]));
        expect([headers, stateOf(callee)]).toEqual([[["Session-Expires", "600;refresher=uas"]], "waiting"]);
      },
    },
    {
      from: "waiting",
      to: "waiting",
      on: "2xx, or request of the peer, with Session-Expires",
      async run(one) {
        await one.clock.settle(299_000);
        one.timer.asked(inviteRequest([["Session-Expires", "600;refresher=uas"]]));
        await one.clock.settle(299_000);
        expect(one.sent).toEqual([]);
      },
    },
    withoutTerms("waiting"),
    withoutTerms("refreshing"),
    {
      from: "waiting",
      to: "refreshing",
      on: "half time, we refresh",
      async run(one) {
        await one.clock.settle(299_999);
        expect(one.sent).toEqual([]);
        await one.clock.settle(1);
        expect(one.sent).toMatchObject([{ asked: "600;refresher=uac" }]);
      },
    },
    {
      from: "refreshing",
      to: "waiting",
      on: "2xx",
      async run(one) {
        await answer(one, response(200, agreed(600)));
        await one.clock.settle(299_999);
        expect(one.sent).toHaveLength(1);
        settled.add(one);
      },
    },
    {
      from: "refreshing",
      to: "refreshing",
      on: "422: again, longer",
      async run(one) {
        await answer(one, response(422, [["Min-SE", "900"]]));
        expect(one.sent).toMatchObject([{}, { asked: "900;refresher=uac", at: 300 }]);
      },
    },
    {
      from: "refreshing",
      to: "refreshing",
      on: "another refusal: again, later",
      async run(one) {
        await answer(one, response(491));
        await one.clock.settle(150_000);
        expect(one.sent).toMatchObject([{}, { asked: "600;refresher=uac", at: 450 }]);
      },
    },
    silence("refreshing"),
    {
      ...silence("waiting"),
      // The peer refreshes, and does not.
      async reach() {
        const one = await timed("off");
        one.timer.answered(response(200, [["Session-Expires", "600;refresher=uas"]]));
        return one;
      },
    },
  ],
});
