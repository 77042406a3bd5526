import { expect, test } from "vitest";
import type { Account } from "../src/idp/accounts.ts";
import { Hub } from "../src/rtc/hub.ts";
import type { HubMessage } from "../src/rtc/protocol.ts";
import type { Link, Tab } from "../src/rtc/tab.ts";
import { VirtualTimers } from "./support/virtualTimers.ts";

const mary: Account = { id: "mary", name: "Mary Jones" };
const ken: Account = { id: "ken", name: "Ken Adams" };

/** A socket whose other end is the test. */
class TestLink implements Link {
  readonly heard: HubMessage[] = [];
  closed: number | undefined;

  send(message: HubMessage): void {
    this.heard.push(message);
  }

  close(code: number): void {
    this.closed = code;
  }

  /** Types of what came since the last look. */
  types(): string[] {
    return this.heard.splice(0).map(({ type }) => type);
  }

  last<T extends HubMessage["type"]>(type: T): Extract<HubMessage, { type: T }> | undefined {
    return this.heard.findLast((message) => message.type === type) as Extract<HubMessage, { type: T }> | undefined;
  }
}

interface World {
  readonly clock: VirtualTimers;
  readonly hub: Hub;
  readonly join: (account: Account, id?: string) => { tab: Tab; link: TestLink };
}

function open(): World {
  const clock = new VirtualTimers();
  const hub = new Hub(clock.set);
  return {
    clock,
    hub,
    join: (account, id = crypto.randomUUID()) => {
      const link = new TestLink();
      return { tab: hub.attach(id, account, `session of ${account.id}`, link), link };
    },
  };
}

function answered(): World & Record<"marys" | "kens", { tab: Tab; link: TestLink }> & { call: string } {
  const world = open();
  const marys = world.join(mary);
  const kens = world.join(ken);
  const call = crypto.randomUUID();
  world.hub.receive(marys.tab, { type: "call", call, to: "ken", sdp: "offer" });
  world.hub.receive(kens.tab, { type: "answer", call, sdp: "answer" });
  marys.link.types();
  kens.link.types();
  return { ...world, marys, kens, call };
}

test("a call that nobody takes ends after a minute, for both", async () => {
  const { clock, hub, join } = open();
  const marys = join(mary);
  const kens = join(ken);
  hub.receive(marys.tab, { type: "call", call: "1", to: "ken", sdp: "offer" });
  await clock.pass(59_999);
  expect(marys.link.last("ended")).toBeUndefined();
  await clock.pass(1);
  for (const { link } of [marys, kens]) expect(link.last("ended")).toMatchObject({ reason: "timeout" });
  expect(clock.pending).toBe(0);
});

test("a page on a call may be away for ten seconds; after that the other side is told", async () => {
  const { clock, hub, marys, kens } = answered();
  hub.detach(kens.tab, kens.link, false);
  expect(hub.presenceOf("ken"), "nobody can ring a page that is away").toBe("offline");
  await clock.pass(9999);
  expect(marys.link.last("ended")).toBeUndefined();
  await clock.pass(1);
  expect(marys.link.last("ended")).toMatchObject({ reason: "left" });
});

test("a page that comes back in time hears all it missed after the welcome, in order", async () => {
  const { clock, hub, join, marys, kens, call } = answered();
  hub.detach(kens.tab, kens.link, false);
  for (const candidate of ["a", "b"])
    hub.receive(marys.tab, {
      type: "candidate",
      call,
      candidate: { candidate, sdpMid: "0", sdpMLineIndex: 0 },
    });
  await clock.pass(5000);
  const back = join(ken, kens.tab.id);
  expect(back.tab).toBe(kens.tab);
  expect(back.link.heard[0]).toMatchObject({ type: "welcome", resumed: true });
  expect(
    back.link.heard.flatMap((message) => (message.type === "candidate" ? message.candidate?.candidate : [])),
  ).toEqual(["a", "b"]);
  await clock.pass(60_000);
  expect(marys.link.last("ended")).toBeUndefined();
});

test("a new offer and its answer pass between the two of a call, and from nobody else", () => {
  const { hub, join, marys, kens, call } = answered();
  const other = join({ id: "olivia", name: "Olivia Brown" });
  hub.receive(marys.tab, { type: "renew", call, kind: "offer", sdp: "new offer" });
  expect(kens.link.last("renew")).toEqual({ type: "renew", call, kind: "offer", sdp: "new offer" });
  hub.receive(kens.tab, { type: "renew", call, kind: "answer", sdp: "new answer" });
  expect(marys.link.last("renew")).toMatchObject({ kind: "answer", sdp: "new answer" });
  hub.receive(other.tab, { type: "renew", call, kind: "offer", sdp: "mine" });
  expect(kens.link.last("renew")).toMatchObject({ sdp: "new offer" });
});

test("what waits for a page that is away is bounded", () => {
  const { hub, join, marys, kens, call } = answered();
  hub.detach(kens.tab, kens.link, false);
  for (let count = 0; count < 500; count += 1) hub.receive(marys.tab, { type: "candidate", call, candidate: null });
  const back = join(ken, kens.tab.id);
  expect(back.link.heard.length).toBeLessThan(70);
});

test("a page that says goodbye is gone at once, also in the middle of a call", () => {
  const { hub, marys, kens } = answered();
  hub.detach(kens.tab, kens.link, true);
  expect(marys.link.last("ended")).toMatchObject({ reason: "left" });
  expect(marys.link.last("presence")).toEqual({ type: "presence", user: "ken", presence: "offline" });
});

test("the old socket of a page that has a new one changes nothing any more", () => {
  const { hub, join, marys, kens } = answered();
  const back = join(ken, kens.tab.id);
  expect(kens.link.closed).toBe(1000);
  hub.detach(kens.tab, kens.link, true);
  expect(marys.link.last("ended")).toBeUndefined();
  expect(back.tab.attached).toBe(true);
});

test("the ninth page of one person closes the first", () => {
  const { hub, join } = open();
  const pages = Array.from({ length: 9 }, () => join(mary));
  expect(pages.map(({ link }) => link.closed)).toEqual([1000, ...Array.from({ length: 8 }, () => undefined)]);
  expect(hub.presenceOf("mary")).toBe("online");
});

test("presence is told when it changes, not each time", () => {
  const { hub, join } = open();
  const marys = join(mary);
  const first = join(ken);
  const second = join(ken);
  hub.detach(second.tab, second.link, true);
  hub.receive(first.tab, { type: "status", busy: true });
  hub.receive(first.tab, { type: "status", busy: true });
  hub.receive(first.tab, { type: "status", busy: false });
  const told = marys.link.heard.flatMap((message) =>
    message.type === "presence" && message.user === "ken" ? message.presence : [],
  );
  expect(told).toEqual(["online", "busy", "online"]);
});

test("closing leaves no timer and no page", async () => {
  const { clock, hub, marys, kens } = answered();
  hub.detach(kens.tab, kens.link, false);
  hub.close();
  hub.close();
  expect(clock.pending).toBe(0);
  expect(marys.link.closed).toBe(1001);
});
