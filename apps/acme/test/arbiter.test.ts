import { expect, test } from "vitest";
import type { Colleague } from "../web/api.ts";
import { Arbiter, type ArbiterPorts } from "../web/call/arbiter.ts";
import type { EndCause, LineCall, LineState, Party, Path } from "../web/call/line.ts";
import type { Route } from "../web/route.ts";
import { settled, VirtualTimers } from "./support/virtualTimers.ts";

/** A line whose other end is the test. */
class TestCall implements LineCall {
  readonly path: Path;
  readonly party: Party;
  readonly did: string[] = [];
  state: LineState = "dialling";
  end: LineCall["end"];
  stream: MediaStream | undefined;
  #listeners = new Set<() => void>();

  constructor(path: Path, party: Party = {}) {
    this.path = path;
    this.party = party;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The far end, or the network, moves the call on. */
  goes(state: LineState): void {
    this.state = state;
    for (const listener of Array.from(this.#listeners)) listener();
  }

  ends(cause: EndCause, text?: string): void {
    this.end = { cause, ...(text === undefined ? {} : { text }) };
    this.goes("ended");
  }

  answer(): void {
    this.did.push("answer");
    this.goes("active");
  }

  decline(cause: string): void {
    this.did.push(`decline ${cause}`);
  }

  hangUp(cause: string): void {
    this.did.push(`hang up ${cause}`);
  }

  setMuted(muted: boolean): void {
    this.did.push(muted ? "mute" : "unmute");
  }

  sendDigit(digit: string): boolean {
    this.did.push(`digit ${digit}`);
    return this.state === "active";
  }
}

class World {
  readonly direct: TestCall[] = [];
  readonly ims: TestCall[] = [];
  readonly clock = new VirtualTimers();
  imsReady = true;
  microphone: "free" | "open" | "refused" = "free";
  readonly arbiter: Arbiter;

  constructor(more: Partial<ArbiterPorts> = {}) {
    this.arbiter = new Arbiter({
      callDirect: ({ id, name }) => {
        const call = new TestCall("direct", { user: id, name });
        this.direct.push(call);
        return call;
      },
      callIms: (number) => {
        const call = new TestCall("ims", { number });
        this.ims.push(call);
        return call;
      },
      imsReady: () => this.imsReady,
      openMicrophone: async () => {
        if (this.microphone === "refused") throw new DOMException("no", "NotAllowedError");
        this.microphone = "open";
        return {} as MediaStream;
      },
      releaseMicrophone: () => (this.microphone = "free"),
      colleagueOf: (number) => (number === ken.tel ? ken : undefined),
      setTimer: this.clock.set,
      now: () => this.clock.time,
      ...more,
    });
  }
}

const ken: Colleague = { id: "ken", name: "Ken Adams", presence: "online", tel: "+12125550101" };
const direct: Route = { path: "direct", colleague: ken, fallback: "+12125550101" };
const echo: Route = { path: "ims", number: "+12025550110" };

test("GEN-06d a direct call that nobody answers goes on by IMS after 15 s, and not before the direct one is over", async () => {
  const world = new World();
  await world.arbiter.call(direct);
  world.direct[0]?.goes("ringing");
  await world.clock.pass(14_999);
  expect(world.ims).toHaveLength(0);
  await world.clock.pass(1);
  expect(world.direct[0]?.did).toEqual(["hang up moved"]);
  expect(world.ims, "the server has not confirmed the end yet").toHaveLength(0);
  world.direct[0]?.ends("moved");
  await settled();
  expect(world.ims).toHaveLength(1);
  expect(world.arbiter.view).toMatchObject({ path: "ims", party: { name: "Ken Adams", number: "+12125550101" } });
  world.ims[0]?.goes("active");
  expect(world.arbiter.view).toMatchObject({ phase: "active", path: "ims" });
});

test("GEN-06d a server that does not confirm holds the fall-back up for a second at most", async () => {
  const world = new World();
  await world.arbiter.call(direct);
  await world.clock.pass(15_999);
  expect(world.ims).toHaveLength(0);
  await world.clock.pass(1);
  expect(world.ims).toHaveLength(1);
});

test("GEN-06d a direct call that fails before it is answered goes on by IMS at once", async () => {
  for (const cause of ["unreachable", "failed", "lost"] as const) {
    const world = new World();
    await world.arbiter.call(direct);
    world.direct[0]?.ends(cause);
    await settled();
    expect(world.ims).toHaveLength(1);
  }
});

test("a no, a busy, and an answered call are final: no second attempt by the other path", async () => {
  for (const cause of ["declined", "busy"] as const) {
    const world = new World();
    await world.arbiter.call(direct);
    world.direct[0]?.ends(cause);
    await world.clock.pass(60_000);
    expect(world.ims).toHaveLength(0);
    expect(world.arbiter.view).toMatchObject({ phase: "ended", end: { failed: true } });
  }
  const world = new World();
  await world.arbiter.call(direct);
  world.direct[0]?.goes("active");
  world.direct[0]?.ends("lost");
  await world.clock.pass(60_000);
  expect(world.ims).toHaveLength(0);
  expect(world.arbiter.view?.end?.title).toBe("The connection was lost");
});

test("a caller who hangs up while the path changes stays hung up", async () => {
  const world = new World();
  await world.arbiter.call(direct);
  await world.clock.pass(15_000);
  world.arbiter.hangUp();
  world.direct[0]?.ends("moved");
  await world.clock.pass(5000);
  expect(world.ims).toHaveLength(0);
  expect(world.arbiter.view?.phase).toBe("ended");
});

test("without a telephone network a direct call rings on beyond 15 s", async () => {
  const world = new World();
  world.imsReady = false;
  await world.arbiter.call(direct);
  await world.clock.pass(40_000);
  expect(world.direct[0]?.did).toEqual([]);
  world.direct[0]?.ends("no-answer");
  expect(world.arbiter.view?.end?.title).toBe("Ken Adams did not answer");
});

test("one call at a time: a second one, by either path, finds the page busy", async () => {
  const world = new World();
  await world.arbiter.call(echo);
  world.ims[0]?.goes("active");
  for (const path of ["direct", "ims"] as const) {
    const second = new TestCall(path, { name: "Olivia Brown", user: "olivia" });
    world.arbiter.offer(second);
    expect(second.did).toEqual(["decline busy"]);
  }
  await world.arbiter.call(direct);
  expect(world.direct).toHaveLength(0);
  expect(world.arbiter.view).toMatchObject({ phase: "active", party: { number: "+12025550110" } });
});

test("GEN-08a GEN-08b after a call the page takes the next one, and the microphone is free in between", async () => {
  const world = new World();
  await world.arbiter.call(echo);
  world.ims[0]?.goes("active");
  world.clock.time += 65_000;
  world.ims[0]?.ends("hangup");
  expect(world.arbiter.view).toMatchObject({
    phase: "ended",
    seconds: 65,
    end: { title: "Call ended", failed: false },
  });
  expect(world.microphone).toBe("free");
  const incoming = new TestCall("direct", { user: "ken", name: "Ken Adams" });
  world.arbiter.offer(incoming);
  expect(world.arbiter.sound).toBe("ring");
  await world.arbiter.answer();
  expect(incoming.did).toEqual(["answer"]);
  expect(world.arbiter.view).toMatchObject({ phase: "active", direction: "in", path: "direct" });
  world.arbiter.hangUp();
  await world.arbiter.call(echo);
  expect(world.ims).toHaveLength(2);
});

test("the same caller's call by IMS takes the place of her direct call that still rings", () => {
  const world = new World();
  world.arbiter.offer(new TestCall("direct", { user: "ken", name: "Ken Adams" }));
  const follow = new TestCall("ims", { number: "+12125550101" });
  world.arbiter.offer(follow);
  expect(follow.did).toEqual([]);
  expect(world.arbiter.view).toMatchObject({ phase: "incoming", path: "ims", party: { name: "Ken Adams" } });
});

test("two who call each other at once are put through", async () => {
  const world = new World();
  await world.arbiter.call(direct);
  const hers = new TestCall("direct", { user: "ken", name: "Ken Adams" });
  world.arbiter.offer(hers);
  world.direct[0]?.ends("busy");
  await settled();
  expect(hers.did).toEqual(["answer"]);
  expect(world.arbiter.view).toMatchObject({ phase: "active", direction: "in" });
});

test("a number that the network's client does not take ends in words, and the page goes on", async () => {
  const world = new World({
    callIms: () => {
      throw new Error("This is no number or address that can be called");
    },
  });
  await world.arbiter.call(echo);
  expect(world.arbiter.view?.end?.title).toBe("This is no number or address that can be called");
  expect(world.microphone).toBe("free");
  await world.arbiter.call(direct);
  expect(world.direct).toHaveLength(1);
});

test("without a registration a number is not tried", async () => {
  const world = new World();
  world.imsReady = false;
  await world.arbiter.call(echo);
  expect(world.ims).toHaveLength(0);
  expect(world.arbiter.view?.end?.title).toBe("Not connected to the telephone network");
});

test("digits go to the call that stands, and count as sent only then", async () => {
  const world = new World();
  expect(world.arbiter.sendDigit("1")).toBe(false);
  await world.arbiter.call(echo);
  expect(world.arbiter.sendDigit("2")).toBe(false);
  world.ims[0]?.goes("active");
  expect(world.arbiter.sendDigit("3")).toBe(true);
});

test("a microphone that is refused ends the call with words on what to do, and rings nobody", async () => {
  const world = new World();
  world.microphone = "refused";
  await world.arbiter.call(direct);
  expect(world.direct).toHaveLength(0);
  expect(world.arbiter.view?.end).toMatchObject({ title: "Acme Talk may not use your microphone", failed: true });
});

test("a caller who hangs up while the browser asks for the microphone calls nobody", async () => {
  const world = new World();
  const calling = world.arbiter.call(direct);
  world.arbiter.hangUp();
  await calling;
  expect(world.direct).toHaveLength(0);
  expect(world.microphone).toBe("free");
});

test("mute is the user's: it stays through the change of path", async () => {
  const world = new World();
  await world.arbiter.call(direct);
  world.arbiter.setMuted(true);
  world.direct[0]?.ends("unreachable");
  await settled();
  expect(world.ims[0]?.did).toEqual(["mute"]);
  expect(world.arbiter.view?.muted).toBe(true);
});

test("a missed call is told as missed, one that another tab took is not", () => {
  const world = new World();
  const missed = new TestCall("direct", { user: "ken", name: "Ken Adams" });
  world.arbiter.offer(missed);
  missed.ends("hangup");
  expect(world.arbiter.view?.end?.title).toBe("Missed call from Ken Adams");
  const taken = new TestCall("ims", { number: "+12025550130" });
  world.arbiter.offer(taken);
  taken.ends("answered-elsewhere");
  expect(world.arbiter.view?.end).toMatchObject({
    failed: false,
    title: "Answered in another tab or on another device",
  });
});

test("an emergency number is refused with words on what to do, nothing is sent", async () => {
  const world = new World();
  await world.arbiter.call({ path: "none", why: "emergency" });
  expect(world.ims).toHaveLength(0);
  expect(world.arbiter.view?.end).toEqual({
    title: "Emergency calls are not possible here",
    advice: "Use a mobile or fixed telephone.",
    failed: true,
  });
});

test("what sounds: her telephone when called, the far one when calling, nothing once the network plays its own", async () => {
  const world = new World();
  await world.arbiter.call(echo);
  expect(world.arbiter.sound).toBe("none");
  world.ims[0]?.goes("ringing");
  expect(world.arbiter.sound).toBe("ringback");
  world.ims[0]?.goes("early");
  expect(world.arbiter.sound).toBe("none");
  world.ims[0]?.goes("active");
  expect(world.arbiter.sound).toBe("none");
});
