import type { InviteUsage, ServerTransaction } from "@portico/sip";
import { expect, test } from "vitest";
import type { Call } from "../src/index.ts";
import { World } from "./world.ts";

interface Standing {
  world: World;
  call: Call;
  far: InviteUsage;
  states: string[];
  /** What the far side does with the next request inside the call. */
  script: { request: (tx: ServerTransaction) => void };
}

/** An incoming call that stands. */
async function standing(headers: [string, string][] = []): Promise<Standing> {
  const world = new World();
  const phone = await world.registered();
  const states: string[] = [];
  const script = { request: (tx: ServerTransaction) => tx.reply(200) };
  phone.on("incoming", (call) => {
    call.on("state", (state, end) => states.push(end === undefined ? state : `${state}: ${end.cause}`));
    call.answer();
  });
  const far = world.call({ accepted: () => far.ack(), request: (tx) => script.request(tx) }, { headers });
  await world.clock.settle(300);
  const [call] = phone.calls;
  if (call === undefined) throw new Error("no call");
  return { world, call, far, states, script };
}

const sdp = (text: string): { body: { type: string; text: string } } => ({ body: { type: "application/sdp", text } });

test.each(["INVITE", "UPDATE"])(
  "WIC-24b WIC-24d a %s of the other side holds and resumes, and the state says so",
  async (method) => {
    const { world, call, far, states } = await standing();
    for (const [direction, expected, answer] of [
      ["sendonly", "remote", "recvonly"],
      ["sendrecv", undefined, "sendrecv"],
      ["inactive", "remote", "recvonly"],
    ] as const) {
      const response = far.request(method, sdp(world.sdp(direction)));
      await world.clock.settle(300);
      expect((await response).status).toBe(200);
      expect((await response).body).toContain(`a=${answer}`);
      expect(call.heldBy).toBe(expected);
    }
    expect(states).toEqual(["active", "held", "active", "held"]);
  },
);

test("WIC-24d our hold is true only once the other side has agreed", async () => {
  const { world, call, states, script } = await standing();
  let open: ServerTransaction | undefined;
  script.request = (tx) => (open = tx);
  const held = call.hold();
  await world.clock.settle(300);
  expect(call.state).toBe("active");
  expect(open?.request.body).toContain("a=sendonly");
  open?.reply(200, sdp(world.sdp("recvonly", "passive")));
  await world.clock.settle(10);
  await held;
  expect(states).toEqual(["active", "held"]);
  expect(call.heldBy).toBe("local");
  expect(world.microphones[0]?.track.copies[0]?.enabled).toBe(false);
  script.request = (tx) => tx.reply(200, sdp(world.sdp("sendrecv", "passive")));
  const resumed = call.resume();
  await world.clock.settle(300);
  await resumed;
  expect(states).toEqual(["active", "held", "active"]);
  expect(world.microphones[0]?.track.copies[0]?.enabled).toBe(true);
});

test("a hold that is refused changes nothing and opens no microphone", async () => {
  const { world, call, states, script } = await standing();
  call.mute();
  script.request = (tx) => tx.reply(488);
  const held = call.hold().catch((error: unknown) => error);
  await world.clock.settle(300);
  expect(await held).toMatchObject({ code: "wic/hold-refused", status: 488 });
  expect(states).toEqual(["active"]);
  expect(world.peer.signalingState).toBe("stable");
  expect(world.peer.direction).toBe("sendrecv");
  expect(world.microphones[0]?.track.copies[0]?.enabled).toBe(false);
  expect(call.muted).toBe(true);
});

test("offers that cross: 491, then again after a while", async () => {
  const { world, call, states, script } = await standing();
  let tries = 0;
  script.request = (tx) => {
    tries += 1;
    if (tries === 1) tx.reply(491);
    else tx.reply(200, sdp(world.sdp("recvonly", "passive")));
  };
  const held = call.hold();
  await world.clock.settle(3_000);
  await held;
  expect(tries).toBe(2);
  expect(states).toEqual(["active", "held"]);
});

test("both sides on hold: resuming one leaves the other", async () => {
  const { world, call, far, script } = await standing();
  void far.request("INVITE", sdp(world.sdp("sendonly")));
  await world.clock.settle(300);
  script.request = (tx) => tx.reply(200, sdp(world.sdp("inactive", "passive")));
  const held = call.hold();
  await world.clock.settle(300);
  await held;
  expect(call.heldBy).toBe("both");
  script.request = (tx) => tx.reply(200, sdp(world.sdp("sendonly", "passive")));
  const resumed = call.resume();
  await world.clock.settle(300);
  await resumed;
  expect(call.heldBy).toBe("remote");
  expect(call.state).toBe("held");
});

test("WIC-24d a re-INVITE without an offer gets one; an ACK that lacks the answer leaves things as they were", async () => {
  const { world, call, far } = await standing();
  // The usage acknowledges inside, without an answer: our offer is then simply not used.
  const response = far.request("INVITE");
  await world.clock.settle(300);
  expect((await response).status).toBe(200);
  expect((await response).body).toContain("a=setup:actpass");
  expect(world.peer.signalingState).toBe("stable");
  expect(call.state).toBe("active");
});

test("WIC-24d the answer in the ACK to our offer counts", async () => {
  const { world, call, far } = await standing();
  const { dialog } = far;
  if (dialog === undefined) throw new Error("no dialog");
  const invite = dialog.createRequest("INVITE");
  world.agent.transactions.request(invite, far.hop, { response: () => undefined, failed: () => undefined });
  await world.clock.settle(300);
  const ack = dialog.createAck(invite.cseq.number, { type: "application/sdp", text: world.sdp("sendonly", "passive") });
  ack.prepend("Via", "SIP/2.0/WSS epcscf.ims.test:443;branch=z9hG4bKack");
  world.socket.deliver(ack.toOctets());
  await world.clock.settle(10);
  expect(call.heldBy).toBe("remote");
  expect(world.peer.remotes.map(({ type }) => type)).toEqual(["offer", "answer"]);
});

test("an UPDATE without an offer is a refresh; an offer that cannot be used gets 488", async () => {
  const { world, call, far } = await standing();
  const refresh = far.request("UPDATE");
  await world.clock.settle(300);
  expect((await refresh).status).toBe(200);
  const broken = far.request("INVITE", sdp("v=0\r\nnonsense"));
  await world.clock.settle(300);
  expect((await broken).status).toBe(488);
  expect(call.state).toBe("active");
});

test("hold needs a call that stands", async () => {
  const { world, call } = await standing();
  call.hangUp();
  await world.clock.settle(10);
  await expect(call.hold()).rejects.toMatchObject({ code: "wic/call-state" });
});

test("WIC-25b digits go out as events of 100 ms with gaps of 70 ms, behind those still waiting", async () => {
  const { world, call } = await standing();
  call.sendDtmf("12");
  call.sendDtmf("3a", { durationMs: 40, gapMs: 30 });
  expect(world.peer.dtmf.inserted).toEqual([
    ["12", 100, 70],
    ["123A", 40, 30],
  ]);
});

test.each([
  ["", {}],
  ["x", {}],
  ["1,2", {}],
  ["1".repeat(65), {}],
  ["1", { durationMs: 39 }],
  ["1", { durationMs: 8001 }],
  ["1", { gapMs: 29 }],
  ["1", { durationMs: Number.NaN }],
])("WIC-25b digits %j with %j are refused", async (digits, options) => {
  const { world, call } = await standing();
  expect(() => call.sendDtmf(digits, options)).toThrow(expect.objectContaining({ code: "wic/dtmf" }));
  expect(world.peer.dtmf.inserted).toEqual([]);
});

test("without a voice connection digits are refused", async () => {
  const { world, call } = await standing();
  world.peer.dtmf.canInsertDTMF = false;
  expect(() => call.sendDtmf("1")).toThrow(expect.objectContaining({ code: "wic/dtmf" }));
});

test("WIC-24c session timer: the side that was asked to refresh does, at half time", async () => {
  const { world, call, script } = await standing([["Session-Expires", "600;refresher=uas"]]);
  const refreshes: (string | undefined)[] = [];
  script.request = (tx) => {
    refreshes.push(tx.request.get("Session-Expires"));
    tx.reply(200, { headers: [["Session-Expires", "600;refresher=uac"]] });
  };
  await world.clock.settle(910_000);
  expect(refreshes).toEqual(["600;refresher=uac", "600;refresher=uac", "600;refresher=uac"]);
  expect(call.state).toBe("active");
});

test("WIC-24c session timer: a far side that no longer refreshes is gone", async () => {
  const { world, far, states } = await standing([["Session-Expires", "600"]]);
  await world.clock.settle(500_000);
  const refresh = far.request("UPDATE", { headers: [["Session-Expires", "600;refresher=uac"]] });
  await world.clock.settle(10);
  expect((await refresh).get("Require")).toBe("timer");
  await world.clock.settle(560_000);
  expect(states).toEqual(["active"]);
  await world.clock.settle(10_000);
  expect(states).toEqual(["active", "ended: network"]);
  expect(world.requests("BYE").length).toBe(1);
});
