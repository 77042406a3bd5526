import type { InviteUsage } from "@portico/sip";
import { expect, test } from "vitest";
import type { Call, ImsClient } from "../src/index.ts";
import { World } from "./world.ts";

function watch(call: Call): string[] {
  const states: string[] = [];
  call.on("state", (state, end) => states.push(end === undefined ? state : `${state}: ${end.cause}`));
  return states;
}

/** A callee that answers with the steps of a test. */
async function dialled(world: World, phone: ImsClient, target = "+12025550110") {
  let usage: InviteUsage | undefined;
  const events: string[] = [];
  world.onInvite = (tx) => {
    usage = world.agent.accept(tx, {
      cancelled: () => events.push("cancelled"),
      acknowledged: () => events.push("acknowledged"),
      ended: ({ by }) => events.push(`ended by ${by}`),
      request: (inside) => inside.reply(200, {}),
    });
  };
  const call = phone.call(target);
  const states = watch(call);
  await world.clock.settle(300);
  if (usage === undefined) throw new Error("no INVITE came");
  return { call, states, callee: usage, events };
}

const contact: [string, string] = ["Contact", "<sip:session@epcscf.ims.test:443;transport=ws>"];

function answerOf(world: World) {
  return { type: "application/sdp", text: world.sdp("sendrecv", "passive") };
}

test("WIC-22 an outgoing call rings, is answered and hung up", async () => {
  const world = new World();
  const phone = await world.registered();
  const { call, states, callee, events } = await dialled(world, phone);
  callee.progress(180, { headers: [contact] });
  await world.clock.settle(10);
  callee.accept({ headers: [contact], body: answerOf(world) });
  await world.clock.settle(10);
  expect(states).toEqual(["ringing", "active"]);
  expect(events).toEqual(["acknowledged"]);
  call.hangUp();
  await world.clock.settle(10);
  expect(states).toEqual(["ringing", "active", "ended: hung-up"]);
  expect(events).toEqual(["acknowledged", "ended by peer"]);
  expect(world.peer.closed).toBe(true);
  expect(world.microphones[0]?.track.stopped).toBe(true);
  expect(phone.calls).toEqual([]);
  expect(world.reports).toEqual([]);
});
