import { expect, test } from "vitest";
import type { ImsClient } from "../src/index.ts";
import { World } from "./world.ts";

test("WIC-15b a lost socket is replaced after a moment, on the same instance and reg-id", async () => {
  const world = new World();
  const phone = await world.registered();
  world.socket.drop(1006);
  expect(world.states.at(-1)).toEqual(["reconnecting", "wic/connection-lost"]);
  await world.clock.settle(1_100);
  expect(phone.state).toBe("registered");
  const [first, second] = world.requests("REGISTER").map((each) => each.get("Contact"));
  expect(second).toBe(first);
  expect(world.requests("SUBSCRIBE").length).toBe(2);
});

test("WIC-15a attempts back off with jitter to a minute and stop waiting when the network is back", async () => {
  const world = new World();
  const phone = await world.registered();
  world.handshake = () => undefined;
  const opened: number[] = [];
  const lost = world.clock.now();
  world.socket.drop(1006);
  for (let n = 0; n < 1200; n += 1) {
    const before = world.sockets.length;
    await world.clock.settle(500);
    if (world.sockets.length > before) opened.push(world.clock.now());
  }
  const gaps = opened.map((at, n) => at - (opened[n - 1] ?? lost));
  expect(gaps[0]).toBeLessThanOrEqual(1_500);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(61_000);
  expect(Math.min(...gaps.slice(6))).toBeGreaterThanOrEqual(29_000);
  expect(new Set(gaps.slice(6)).size).toBeGreaterThan(1);
  expect(phone.state).toBe("reconnecting");
  expect(phone.reason?.code).toBe("wic/unreachable");
  world.handshake = () => "sip";
  world.hint("online");
  await world.clock.settle(100);
  expect(phone.state).toBe("registered");
});

test("WIC-15c a REGISTER without an answer for 10 s is a dead flow", async () => {
  const world = new World();
  world.onRegister = () => undefined;
  const phone = world.client();
  void phone.start();
  await world.clock.settle(9_900);
  expect(world.states).toEqual([["connecting", undefined]]);
  world.onRegister = (tx) => world.grant(tx);
  await world.clock.settle(200);
  expect(world.states.at(-1)).toEqual(["connecting", "wic/connection-silent"]);
  await world.clock.settle(2_000);
  expect(phone.state).toBe("registered");
  expect(world.sockets.length).toBe(2);
});

test("coming back to the page checks the flow at once", async () => {
  const world = new World();
  world.registerHeaders = [["Flow-Timer", "600"]];
  const phone = await world.registered();
  world.socket.silent = true;
  world.hint("visible");
  await world.clock.settle(10_050);
  expect(phone.state).toBe("reconnecting");
  await world.clock.settle(2_000);
  expect(phone.state).toBe("registered");
});

test("without negotiated keep-alive the check is a re-REGISTER", async () => {
  const world = new World();
  await world.registered();
  world.hint("visible");
  await world.clock.settle(100);
  expect(world.requests("REGISTER").length).toBe(2);
});

test("what a replaced socket still says is not heard", async () => {
  const world = new World();
  const phone = await world.registered();
  const [old] = world.sockets;
  world.socket.drop(1006);
  await world.clock.settle(1_100);
  const states = world.states.length;
  old?.dispatchEvent(Object.assign(new Event("close"), { code: 4403 }));
  old?.dispatchEvent(new MessageEvent("message", { data: "\r\n\r\n" }));
  await world.clock.settle(1_000);
  expect(world.states.length).toBe(states);
  expect(phone.state).toBe("registered");
});

test("the state tells in how many seconds the next attempt is due, and when it has begun", async () => {
  const world = new World();
  const phone = await world.registered();
  const told: [state: string, code: string | undefined, seconds: number | undefined][] = [];
  phone.on("state", (state, reason, seconds) => told.push([state, reason?.code, seconds]));
  world.onRegister = (tx) => tx.reply(503, { headers: [["Retry-After", "30"]] });
  world.socket.drop(1006);
  await world.clock.settle(1_100);
  world.onRegister = (tx) => world.grant(tx);
  const due = told.at(-1)?.[2] ?? 0;
  await world.clock.settle((due - 2) * 1000);
  expect(phone.state).toBe("reconnecting");
  await world.clock.settle(2_100);
  expect(due).toBeGreaterThanOrEqual(31);
  expect(told).toEqual([
    ["reconnecting", "wic/connection-lost", 1],
    ["reconnecting", "wic/connection-lost", undefined],
    ["reconnecting", "wic/network-busy", due],
    ["reconnecting", "wic/network-busy", undefined],
    ["registered", undefined, undefined],
  ]);
});

test("a hint that ends the wait is told as well", async () => {
  const world = new World();
  const phone = await world.registered();
  world.handshake = () => undefined;
  world.socket.drop(1006);
  await world.clock.settle(10_000);
  const told: (number | undefined)[] = [];
  phone.on("state", (_, __, seconds) => told.push(seconds));
  world.hint("online");
  expect(told).toEqual([undefined]);
});

test("Retry-After of a 503 is waited for", async () => {
  const world = new World();
  world.onRegister = (tx) => tx.reply(503, { headers: [["Retry-After", "30"]] });
  const phone = world.client();
  void phone.start();
  await world.clock.settle(29_000);
  world.hint("visible");
  await world.clock.settle(50);
  expect(world.requests("REGISTER").length).toBe(1);
  expect(phone.reason).toMatchObject({ code: "wic/network-busy", retryAfter: 30, fatal: false });
  world.onRegister = (tx) => world.grant(tx);
  await world.clock.settle(3_000);
  expect(phone.state).toBe("registered");
});

test("the next URL of the list is tried after a failure", async () => {
  const world = new World();
  world.tokens = () => Promise.resolve({ wss: ["wss://one.ims.test/", "wss://two.ims.test/"] });
  world.handshake = () => (world.socket.url.includes("one") ? undefined : "sip");
  await world.registered().catch(() => undefined);
  await world.clock.settle(2_000);
  expect(world.sockets.map(({ url }) => url)).toEqual(["wss://one.ims.test/", "wss://two.ims.test/"]);
  expect(world.states.at(-1)?.[0]).toBe("registered");
});

test("a socket that the portal ended with 4403 asks the web site before it comes back", async () => {
  const world = new World();
  const phone = await world.registered();
  world.tokens = () => Promise.reject(Object.assign(new Error("signed out"), { status: 401 }));
  world.socket.drop(4403);
  await world.clock.settle(2_000);
  expect(world.tokensAsked).toBe(2);
  expect(phone.state).toBe("ended");
  expect(phone.reason).toMatchObject({ code: "wic/signed-out", status: 401 });
  await world.clock.settle(600_000);
  expect(world.sockets.length).toBe(1);
});

test("a refresh of a lost flow does not keep the next flow from its own", async () => {
  const world = new World();
  world.granted = 20;
  const phone = await world.registered();
  world.onRegister = () => undefined;
  await world.clock.settle(10_500);
  expect(world.requests("REGISTER").length).toBe(2);
  world.onRegister = (tx) => world.grant(tx);
  world.socket.drop(1006);
  await world.clock.settle(60_000);
  expect(phone.state).toBe("registered");
  expect(world.requests("REGISTER").length).toBeGreaterThanOrEqual(6);
});

test("a portal that goes down gets its users back spread over seconds", async () => {
  const waits = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async (seed) => {
      const world = new World();
      const phone = world.client({}, seed);
      void phone.start();
      await world.clock.settle(100);
      const before = world.clock.now();
      world.socket.drop(1012);
      while (world.sockets.length === 1) await world.clock.settle(50);
      return world.clock.now() - before;
    }),
  );
  expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(1_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(6_100);
});

test("a browser that knows it is offline says so", async () => {
  const world = new World();
  await world.registered();
  world.online = false;
  world.socket.drop(1006);
  expect(world.states.at(-1)).toEqual(["reconnecting", "wic/browser-offline"]);
});

test("a token source that hangs is given up and asked again", async () => {
  const world = new World();
  let asked = 0;
  world.tokens = () => {
    asked += 1;
    return asked === 1 ? new Promise(() => undefined) : Promise.resolve({});
  };
  const phone = world.client();
  void phone.start();
  await world.clock.settle(15_500);
  expect(world.states.at(-1)).toEqual(["connecting", "wic/token-unavailable"]);
  await world.clock.settle(2_000);
  expect(phone.state).toBe("registered");
});

test("a call that stands outlives the flow; its next request goes over the new one", async () => {
  const world = new World();
  const phone = await world.registered();
  const caller = world.call({
    accepted: () => caller.ack(),
    request: (tx) => tx.reply(200),
  });
  phone.on("incoming", (call) => call.answer());
  await world.clock.settle(300);
  const [call] = phone.calls;
  world.socket.drop(1006);
  await world.clock.settle(1_500);
  expect(call?.state).toBe("active");
  expect(world.last("UPDATE").callId).toBe(caller.invite.callId);
  await world.clock.settle(60_000);
  expect(call?.state).toBe("active");
});

test("a call that the portal has given up meanwhile ends when the flow is back", async () => {
  const world = new World();
  const phone = await world.registered();
  const caller = world.call({ accepted: () => caller.ack() });
  phone.on("incoming", (call) => call.answer());
  await world.clock.settle(300);
  const [call] = phone.calls;
  world.socket.drop(1006);
  // The portal's side of it is gone without a BYE.
  caller.bye();
  await world.clock.settle(2_000);
  expect(call?.end?.cause).toBe("network");
});

test("one recovery at a time: media that failed during the outage are repaired after it", async () => {
  const world = new World();
  const phone = await world.registered();
  const caller = world.call({
    accepted: () => caller.ack(),
    request: (tx) =>
      tx.reply(
        200,
        tx.request.body === "" ? {} : { body: { type: "application/sdp", text: world.sdp("sendrecv", "passive") } },
      ),
  });
  phone.on("incoming", (call) => call.answer());
  await world.clock.settle(300);
  const [call] = phone.calls;
  world.peer.becomes("connected");
  world.socket.drop(1006);
  world.peer.becomes("failed");
  await world.clock.settle(100);
  expect(world.peer.iceRestarts).toBe(0);
  await world.clock.settle(2_000);
  expect(world.peer.iceRestarts).toBe(1);
  world.peer.becomes("connected");
  expect([call?.state, call?.mediaState]).toEqual(["active", "connected"]);
});

test("a call being set up does not wait for the next flow", async () => {
  const world = new World();
  const phone = await world.registered();
  world.onInvite = (tx) => void world.agent.accept(tx, { ended: () => undefined });
  const outgoing = phone.call("+12025550110");
  world.call({});
  await world.clock.settle(300);
  const incoming = phone.calls.find(({ direction }) => direction === "incoming");
  world.socket.drop(1006);
  expect([outgoing.end?.cause, incoming?.end?.cause]).toEqual(["network", "network"]);
});

test("a call whose flow does not come back ends after the portal's grace time", async () => {
  const world = new World();
  const phone = await world.registered();
  const caller = world.call({ accepted: () => caller.ack() });
  phone.on("incoming", (call) => call.answer());
  await world.clock.settle(300);
  const [call] = phone.calls;
  world.handshake = () => undefined;
  world.socket.drop(1006);
  await world.clock.settle(31_900);
  expect(call?.state).toBe("active");
  await world.clock.settle(200);
  expect(call?.end?.cause).toBe("network");
});

test("a listener that throws is reported and stops nothing", async () => {
  const world = new World();
  const phone = world.client();
  phone.on("state", () => {
    throw new Error("page");
  });
  let heard = 0;
  phone.on("state", () => (heard += 1));
  void phone.start();
  await world.clock.settle(100);
  expect(phone.state).toBe("registered");
  expect(heard).toBe(2);
  expect(world.reports.length).toBe(2);
});

/** Timers that are left some minutes after the flow was lost and replaced, without those of the far side. */
async function timersAfterLoss(before: (world: World, phone: ImsClient) => Promise<void>): Promise<number> {
  const world = new World();
  const phone = await world.registered();
  await before(world, phone);
  world.socket.drop(1006);
  await world.clock.settle(2_000);
  expect(phone.state).toBe("registered");
  expect(phone.calls).toEqual([]);
  world.agent.close();
  // Longer than any transaction lives, shorter than the registration.
  await world.clock.settle(250_000);
  expect(world.reports).toEqual([]);
  return world.clock.pending;
}

test("calls that were being set up when the flow died leave no timer behind", async () => {
  const none = await timersAfterLoss(async () => undefined);
  const incoming = await timersAfterLoss(async (world, phone) => {
    world.call({});
    await world.clock.settle(100);
    expect(phone.calls.map(({ state }) => state)).toEqual(["ringing"]);
  });
  const outgoing = await timersAfterLoss(async (world, phone) => {
    world.onInvite = (tx) => tx.reply(180);
    phone.call("+12025550140");
    await world.clock.settle(100);
    expect(phone.calls.map(({ state }) => state)).toEqual(["ringing"]);
  });
  expect([incoming, outgoing]).toEqual([none, none]);
});
