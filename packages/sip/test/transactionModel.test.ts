import { createResponse, largeStorage, SipRequest, SipResponse } from "@portico/sip";
import type { ServerTransaction, TransactionStorage } from "@portico/sip";
import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { fuzzRuns } from "./fuzzRuns.ts";
import { ownRequest, peerRequest, stage } from "./layerHarness.ts";
import type { Stage } from "./layerHarness.ts";

/** What a random run has broken; empty when all is well. */
type Faults = string[];

interface Dice {
  chance: (probability: number) => boolean;
  any: <T>(...of: [T, ...T[]]) => T;
  ms: (most: number) => number;
}

function dice(seed: number): Dice {
  const random = new SeededRandom(seed);
  return {
    chance: (probability) => random.next() < probability,
    any: (...of) => of[Math.floor(random.next() * of.length)] ?? of[0],
    ms: (most) => Math.floor(random.next() * most),
  };
}

const runs = fuzzRuns(250);
const finals = [200, 202, 302, 404, 487, 503, 603];
const sentBy = (s: Stage, side: "left" | "right"): SipMessageLog =>
  s.wire.records.filter(({ from }) => from === side).map(({ message }) => message);
type SipMessageLog = Stage["atPeer"];

/** Everything is over in bounded time, and nothing runs any more. */
function checkRest(s: Stage, faults: Faults): void {
  s.clock.advance(700_000);
  if (s.layer.size > 0) faults.push(`${s.layer.size} transactions left`);
  if (s.clock.pending > 0) faults.push(`${s.clock.pending} timers left`);
  const before = sentBy(s, "left").length;
  s.clock.advance(700_000);
  if (sentBy(s, "left").length > before) faults.push("a message after the end");
  if (s.errors.length > 0) faults.push(`errors: ${s.errors.join()}`);
}

/** RFC 3261 §17.1: at most one end; provisional ones only before it; of an INVITE several 2xx and nothing after 3xx-6xx. */
function checkHeard(s: Stage, invite: boolean, faults: Faults): void {
  const at = s.heard.findIndex((word) => !/^1\d\d$/.test(word));
  if (at < 0) return void faults.push("no end");
  const rest = s.heard.slice(at + 1);
  const may2xx = invite && /^2\d\d$/.test(s.heard[at] ?? "");
  if (rest.some((word) => !(may2xx && /^2\d\d$/.test(word)))) faults.push(`after the end: ${s.heard.join()}`);
  return undefined;
}

/** Both kinds, by turns. */
function storageOf(seed: number): TransactionStorage | undefined {
  return seed % 2 === 0 ? largeStorage(new SeededRandom(seed)) : undefined;
}

function client(seed: number, method: string, protocol: "UDP" | "WSS"): { heard: string; faults: Faults } {
  const d = dice(seed);
  const s = stage({ protocol, storage: storageOf(seed) });
  const faults: Faults = [];
  const tx = s.send(ownRequest(method));
  s.clock.advance(0);
  const request = s.atPeer[0];
  let firstFinal: number | undefined;
  let acks = 0;
  let isCut = false;
  if (!(request instanceof SipRequest)) return { heard: "", faults: ["nothing was sent"] };
  for (let step = 0; step < 20; step += 1) {
    const before = { state: tx.state, sent: sentBy(s, "left").length };
    const status = d.any(100, 180, 183, 199, ...finals);
    const act = d.any("respond", "respond", "respond", "wait", "wait", "cancel", "stray", "cut", "close");
    if (act === "respond") {
      const finalBefore = firstFinal;
      if (status >= 200 && (before.state === "calling" || before.state === "trying" || before.state === "proceeding")) {
        firstFinal = status;
      }
      s.wire.right.send(createResponse(request, status, { toTag: d.any("one", "two") }).toOctets());
      s.clock.advance(0);
      // RFC 3261 §17.1.1.2, §17.1.1.3: every 3xx-6xx to INVITE is acknowledged, a 2xx never.
      const now = sentBy(s, "left").filter(
        (message) => message instanceof SipRequest && message.method === "ACK",
      ).length;
      const due =
        method === "INVITE" &&
        status >= 300 &&
        !isCut &&
        (finalBefore === undefined ? firstFinal === status : before.state === "completed");
      if (now - acks !== (due ? 1 : 0)) faults.push(`${now - acks} ACKs to ${status} in ${before.state}`);
      acks = now;
    } else if (act === "wait") s.clock.advance(d.any(d.ms(600), d.ms(5000), d.ms(40_000), d.ms(200_000)));
    else if (act === "cancel") tx.cancel();
    else if (act === "stray") {
      const stray = SipResponse.create(status, "", [
        ["Via", "SIP/2.0/UDP left.invalid;branch=z9hG4bKother"],
        ["From", "<sip:a@b>;tag=1"],
        ["To", "<sip:a@b>;tag=2"],
        ["Call-ID", "x"],
        ["CSeq", `1 ${method}`],
      ]);
      s.say(stray);
    } else if (d.chance(0.1)) {
      if (act === "cut") {
        s.wire.cut();
        isCut = true;
      } else s.layer.hopClosed(s.wire.left);
    }
    // RFC 3261 §17.1: nothing leaves a terminated transaction, and it does not come back.
    if (before.state === "terminated") {
      if (tx.state !== "terminated") faults.push("risen");
      if (act !== "respond" && sentBy(s, "left").length > before.sent + cancels(s)) faults.push("spoke after the end");
    }
    // A, B, C, D or M at most two at a time, and those of a CANCEL.
    s.clock.advance(0);
    if (s.clock.pending > 6) faults.push(`${s.clock.pending} timers at once`);
  }
  s.layer.hopClosed(s.wire.left);
  checkRest(s, faults);
  checkHeard(s, method === "INVITE", faults);
  // RFC 3261 §9.1: one CANCEL at most, never before a provisional response, and only for INVITE.
  const cancelsSent = new Set(
    sentBy(s, "left").flatMap((m) =>
      m instanceof SipRequest && m.method === "CANCEL" ? [m.topVia.params.get("branch")] : [],
    ),
  );
  if (cancelsSent.size > (method === "INVITE" ? 1 : 0)) faults.push("CANCELs");
  return { heard: s.heard.join(), faults };
}

const cancels = (s: Stage): number =>
  sentBy(s, "left").filter((message) => message instanceof SipRequest && message.method === "CANCEL").length;

function server(seed: number, method: string, protocol: "UDP" | "WSS"): { said: string; faults: Faults } {
  const d = dice(seed);
  const s = stage({ protocol, storage: storageOf(seed) });
  const faults: Faults = [];
  let timeouts = 0;
  const branch = "z9hG4bKmodel";
  s.say(peerRequest(method, { branch }));
  const tx = s.requests[0] as ServerTransaction;
  tx.onTimeout = () => void (timeouts += 1);
  let cancelled = 0;
  tx.onCancel = () => void (cancelled += 1);
  for (let step = 0; step < 20; step += 1) {
    const before = { state: tx.state, sent: sentBy(s, "left").length };
    const act = d.any("reply", "reply", "wait", "wait", "again", "again", "ack", "cancel");
    if (act === "reply") tx.reply(d.any(100, 180, 183, ...finals));
    else if (act === "wait") s.clock.advance(d.any(d.ms(300), d.ms(5000), d.ms(40_000)));
    else if (act === "again" && before.state !== "terminated") s.say(peerRequest(method, { branch }));
    else if (act === "ack" && method === "INVITE") s.say(peerRequest("ACK", { branch, toTag: tx.localTag }));
    else if (act === "cancel" && method === "INVITE" && d.chance(0.2)) s.say(peerRequest("CANCEL", { branch }));
    const sent = sentBy(s, "left").slice(before.sent);
    const own = sent.filter((message) => message.cseq.method === method);
    // RFC 3261 §17.2, RFC 6026 §7.1: silent once terminated or confirmed; in accepted nothing but a 2xx of the user's.
    if ((before.state === "terminated" || before.state === "confirmed") && own.length > 0) {
      faults.push(`spoke in ${before.state}`);
    }
    if (before.state === "accepted" && act !== "reply" && own.length > 0) faults.push(`${act} in accepted`);
    s.clock.advance(0);
    if (s.clock.pending > 6) faults.push(`${s.clock.pending} timers at once`);
  }
  if (tx.state === "proceeding" && method === "INVITE") tx.reply(500);
  checkRest(s, faults);
  const said = sentBy(s, "left").flatMap((m) =>
    m instanceof SipResponse && m.cseq.method === method ? [m.status] : [],
  );
  const last = said.filter((status) => status >= 200);
  // One final response, repeated as it was; of an INVITE perhaps several 2xx.
  const kinds = new Set(method === "INVITE" ? last.map((status) => (status < 300 ? 2 : status)) : last);
  if (kinds.size > 1) faults.push(`two final responses: ${last.join()}`);
  if (said.slice(said.findIndex((status) => status >= 200)).some((status) => status < 200) && last.length > 0) {
    faults.push(`provisional after final: ${said.join()}`);
  }
  const tags = new Set(
    sentBy(s, "left").flatMap((m) =>
      m instanceof SipResponse && m.status > 100 && m.cseq.method === method ? [m.toTag] : [],
    ),
  );
  // RFC 3261 §8.2.6.2
  if (tags.size > 1) faults.push("two tags");
  if (timeouts > 1) faults.push("two time-outs");
  if (cancelled > 1 && method !== "INVITE") faults.push("cancelled");
  if (s.requests.length > 1) faults.push("handed up twice");
  return { said: said.join(), faults };
}

test.each([
  ["INVITE", "UDP"],
  ["INVITE", "WSS"],
  ["OPTIONS", "UDP"],
  ["OPTIONS", "WSS"],
] as const)("%s client transaction over %s: whatever comes, the rules of RFC 3261 §17.1 hold", (method, protocol) => {
  for (let seed = 1; seed <= runs; seed += 1) {
    const { heard, faults } = client(seed, method, protocol);
    expect({ seed, heard, faults }).toEqual({ seed, heard, faults: [] });
  }
});

test.each([
  ["INVITE", "UDP"],
  ["INVITE", "WSS"],
  ["OPTIONS", "UDP"],
  ["OPTIONS", "WSS"],
] as const)("%s server transaction over %s: whatever comes, the rules of RFC 3261 §17.2 hold", (method, protocol) => {
  for (let seed = 1; seed <= runs; seed += 1) {
    const { said, faults } = server(seed, method, protocol);
    expect({ seed, said, faults }).toEqual({ seed, said, faults: [] });
  }
});
