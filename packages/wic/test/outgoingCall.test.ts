import type { InviteUsage } from "@portico/sip";
import { expect, test, vi } from "vitest";
import type { Call, ImsClient } from "../src/index.ts";
import { impu, tel, World } from "./world.ts";

function watch(call: Call): string[] {
  const states: string[] = [];
  call.on("state", (state, end) => states.push(end === undefined ? state : `${state}: ${end.cause}`));
  return states;
}

interface Dialled {
  call: Call;
  states: string[];
  callee: InviteUsage;
  events: string[];
}

/** A callee that answers with the steps of a test. */
async function dialled(world: World, phone: ImsClient, target = "+12025550110"): Promise<Dialled> {
  let usage: InviteUsage | undefined;
  const events: string[] = [];
  world.onInvite = (tx) => {
    usage = world.agent.accept(tx, {
      cancelled: () => events.push("cancelled"),
      acknowledged: () => events.push("acknowledged"),
      ended: ({ by }) => events.push(`ended by ${by}`),
      request: (inside) => inside.reply(200, inside.request.method === "INVITE" ? { body: answerOf(world) } : {}),
    });
  };
  const call = phone.call(target);
  const states = watch(call);
  await world.clock.settle(300);
  if (usage === undefined) throw new Error("no INVITE came");
  return { call, states, callee: usage, events };
}

const contact: [string, string] = ["Contact", "<sip:session@epcscf.ims.test:443;transport=ws>"];
const headers = [contact];

function answerOf(world: World, direction = "sendrecv"): { type: string; text: string } {
  return { type: "application/sdp", text: world.sdp(direction, "passive") };
}

test("WIC-22 an outgoing call rings, is answered and hung up", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, states, callee, events } = await dialled(world, phone);
  const { invite } = callee;
  expect(invite.uri).toBe("tel:+12025550110");
  expect(invite.get("P-Preferred-Service")).toBe("urn:urn-7:3gpp-service.ims.icsi.mmtel");
  expect(invite.get("Accept-Contact")).toContain("mmtel");
  expect(invite.from).toMatchObject({ uri: impu, display: "Mary Jones" });
  expect(invite.body).toContain("a=fingerprint:sha-256");
  callee.progress(180, { headers });
  await world.clock.settle(10);
  callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  expect(states).toEqual(["ringing", "active"]);
  expect(events).toEqual(["acknowledged"]);
  call.hangUp();
  call.hangUp();
  await world.clock.settle(10);
  expect(states).toEqual(["ringing", "active", "ended: hung-up"]);
  expect(events).toEqual(["acknowledged", "ended by peer"]);
  expect(world.peer.closed).toBe(true);
  expect(world.microphones[0]?.track.stopped).toBe(true);
  expect(phone.calls).toEqual([]);
  expect(world.reports).toEqual([]);
});

test("WIC-30 the identity shown to the callee is chosen among those registered: the number, else the IMPU", async () => {
  const world = new World();
  const phone = await world.registered();
  await dialled(world, phone);
  expect(world.last("INVITE").get("P-Preferred-Identity")).toBe(`<tel:${tel}>`);
  const other = new World();
  other.tokens = () => Promise.resolve({ tel: "+12125550199" });
  await dialled(other, await other.registered());
  expect(other.last("INVITE").get("P-Preferred-Identity")).toBe(`<${impu}>`);
});

test("TURN servers come with the session, each call with the newest credentials", async () => {
  const world = new World();
  world.tokens = () => {
    const credential = `c-${world.tokensAsked}`;
    return Promise.resolve({ iceServers: [{ urls: "turns:turn.ims.test:443", username: "u", credential }] });
  };
  world.tokenLife = 600;
  const phone = await world.registered();
  await dialled(world, phone);
  await world.clock.settle(310_000);
  await dialled(world, phone);
  const used = world.peers.map(({ configuration }) => configuration.iceServers?.[0]?.credential);
  expect(used).toEqual(["c-1", "c-2"]);
});

test("WIC-21a the offer carries the candidates it has, and nothing is sent after it", async () => {
  const world = new World();
  const phone = await world.registered();
  await dialled(world, phone);
  expect(world.last("INVITE").body).toContain("a=candidate:1 1 udp");
  await world.clock.settle(1_000);
  expect(world.log.slice(-1)).toEqual(["INVITE"]);
});

test("WIC-20a WIC-21b gathering ends after 200 ms, and max-bundle is never asked for", async () => {
  const world = new World();
  world.gatherMs = 5_000;
  const phone = await world.registered();
  const before = world.clock.now();
  await dialled(world, phone);
  const sent = world.sent.find(({ message }) => message.cseq.method === "INVITE");
  expect((sent?.at ?? 0) - before).toBeLessThanOrEqual(202);
  expect(world.peer.configuration.bundlePolicy).toBe("balanced");
});

test("WIC-24e early media: a 183 with a description sets the answer once; the 200 keeps it", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, states, callee } = await dialled(world, phone);
  let streams = 0;
  call.on("stream", () => (streams += 1));
  callee.progress(183, { headers, body: answerOf(world) });
  await world.clock.settle(10);
  expect(call.stream).toBeDefined();
  callee.progress(180, { headers, body: answerOf(world) });
  await world.clock.settle(10);
  world.peer.hear();
  callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  expect(states).toEqual(["early", "ringing", "early", "active"]);
  expect(world.peer.remotes.length).toBe(1);
  expect(streams).toBe(1);
});

test("WIC-24a a reliable 18x is acknowledged by PRACK", async () => {
  const world = new World();
  const phone = await world.registered();
  const { states, callee } = await dialled(world, phone);
  expect(callee.invite.list("Supported")).toContain("100rel");
  callee.progress(183, { headers, body: answerOf(world), reliable: true });
  await world.clock.settle(10);
  expect(world.last("PRACK").get("RAck")).toMatch(/^\d+ 1 INVITE$/);
  callee.accept({ headers });
  await world.clock.settle(10);
  expect(states).toEqual(["early", "active"]);
});

test("WIC-24e the network's word on early media is believed", async () => {
  const world = new World();
  const phone = await world.registered();
  const { states, callee } = await dialled(world, phone);
  callee.progress(183, { headers: [contact, ["P-Early-Media", "inactive"]], body: answerOf(world) });
  await world.clock.settle(10);
  expect(states).toEqual([]);
  callee.progress(183, { headers: [contact, ["P-Early-Media", "sendonly"]], body: answerOf(world) });
  await world.clock.settle(10);
  expect(states).toEqual(["early"]);
});

test.each([
  [486, [], "busy"],
  [600, [], "busy"],
  [603, [], "declined"],
  [480, [], "unreachable"],
  [404, [], "not-found"],
  [403, [], "forbidden"],
  [488, [], "not-acceptable"],
  [503, [], "network"],
  [302, [], "failed"],
  [480, [["Reason", "Q.850;cause=17"]], "busy"],
  [480, [["Reason", 'SIP;cause=480, Q.850;cause=19;text="no answer"']], "no-answer"],
] as [number, [string, string][], string][])("%i %j ends as %s", async (status, more, cause) => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee } = await dialled(world, phone);
  callee.reject(status, { headers: more });
  await world.clock.settle(10);
  expect(call.state).toBe("ended");
  expect(call.end).toMatchObject({ cause, status });
  expect(call.end?.message).not.toBe("");
  expect(world.microphones[0]?.track.stopped).toBe(true);
});

test("a 380 that is about something else is no emergency", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee } = await dialled(world, phone);
  callee.reject(380);
  await world.clock.settle(10);
  expect(call.end?.cause).toBe("forbidden");
});

test("WIC-29a the network's word on who was reached is shown", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee } = await dialled(world, phone);
  expect(call.remote).toEqual({ uri: "tel:+12025550110", number: "+12025550110" });
  const parties: unknown[] = [];
  const stop = call.on("remote", (party) => parties.push(party));
  const identity: [string, string] = ["P-Asserted-Identity", '"Olivia Brown" <tel:+12025550119>'];
  callee.progress(180, { headers: [contact, identity] });
  await world.clock.settle(10);
  callee.accept({ headers: [contact, identity], body: answerOf(world) });
  await world.clock.settle(10);
  stop();
  expect(parties).toEqual([{ uri: "tel:+12025550119", displayName: "Olivia Brown", number: "+12025550119" }]);
  expect(call.remote).toEqual(parties[0]);
});

test("480 after it rang is no answer", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee } = await dialled(world, phone);
  callee.progress(180, { headers });
  await world.clock.settle(10);
  callee.reject(480);
  await world.clock.settle(10);
  expect(call.end?.cause).toBe("no-answer");
});

test("hanging up before the answer cancels; before the INVITE nothing is sent", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee, events, states } = await dialled(world, phone);
  callee.progress(180, { headers });
  await world.clock.settle(10);
  call.hangUp();
  expect(states.at(-1)).toBe("ended: cancelled");
  await world.clock.settle(10);
  expect(events).toEqual(["cancelled"]);

  const count = world.requests("INVITE").length;
  const give = world.askForMicrophone();
  const second = phone.call("+12025550110");
  await world.clock.settle(10);
  second.hangUp();
  give();
  await world.clock.settle(500);
  expect(second.end?.cause).toBe("cancelled");
  expect(world.requests("INVITE").length).toBe(count);
  expect(world.microphones.at(-1)?.track.stopped).toBe(true);
});

test("a 200 that crosses the CANCEL is acknowledged and ended", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee, events } = await dialled(world, phone);
  callee.progress(180, { headers });
  await world.clock.settle(10);
  callee.accept({ headers, body: answerOf(world) });
  call.hangUp();
  await world.clock.settle(50);
  expect(call.end?.cause).toBe("cancelled");
  expect(events).toContain("ended by peer");
});

test("WIC-08b a 407 on the INVITE fetches a token, shows it by a REGISTER, and calls again once", async () => {
  const world = new World();
  const phone = await world.registered();
  const seen: string[] = [];
  world.onInvite = (tx) => {
    seen.push(`${tx.request.get("CSeq")} ${tx.request.get("Authorization")}`);
    tx.reply(407, {
      headers: [
        ["Proxy-Authenticate", 'Bearer realm="ims.test", authz_server="https://waf.ims.test", error="invalid_token"'],
      ],
    });
  };
  const call = phone.call("+12025550110");
  await world.clock.settle(500);
  expect(seen).toEqual(["1 INVITE Bearer token-1", "2 INVITE Bearer token-2"]);
  expect(world.requests("REGISTER").length).toBe(2);
  expect(call.state).toBe("ended");
});

test.each([
  ["NotAllowedError", "wic/microphone-denied"],
  ["NotFoundError", "wic/microphone-missing"],
])("a microphone that fails with %s ends the call with the reason", async (name, code) => {
  const world = new World();
  world.microphone = () => Promise.reject(new DOMException("no", name));
  const phone = await world.registered();
  const call = phone.call("+12025550110");
  await world.clock.settle(300);
  expect(call.end).toMatchObject({ cause: "microphone", error: { code } });
  expect(world.requests("INVITE")).toEqual([]);
});

test("a page's own microphone is copied, not stopped", async () => {
  const world = new World();
  const stream = await world.microphone();
  const phone = await world.registered({ microphone: () => Promise.resolve(stream as unknown as MediaStream) });
  const { call, callee } = await dialled(world, phone);
  callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  call.mute();
  expect(call.muted).toBe(true);
  expect(stream.track.copies.map(({ enabled }) => enabled)).toEqual([false]);
  expect(stream.track.enabled).toBe(true);
  call.hangUp();
  expect(stream.track.copies.map(({ stopped }) => stopped)).toEqual([true]);
  expect(stream.track.stopped).toBe(false);
  expect(world.microphones).toEqual([]);
});

test("an answer that cannot be used ends the call on both sides", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee, events } = await dialled(world, phone);
  world.peer.refuseRemote = true;
  callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  expect(call.end?.cause).toBe("media");
  expect(events).toEqual(["acknowledged", "ended by peer"]);
});

test("a call while not connected ends at once and says why", async () => {
  const world = new World();
  const phone = await world.registered();
  world.handshake = () => undefined;
  world.socket.drop(1006);
  const call = phone.call("+12025550110");
  const states = watch(call);
  await world.clock.settle(10);
  expect(states).toEqual(["ended: network"]);
  expect(call.end?.error?.code).toBe("wic/not-registered");
});

test("WIC-32b an emergency call is left to the portal; its 380 tells to use another telephone", async () => {
  const world = new World();
  const phone = await world.registered();
  world.onInvite = (tx) =>
    tx.reply(380, {
      body: {
        type: "application/3gpp-ims+xml",
        text: '<?xml version="1.0"?><ims-3gpp version="1"><alternative-service><type>emergency</type><reason>Use a telephone.</reason></alternative-service></ims-3gpp>',
      },
    });
  const call = phone.call("112");
  await world.clock.settle(300);
  expect(world.last("INVITE").uri).toBe("tel:112;phone-context=ims.test");
  expect(call.end).toMatchObject({ cause: "emergency", status: 380 });
  expect(call.end?.message).toContain("use another telephone");
});

test("WIC-32a without a connection an emergency number of the list is recognised: use another telephone", async () => {
  const world = new World();
  const phone = await world.registered();
  world.handshake = () => undefined;
  world.socket.drop(1006);
  const call = phone.call("112");
  await world.clock.settle(10);
  expect(call.end).toMatchObject({ cause: "emergency", error: { code: "wic/emergency" } });
});

test("WIC-29b a hidden identity: Privacy id and anonymous From, for the client or for one call", async () => {
  const world = new World();
  const phone = await world.registered({ hideIdentity: true });
  await dialled(world, phone);
  const hidden = world.last("INVITE");
  expect(hidden.get("Privacy")).toBe("id");
  expect(hidden.from).toMatchObject({ uri: "sip:anonymous@anonymous.invalid", display: "Anonymous" });
  phone.call("+12025550110", { hideIdentity: false });
  await world.clock.settle(300);
  expect(world.last("INVITE").from.uri).toBe(impu);
  expect(world.last("INVITE").get("Privacy")).toBe("none");
});

test("media that fails is repaired by one ICE restart while the signalling works", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, callee } = await dialled(world, phone);
  callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  const media: string[] = [];
  call.on("media", (state) => media.push(state));
  world.peer.becomes("connected");
  world.peer.becomes("disconnected");
  world.peer.becomes("failed");
  await world.clock.settle(300);
  expect(media).toEqual(["connected", "interrupted", "failed"]);
  expect(world.peer.iceRestarts).toBe(1);
  expect(world.requests("INVITE").length).toBe(2);
  expect(world.last("INVITE").body).toContain("a=sendrecv");
});

test("media that never came, or fails again after the repair, ends the call on both sides", async () => {
  const world = new World();
  const phone = await world.registered();
  const first = await dialled(world, phone);
  first.callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  world.peer.becomes("failed");
  await world.clock.settle(10);
  expect(first.call.end).toMatchObject({ cause: "media", error: { code: "wic/media-failed" } });
  expect(first.events).toContain("ended by peer");

  const second = await dialled(world, phone);
  second.callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  world.peer.becomes("connected");
  world.peer.becomes("failed");
  await world.clock.settle(300);
  world.peer.becomes("failed");
  await world.clock.settle(300);
  expect(world.peer.iceRestarts).toBe(1);
  expect(second.call.end?.cause).toBe("media");
});

test("an SOS service URN is called as it is", async () => {
  const world = new World();
  const phone = await world.registered();
  const { callee } = await dialled(world, phone, "urn:service:sos");
  expect(callee.invite.uri).toBe("urn:service:sos");
});

test("WIC-31 the token is nowhere but in the requests: not in storage, URLs, console, errors, reports or events", async () => {
  const console = ["log", "info", "warn", "error", "debug"] as const;
  const spies = console.map((method) => vi.spyOn(globalThis.console, method));
  const world = new World();
  const phone = await world.registered();
  const { call, callee } = await dialled(world, phone);
  callee.accept({ headers, body: answerOf(world) });
  await world.clock.settle(10);
  call.hangUp();
  world.onRegister = (tx) => tx.reply(403);
  world.hint("visible");
  await world.clock.settle(100);
  const shown = JSON.stringify({
    storage: [...world.storage],
    reports: world.reports,
    reason: [phone.reason, phone.reason?.message, phone.reason?.stack, phone.reason?.cause],
    phone,
    call,
    end: call.end,
    urls: world.sockets.map(({ url }) => url),
  });
  expect(phone.state).toBe("ended");
  expect(spies.flatMap((spy) => spy.mock.calls)).toEqual([]);
  for (const spy of spies) spy.mockRestore();
  expect(shown).not.toContain("token-1");
});
