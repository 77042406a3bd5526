import { createResponse, Dialog, parseMessage } from "@portico/sip";
import type { ServerTransaction } from "@portico/sip";
import { ScriptedPeer } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { impu, reginfo, World } from "./world.ts";

const contactOf = (world: World): string => /<([^>]+)>/.exec(world.last("REGISTER").get("Contact") ?? "")?.[1] ?? "";

test("WIC-12a WIC-12b after registration the client subscribes to its reg event and reads what it tells", async () => {
  const world = new World();
  await world.registered();
  const subscribe = world.last("SUBSCRIBE");
  expect(subscribe.uri).toBe(impu);
  expect(subscribe.to.uri).toBe(impu);
  expect(subscribe.get("Event")).toBe("reg");
  expect(subscribe.get("Accept")).toBe("application/reginfo+xml");
  expect(subscribe.get("Authorization")).toBe("Bearer token-1");
  expect(await world.notify(reginfo(contactOf(world)))).toBe(200);
  expect(world.states.at(-1)).toEqual(["registered", undefined]);
});

test("WIC-13a rejected: the client stops, says so, and does not come back", async () => {
  const world = new World();
  const phone = await world.registered();
  expect(await world.notify(reginfo(contactOf(world), { state: "terminated", event: "rejected" }))).toBe(200);
  expect(world.states.at(-1)).toEqual(["ended", "wic/registration-ended"]);
  expect(phone.identity).toBeUndefined();
  await world.clock.settle(3_600_000);
  expect(world.sockets.length).toBe(1);
  expect(world.requests("REGISTER").length).toBe(1);
});

test("WIC-13a a registration that ended without naming its contacts counts as rejected", async () => {
  const world = new World();
  await world.registered();
  await world.notify(reginfo("", { state: "terminated", contacts: "" }));
  expect(world.states.at(-1)).toEqual(["ended", "wic/registration-ended"]);
});

test.each([
  ["WIC-13b", "deactivated"],
  ["WIC-13d", "expired"],
])("%s %s: the client registers anew", async (_, event) => {
  const world = new World();
  const phone = await world.registered();
  await world.clock.settle(60_000);
  await world.notify(reginfo(contactOf(world), { state: "terminated", event }));
  expect(world.states.slice(-2)).toEqual([
    ["reconnecting", "wic/registration-expired"],
    ["registered", undefined],
  ]);
  expect(phone.state).toBe("registered");
  expect(world.requests("REGISTER").length).toBe(2);
  expect(world.requests("SUBSCRIBE").length).toBe(2);
});

test("a registration that ends again and again is not answered in a loop", async () => {
  const world = new World();
  await world.registered();
  for (let n = 0; n < 20; n += 1) {
    await world.notify(reginfo(contactOf(world), { state: "terminated", event: "deactivated" }));
    await world.clock.settle(500);
  }
  expect(world.requests("REGISTER").length).toBeLessThan(10);
});

test("an end that comes while a refresh is on its way makes a new subscription too", async () => {
  const world = new World();
  const phone = await world.registered();
  await world.clock.settle(60_000);
  let open: ServerTransaction | undefined;
  world.onRegister = (tx) => (open = tx);
  world.hint("visible");
  await world.clock.settle(10);
  await world.notify(reginfo(contactOf(world), { state: "terminated", event: "deactivated" }));
  if (open !== undefined) world.grant(open);
  await world.clock.settle(50);
  expect(phone.state).toBe("registered");
  expect(world.requests("SUBSCRIBE").length).toBe(2);
});

test("WIC-13c probation: anew after retry-after", async () => {
  const world = new World();
  const phone = await world.registered();
  const contacts = `<contact id="c" state="terminated" event="probation" retry-after="25"><uri>${contactOf(world)}</uri></contact>`;
  await world.notify(reginfo("", { state: "terminated", contacts }));
  await world.clock.settle(24_000);
  expect(phone.state).toBe("reconnecting");
  expect(world.requests("REGISTER").length).toBe(1);
  await world.clock.settle(2_000);
  expect(phone.state).toBe("registered");
});

test("another device's contact, another identity and broken documents change nothing", async () => {
  const world = new World();
  const phone = await world.registered();
  await world.notify(reginfo("sip:u0001@other.invalid;transport=ws", { state: "terminated", event: "rejected" }));
  await world.notify('<reginfo><registration aor="sip:x@y" state="terminated"/></reginfo>');
  await world.notify("<reginfo><registration");
  await world.notify("");
  expect(phone.state).toBe("registered");
  expect(world.reports).toEqual([]);
});

test("a NOTIFY without a subscription gets 481, an old one 500, gaps are allowed", async () => {
  const world = new World();
  await world.registered();
  const subscribe = world.last("SUBSCRIBE");
  const scscf = new ScriptedPeer({ clock: world.clock, hop: world.hop(world.socket) });
  world.socket.onFrame = (raw) => scscf.receive(parseMessage(raw));
  scscf.dialog = Dialog.uas(subscribe, createResponse(subscribe, 200, { toTag: "scscf" }));
  const first = scscf.dialog.createRequest("NOTIFY", [["Event", "reg"]]);
  const third = first.clone().set("CSeq", "3 NOTIFY");
  scscf.send(third);
  await scscf.expectResponse(200);
  scscf.send(first);
  await scscf.expectResponse(500);
  scscf.send(third.clone().set("CSeq", "4 NOTIFY").set("Call-ID", "other"));
  await scscf.expectResponse(481);
  scscf.request("INFO");
  await scscf.expectResponse(481);
  await scscf.expectNothing(1000);
  expect(world.states.at(-1)).toEqual(["registered", undefined]);
});

test("a new connection has a subscription of its own", async () => {
  const world = new World();
  await world.registered();
  const before = world.last("SUBSCRIBE").callId;
  world.socket.drop(1006);
  await world.clock.settle(2_000);
  expect(world.requests("SUBSCRIBE").length).toBe(2);
  expect(world.last("SUBSCRIBE").callId).not.toBe(before);
});

test("the subscription is refreshed before its end", async () => {
  const world = new World();
  world.tokenLife = 10_000_000;
  world.granted = 5_000_000;
  await world.registered();
  await world.notify(reginfo(contactOf(world)));
  await world.clock.settle(600_000_000 - 600_000 + 1_000);
  expect(world.requests("SUBSCRIBE").length).toBe(2);
  expect(world.last("SUBSCRIBE").toTag).toBe("scscf");
});
