import { UserAgent } from "@portico/sip";
import type { InviteEvents, InviteUsage } from "@portico/sip";
import { SeededRandom, VirtualClock, Wire } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { hear, inviteRequest } from "./callHarness.ts";
import { fuzzRuns } from "./fuzzRuns.ts";

/** What one side does to its call, at random times. */
const acts: ((usage: InviteUsage) => void)[] = [
  (usage) => void usage.request("INFO"),
  (usage) => void usage.request("UPDATE", { body: { type: "application/sdp", text: "v=0\r\n" } }),
  (usage) => void usage.request("INVITE", { body: { type: "application/sdp", text: "v=0\r\n" } }),
  (usage) => usage.end(),
];
const calleeActs: ((usage: InviteUsage) => void)[] = [
  (usage) => usage.progress(180),
  (usage) => usage.progress(183, { reliable: true }),
  (usage) => usage.progress(180, { reliable: true }),
  (usage) => usage.accept(),
  (usage) => usage.accept(),
  (usage) => usage.reject(486),
  ...acts,
];

interface Outcome {
  ladder: string;
  errors: unknown[];
  callerEnds: number;
  calleeEndsOften: boolean;
  alive: number;
  leftOver: number;
}

const final = (words: string[]): string[] => words.filter((word) => /^(?:rejected|cancelled|ended)/.test(word));

function run(seed: number, protocol: "UDP" | "WSS", loss: number): Outcome {
  const clock = new VirtualClock();
  const random = new SeededRandom(seed);
  const errors: unknown[] = [];
  const wire = new Wire({ clock, protocol, delay: () => random.next() * (protocol === "UDP" ? 300 : 0.5) });
  wire.lose = () => random.next() < loss;
  const common = { clock, random, onError: (error: unknown) => void errors.push(error) };
  const usages: InviteUsage[] = [];
  const request: InviteEvents["request"] = (tx) => {
    const answer = (): void =>
      tx.reply(random.next() < 0.8 ? 200 : 488, { body: { type: "application/sdp", text: "v=0\r\n" } });
    clock.setTimer(random.next() * 500, answer);
  };
  const atCallee: string[][] = [];
  const right = new UserAgent({
    ...common,
    onRequest: (tx) => {
      if (tx.request.method !== "INVITE") return tx.reply(501);
      const { words, events } = hear({ request });
      atCallee.push(words);
      const usage = right.accept(tx, events);
      usages.push(usage);
      for (let n = 0; n < 12; n += 1) {
        const act = calleeActs[Math.floor(random.next() * calleeActs.length)];
        clock.setTimer(random.next() * 10_000, () => act?.(usage));
      }
      return undefined;
    },
  });
  const left = new UserAgent({ ...common, onRequest: (tx) => tx.reply(501) });
  wire.onLeft = (message, hop) => left.receive(message, hop);
  wire.onRight = (message, hop) => right.receive(message, hop);
  const { words, events } = hear({
    request,
    accepted: () => void clock.setTimer(random.next() * 200, () => caller.ack()),
  });
  const caller = left.invite(inviteRequest([["Supported", "100rel"]]), wire.left, events);
  usages.push(caller);
  for (let n = 0; n < 6; n += 1) {
    const act = acts[Math.floor(random.next() * acts.length)];
    clock.setTimer(random.next() * 15_000, () => act?.(caller));
  }
  clock.setTimer(40_000, () => caller.end());
  clock.advance(400_000);
  return {
    ladder: `seed ${seed}\n${wire.ladder()}\n${words.join()} | ${atCallee.map((heard) => heard.join()).join(" | ")}`,
    errors,
    callerEnds: final(words).length,
    calleeEndsOften: atCallee.some((heard) => final(heard).length > 1),
    alive: usages.filter(({ state }) => state !== "terminated").length,
    leftOver: left.transactions.size + right.transactions.size + clock.pending,
  };
}

const clean = { errors: [], callerEnds: 1, calleeEndsOften: false, alive: 0, leftOver: 0 };

test("over a wire that loses, delays and reorders, every call ends once on both sides and leaves nothing behind", () => {
  for (let seed = 1; seed <= fuzzRuns(200); seed += 1) {
    const { ladder, ...udp } = run(seed, "UDP", seed % 2 === 0 ? 0.2 : 0.45);
    expect({ ladder, ...udp }).toEqual({ ladder, ...clean });
  }
  for (let seed = 1; seed <= fuzzRuns(150); seed += 1) {
    const { ladder, ...wss } = run(seed, "WSS", 0);
    expect({ ladder, ...wss }).toEqual({ ladder, ...clean });
  }
});
