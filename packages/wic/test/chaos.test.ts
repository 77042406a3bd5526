import type { InviteUsage, ServerTransaction } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { WicError } from "../src/index.ts";
import type { Call, ImsClient } from "../src/index.ts";
import { reginfo, World } from "./world.ts";

const seeds = Array.from({ length: 25 }, (_, n) => n + 1);

function pick<T>(random: SeededRandom, choices: readonly T[]): T {
  const choice = choices[Math.floor(random.next() * choices.length)];
  if (choice === undefined) throw new Error("nothing to choose from");
  return choice;
}

/** Sockets that neither side has given up. */
const live = (world: World): number => world.sockets.filter(({ readyState }) => readyState < 2).length;

test.each(seeds)(
  "whatever the network does (seed %i), there is one flow at most, and in the end a registration",
  async (seed) => {
    const random = new SeededRandom(seed);
    const world = new World(seed);
    world.registerHeaders = [["Flow-Timer", "60"]];
    world.tokenLife = 900;
    const phone = world.client({}, seed);
    void phone.start();
    const contact = (): string => /<([^>]+)>/.exec(world.last("REGISTER").get("Contact") ?? "")?.[1] ?? "";
    const trouble: readonly (() => void | Promise<unknown>)[] = [
      () => world.sockets.at(-1)?.drop(pick(random, [1001, 1006, 1012, 4403])),
      () => void Object.assign(world.socket, { silent: true }),
      () => void (world.handshake = () => pick(random, [() => "sip", () => undefined, () => ""])()),
      () => void (world.handshake = () => "sip"),
      () => void (world.onRegister = (tx) => tx.reply(pick(random, [408, 480, 500, 503, 504]))),
      () => void (world.onRegister = () => undefined),
      () => void (world.onRegister = (tx) => world.grant(tx)),
      () => void (world.tokens = () => Promise.reject(new Error("no"))),
      () => void (world.tokens = () => Promise.resolve({})),
      () => void (world.answersPings = random.next() < 0.5),
      () => world.hint(pick(random, ["online", "offline", "visible"])),
      () => {
        const event = pick(random, ["expired", "deactivated"]);
        void world.notify(reginfo(contact(), { state: "terminated", event })).catch(() => undefined);
      },
    ];
    for (let n = 0; n < 120; n += 1) {
      const act = pick(random, trouble);
      try {
        void act();
      } catch {
        // Nothing there yet to make trouble with.
      }
      await world.clock.settle(Math.floor(random.next() ** 3 * 60_000));
      expect(live(world)).toBeLessThanOrEqual(1);
    }
    world.handshake = () => "sip";
    world.onRegister = (tx) => world.grant(tx);
    world.tokens = () => Promise.resolve({});
    world.answersPings = true;
    await world.clock.settle(150_000);
    expect([phone.state, phone.reason?.code]).toEqual(["registered", undefined]);
    expect(live(world)).toBe(1);
    expect(world.reports).toEqual([]);

    const registers = world.requests("REGISTER").length;
    await world.clock.settle(3_600_000);
    expect(phone.state).toBe("registered");
    expect(world.requests("REGISTER").length).toBeGreaterThan(registers);
  },
);

/** The far side of calls: does something with each, sooner or later. */
function farSide(world: World, random: SeededRandom, usages: InviteUsage[]): void {
  world.onInvite = (tx: ServerTransaction) => {
    const contact: [string, string] = ["Contact", "<sip:session@epcscf.ims.test:443;transport=ws>"];
    const body = { type: "application/sdp", text: world.sdp("sendrecv", "passive") };
    const usage = world.agent.accept(tx, {
      ended: () => undefined,
      request: (inside) => answer(world, random, inside),
    });
    usages.push(usage);
    for (const step of [
      () => usage.progress(180, { headers: [contact] }),
      () => usage.progress(183, { headers: [contact], body, reliable: random.next() < 0.5 }),
      () => usage.accept({ headers: [contact], body }),
      () => (random.next() < 0.5 ? usage.reject(pick(random, [380, 404, 480, 486, 500, 603])) : undefined),
      () => usage.bye(),
    ]) {
      if (random.next() < 0.7) world.clock.setTimer(random.next() * 3_000, step);
    }
  };
}

function answer(world: World, random: SeededRandom, inside: ServerTransaction): void {
  const body = {
    type: "application/sdp",
    text: world.sdp(pick(random, ["sendrecv", "recvonly", "inactive"]), "passive"),
  };
  const status = pick(random, [200, 200, 200, 488, 491]);
  world.clock.setTimer(random.next() * 500, () =>
    inside.reply(status, status === 200 && inside.request.body !== "" ? { body } : {}),
  );
}

/** A call of the far side, which acts on it, sooner or later. */
function farCall(world: World, random: SeededRandom): InviteUsage {
  const late = random.next() < 0.3;
  const answering = { type: "application/sdp", text: world.sdp("sendrecv", "passive") };
  const usage = world.call(
    { accepted: () => usage.ack(late ? answering : undefined), request: (inside) => answer(world, random, inside) },
    late ? { sdp: undefined } : {},
  );
  for (const step of [
    () => usage.cancel(),
    () => usage.bye(),
    () => void usage.request("INVITE", { body: { type: "application/sdp", text: world.sdp("sendonly") } }),
    () => void usage.request("UPDATE"),
  ]) {
    if (random.next() < 0.4) world.clock.setTimer(random.next() * 4_000, step);
  }
  return usage;
}

function userActs(random: SeededRandom, call: Call): void {
  const act = pick(random, ["answer", "decline", "hangUp", "hold", "resume", "mute", "unmute", "sendDtmf"] as const);
  try {
    if (act === "hold" || act === "resume") void call[act]().catch(() => undefined);
    else if (act === "sendDtmf") call.sendDtmf("1");
    else call[act]();
  } catch (error) {
    // Only what the state does not allow.
    if (!(error instanceof WicError) || !/call-state|dtmf/.test(error.code)) throw error;
  }
}

function follow(phone: ImsClient, ends: Map<Call, number>): void {
  const watch = (call: Call): void => {
    if (ends.has(call)) return;
    ends.set(call, 0);
    call.on("state", (state) => state === "ended" && ends.set(call, (ends.get(call) ?? 0) + 1));
  };
  phone.on("incoming", watch);
  phone.on("state", () => undefined);
  for (const call of phone.calls) watch(call);
}

test.each(seeds)(
  "whatever both sides do (seed %i), each call ends once, on both sides, with nothing left behind",
  async (seed) => {
    const random = new SeededRandom(seed * 1000);
    const world = new World(seed);
    const phone = await world.registered();
    const usages: InviteUsage[] = [];
    const ends = new Map<Call, number>();
    farSide(world, random, usages);
    follow(phone, ends);
    for (let n = 0; n < 60; n += 1) {
      const dice = random.next();
      if (dice < 0.15) {
        const call = phone.call("+12025550110");
        ends.set(call, 0);
        call.on("state", (state) => state === "ended" && ends.set(call, (ends.get(call) ?? 0) + 1));
      } else if (dice < 0.3 && phone.state === "registered") usages.push(farCall(world, random));
      else if (dice < 0.33) world.socket.drop(1006);
      else if (phone.calls.length > 0) userActs(random, pick(random, phone.calls));
      await world.clock.settle(Math.floor(random.next() * 800));
    }
    const out = phone.logOut();
    await world.clock.settle(20_000);
    await out;
    expect(phone.calls).toEqual([]);
    expect([...ends.values()].every((times) => times === 1)).toBe(true);
    expect(world.peers.filter(({ closed }) => !closed)).toEqual([]);
    expect(
      world.microphones.flatMap(({ track }) => [track, ...track.copies]).filter(({ stopped }) => !stopped),
    ).toEqual([]);
    expect(world.reports).toEqual([]);
    // The page has no timer left; the far side's own, for calls whose flow was lost, end with it.
    world.agent.close();
    await world.clock.settle(1_000);
    expect(world.clock.pending).toBe(0);
  },
);
