import { expect, test } from "vitest";
import type { Call, ImsClient } from "../src/index.ts";
import { World } from "./world.ts";

interface Seen {
  readonly call: Call;
  readonly calls: Call[];
  readonly states: string[];
}

function watch(phone: ImsClient): Seen {
  const calls: Call[] = [];
  const states: string[] = [];
  phone.on("incoming", (call) => {
    calls.push(call);
    call.on("state", (state, end) => states.push(end === undefined ? state : `${state}: ${end.cause}`));
  });
  return {
    calls,
    states,
    get call() {
      const [first] = calls;
      if (first === undefined) throw new Error("no call came");
      return first;
    },
  };
}

test("WIC-23a an incoming call with an offer rings, is answered, and ends by the other side", async () => {
  const world = new World();
  const seen = watch(await world.registered());
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
  expect(seen.call.state).toBe("ringing");
  expect(seen.call.direction).toBe("incoming");
  seen.call.answer();
  seen.call.answer();
  await world.clock.settle(300);
  expect(got).toEqual(["180", "200 true"]);
  expect(seen.states).toEqual(["active"]);
  expect(seen.call.stream).toBeDefined();
  caller.bye();
  await world.clock.settle(10);
  expect(seen.states).toEqual(["active", "ended: remote-hung-up"]);
  expect(world.microphones[0]?.track.stopped).toBe(true);
  expect(world.reports).toEqual([]);
});

test("WIC-23b without an offer the 200 brings ours and the ACK the answer", async () => {
  const world = new World();
  const seen = watch(await world.registered());
  const caller = world.call(
    {
      accepted: (response) => {
        expect(response.body).toContain("a=setup:actpass");
        caller.ack({ type: "application/sdp", text: world.sdp("sendrecv", "passive") });
      },
    },
    { sdp: undefined },
  );
  await world.clock.settle(10);
  seen.call.answer();
  await world.clock.settle(300);
  expect(seen.states).toEqual(["active"]);
  expect(world.peer.remotes.map(({ type }) => type)).toEqual(["answer"]);
});

test("WIC-23b an ACK that lacks the answer ends the call on both sides", async () => {
  const world = new World();
  const seen = watch(await world.registered());
  let ended = "";
  const caller = world.call({ accepted: () => caller.ack(), ended: ({ by }) => (ended = by) }, { sdp: undefined });
  await world.clock.settle(10);
  seen.call.answer();
  await world.clock.settle(300);
  expect(seen.states).toEqual(["ended: media"]);
  expect(ended).toBe("peer");
});

test.each([
  ["declined", 603],
  ["busy", 486],
] as const)("WIC-23c declining as %s answers %i", async (as, status) => {
  const world = new World();
  const seen = watch(await world.registered());
  let refused = 0;
  world.call({ rejected: (response) => (refused = response.status) });
  await world.clock.settle(10);
  seen.call.decline(as);
  await world.clock.settle(10);
  expect(refused).toBe(status);
  expect(seen.states).toEqual(["ended: declined"]);
  expect(world.peers).toEqual([]);
});

test.each([
  [[], "cancelled"],
  [[["Reason", 'SIP;cause=200;text="Call completed elsewhere"']], "answered-elsewhere"],
  [[["Reason", "SIP;cause=603"]], "declined-elsewhere"],
] as [[string, string][], string][])("WIC-23d CANCEL with %j stops the ringing: %s", async (headers, cause) => {
  const world = new World();
  const seen = watch(await world.registered());
  let refused = 0;
  const caller = world.call({ rejected: (response) => (refused = response.status) });
  await world.clock.settle(10);
  caller.cancel(headers);
  await world.clock.settle(10);
  expect(seen.states).toEqual([`ended: ${cause}`]);
  expect(refused).toBe(487);
  // The click that came too late does nothing.
  seen.call.answer();
  seen.call.decline();
  expect(world.microphones).toEqual([]);
});

test("a CANCEL while the user is asked for the microphone gives it back", async () => {
  const world = new World();
  const seen = watch(await world.registered());
  const give = world.askForMicrophone();
  const caller = world.call({});
  await world.clock.settle(10);
  seen.call.answer();
  await world.clock.settle(10);
  caller.cancel();
  await world.clock.settle(10);
  give();
  await world.clock.settle(300);
  expect(seen.states).toEqual(["ended: cancelled"]);
  expect(world.microphones[0]?.track.stopped).toBe(true);
  expect(world.peers).toEqual([]);
});

test("WIC-24a a caller who requires 100rel gets a reliable 180", async () => {
  const world = new World();
  const seen = watch(await world.registered());
  let required: string | undefined;
  const caller = world.call(
    {
      progress: (response) => (required = response.get("Require")),
      accepted: () => caller.ack(),
    },
    { headers: [["Require", "100rel"]] },
  );
  await world.clock.settle(10);
  expect(required).toBe("100rel");
  seen.call.answer();
  await world.clock.settle(300);
  expect(seen.states).toEqual(["active"]);
});

test("WIC-24b before the answer an UPDATE without an offer is a refresh, one with an offer has to wait", async () => {
  const world = new World();
  watch(await world.registered());
  const caller = world.call({}, { sdp: undefined });
  await world.clock.settle(10);
  const refresh = caller.request("UPDATE");
  await world.clock.settle(10);
  const offer = caller.request("UPDATE", { body: { type: "application/sdp", text: world.sdp("sendrecv") } });
  await world.clock.settle(10);
  expect((await refresh).status).toBe(200);
  expect([(await offer).status, (await offer).has("Retry-After")]).toEqual([500, true]);
});

test("an extension nobody knows is refused with 420, a body that is no description with 415", async () => {
  const world = new World();
  const seen = watch(await world.registered());
  const got: string[] = [];
  world.call(
    { rejected: (response) => got.push(`${response.status} ${response.get("Unsupported")}`) },
    { headers: [["Require", "precondition"]] },
  );
  await world.clock.settle(10);
  expect(got).toEqual(["420 precondition"]);
  expect(seen.calls).toEqual([]);
});

test("two calls at once: the second is delivered while the first is active, each with its own media", async () => {
  const world = new World();
  const phone = await world.registered();
  const seen = watch(phone);
  const first = world.call({ accepted: () => first.ack() });
  await world.clock.settle(10);
  seen.call.answer();
  await world.clock.settle(300);
  const second = world.call({ accepted: () => second.ack() });
  await world.clock.settle(10);
  const [one, two] = seen.calls;
  expect(phone.calls).toEqual([one, two]);
  expect(two?.state).toBe("ringing");
  two?.answer();
  await world.clock.settle(300);
  expect([one?.state, two?.state]).toEqual(["active", "active"]);
  two?.hangUp();
  await world.clock.settle(10);
  expect(one?.state).toBe("active");
  expect(world.peers.map(({ closed }) => closed)).toEqual([false, true]);
});

test("a caller who does not acknowledge is given up", async () => {
  const world = new World();
  const seen = watch(await world.registered());
  world.call({});
  await world.clock.settle(10);
  seen.call.answer();
  await world.clock.settle(129_000);
  expect(seen.states).toEqual(["ended: network"]);
});

test("WIC-29a the asserted identity is shown, From only without one, and who hides stays hidden", async () => {
  const world = new World();
  const phone = await world.registered();
  const seen = watch(phone);
  const headers: [string, string][] = [
    ["P-Asserted-Identity", '"Ken Adams" <sip:ken@op2.example>, <tel:+442079460123;verstat=TN-Validation-Passed>'],
  ];
  world.call({}, { headers });
  world.call({});
  world.call({}, { headers: [["Privacy", "id"]] });
  await world.clock.settle(10);
  expect(seen.calls.map(({ remote }) => remote)).toEqual([
    { uri: "sip:ken@op2.example", displayName: "Ken Adams", number: "+442079460123", verification: "passed" },
    { uri: "sip:+442079460123@op2.example;user=phone", number: "+442079460123" },
    { uri: "sip:anonymous@anonymous.invalid", anonymous: true },
  ]);
});

test("OPTIONS tells what is allowed; a method nobody knows gets 405", async () => {
  const world = new World();
  await world.registered();
  const { SipRequest } = await import("@portico/sip");
  const statuses: string[] = [];
  for (const method of ["OPTIONS", "MESSAGE", "NOTIFY"]) {
    const request = SipRequest.create(method, "sip:u@x.invalid", [
      ["Max-Forwards", "70"],
      ["From", "<sip:a@ims.test>;tag=1"],
      ["To", "<sip:b@ims.test>"],
      ["Call-ID", method],
      ["CSeq", `1 ${method}`],
    ]);
    void world.agent.send(request, world.hop(world.socket)).then((response) => {
      statuses.push(`${method} ${response.status} ${response.has("Allow")}`);
      return undefined;
    });
  }
  await world.clock.settle(10);
  expect(statuses).toEqual(["OPTIONS 200 true", "MESSAGE 405 true", "NOTIFY 481 false"]);
});
