import { expect, test } from "vitest";
import type { Call, ImsClient } from "../src/index.ts";
import { World } from "./world.ts";

function firstCall(phone: ImsClient): { call: Call | undefined; states: string[] } {
  const seen: { call: Call | undefined; states: string[] } = { call: undefined, states: [] };
  phone.on("incoming", (call) => {
    seen.call = call;
    call.on("state", (state, end) => seen.states.push(end === undefined ? state : `${state}: ${end.cause}`));
  });
  return seen;
}

test("WIC-23a an incoming call with an offer rings, is answered, and ends by the other side", async () => {
  const world = new World();
  const phone = await world.registered();
  const seen = firstCall(phone);
  const got: string[] = [];
  const caller = world.call({
    progress: (response) => got.push(String(response.status)),
    accepted: (response) => {
      got.push(`${response.status} ${response.body.includes("a=setup:active")}`);
      caller.ack();
    },
  });
  await world.clock.settle(10);
  expect(got).toEqual(["180"]);
  expect(seen.call?.state).toBe("ringing");
  seen.call?.answer();
  await world.clock.settle(300);
  expect(got).toEqual(["180", "200 true"]);
  expect(seen.states).toEqual(["active"]);
  caller.bye();
  await world.clock.settle(10);
  expect(seen.states).toEqual(["active", "ended: remote-hung-up"]);
  expect(world.reports).toEqual([]);
});
