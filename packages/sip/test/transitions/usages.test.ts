import { expect } from "vitest";
import { hear, inviteRequest } from "../callHarness.ts";
import { machine } from "./machine.ts";
import type { Row } from "./machine.ts";

import {
  sdp,
  usageOf,
  answer,
  caller,
  refused,
  secondBranch,
  established,
  callee,
  take,
  declined,
  type Scene,
  prack,
} from "./usageScene.ts";

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
