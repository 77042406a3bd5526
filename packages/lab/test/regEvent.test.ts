import { Dialog, octets, parseReginfo } from "@portico/sip";
import type { Reginfo, SipRequest, SipResponse } from "@portico/sip";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startLab } from "../src/index.ts";
import type { Lab } from "../src/index.ts";
import { TestNode, ken, mary } from "./ue.ts";

let lab: Lab;
let node: TestNode;

beforeEach(async () => {
  lab = await startLab({ subscriptions: [mary, ken], trusted: [] });
  node = await TestNode.open(lab);
});

afterEach(async () => {
  await lab.close();
  await node.close();
});

const regPackage: [string, string][] = [
  ["Event", "reg"],
  ["Accept", "application/reginfo+xml"],
];
const reg: [string, string][] = [...regPackage, ["Expires", "600"]];

/** The user's own subscription, along her Service-Route. */
async function subscribe(expires = "600"): Promise<{ request: SipRequest; response: SipResponse }> {
  const request = node.request("SUBSCRIBE", mary.impu, mary, [...regPackage, ["Expires", expires]]);
  return { request, response: await node.send(request) };
}

/** The trusted node's own subscription, by way of the I-CSCF. */
async function watch(identity: string): Promise<SipResponse> {
  const request = node.request("SUBSCRIBE", mary.impu, mary, [...reg, ["P-Asserted-Identity", `<${identity}>`]]);
  return await node.send(request.remove("Route"), lab.icscf);
}

async function notified(count: number): Promise<{ state: string; info: Reginfo; request: SipRequest }> {
  await expect.poll(() => node.notifies).toHaveLength(count);
  const request = node.notifies[count - 1];
  const info = parseReginfo(octets.toText(request?.body ?? ""));
  if (request === undefined || info === undefined) throw new Error("no reginfo");
  return { state: request.get("Subscription-State") ?? "", info, request };
}

const facts = (info: Reginfo): string[] =>
  info.registrations.flatMap(({ aor, state, contacts }) => [
    `${aor} ${state}`,
    ...contacts.map((contact) => `${contact.uri.split("@")[0]} ${contact.state} ${contact.event}`),
  ]);

test("the user and her node watch the registration from its first state on", async () => {
  await node.register(mary, { instance: "8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77", regId: 1 });
  const { response } = await subscribe();
  expect([response.status, response.get("Expires")]).toEqual([200, "600"]);
  const first = await notified(1);
  expect(first.state).toBe("active;expires=600");
  expect(first.info).toMatchObject({ version: 0, state: "full" });
  expect(facts(first.info)).toEqual([
    "sip:u0001@acme.ims.test active",
    "sip:flow1 active registered",
    "tel:+12125550100 active",
    "sip:flow1 active created",
  ]);
  expect(octets.toText(first.request.body)).toContain("gr:pub-gruu");
  expect((await watch(`sip:${node.at}`)).status).toBe(200);
  await notified(2);
  await node.register(mary, { instance: "9e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77", regId: 1, contact: "flow2" });
  const second = await notified(4);
  expect(second.info.version).toBe(1);
  expect(facts(second.info).slice(0, 3)).toEqual([
    "sip:u0001@acme.ims.test active",
    "sip:flow1 active registered",
    "sip:flow2 active registered",
  ]);
  expect(lab.violations).toEqual([]);
});

test("others may not watch, and what is not registered cannot be watched", async () => {
  expect((await watch(`sip:${node.at}`)).status).toBe(404);
  await node.register(mary);
  expect((await watch("sip:127.0.0.9")).status).toBe(403);
  expect((await watch(ken.impu)).status).toBe(403);
});

test.each([
  ["PERMANENT_TERMINATION", "rejected"],
  ["REMOVE_S-CSCF", "rejected"],
  ["NEW_SERVER_ASSIGNED", "deactivated"],
  ["SERVER_CHANGE", "deactivated"],
] as const)("CORE-09a an RTR with %s ends the registration and every subscription", async (reason, event) => {
  await node.register(mary);
  await subscribe();
  await watch(`sip:${node.at}`);
  await notified(2);
  expect(lab.deregister("tel:+12125550100", { reason })).toBe(true);
  const last = await notified(4);
  expect(last.state).toBe("terminated;reason=noresource");
  expect(facts(last.info)).toEqual([
    "sip:u0001@acme.ims.test terminated",
    `sip:flow1 terminated ${event}`,
    "tel:+12125550100 terminated",
    `sip:flow1 terminated ${event}`,
  ]);
  expect(lab.registrations).toEqual([]);
  expect(lab.deregister(mary.impu)).toBe(false);
});

test("CORE-09b the S-CSCF may end the calls first; else it leaves them", async () => {
  await node.register(mary);
  const first = await node.call(mary, "tel:+12025550110");
  await first.call.connected;
  lab.deregister(mary.impu);
  await node.register(mary);
  expect(first.call.state).toBe("connected");
  const second = await node.call(mary, "tel:+12025550110");
  await second.call.connected;
  lab.deregister(mary.impu, { releaseCalls: true });
  expect(await second.call.ended).toEqual({ by: "peer" });
});

test("CORE-08c a replaced contact is told as rejected, the new one stays", async () => {
  await node.register(mary, { contact: "a" });
  await subscribe();
  await notified(1);
  await node.register(mary, { contact: "b" });
  const { state, info } = await notified(2);
  expect(state).toMatch(/^active/);
  expect(facts(info).slice(0, 3)).toEqual([
    "sip:u0001@acme.ims.test active",
    "sip:b active registered",
    "sip:a terminated rejected",
  ]);
});

test("expiry and the user's own end are told", async () => {
  await node.register(mary, { expires: 1 });
  await subscribe();
  await notified(1);
  await expect.poll(() => node.notifies).toHaveLength(2);
  const expired = await notified(2);
  expect(facts(expired.info)[1]).toBe("sip:flow1 terminated expired");
  await node.register(mary);
  await subscribe();
  await notified(3);
  await node.register(mary, { expires: 0 });
  expect(facts((await notified(4)).info)[1]).toBe("sip:flow1 terminated unregistered");
});

test("a subscription is refreshed, ended and forgotten", async () => {
  await node.register(mary);
  const { request, response } = await subscribe();
  await notified(1);
  const dialog = Dialog.uac(request, response);
  expect((await node.send(dialog.createRequest("SUBSCRIBE", reg))).status).toBe(200);
  expect((await notified(2)).info.version).toBe(1);
  const end = dialog.createRequest("SUBSCRIBE", [
    ["Event", "reg"],
    ["Expires", "0"],
  ]);
  expect((await node.send(end)).status).toBe(200);
  expect((await notified(3)).state).toBe("terminated;reason=timeout");
  expect((await node.send(dialog.createRequest("SUBSCRIBE", reg))).status).toBe(481);
  await subscribe("1");
  await notified(4);
  await expect.poll(() => node.notifies).toHaveLength(5);
  expect((await notified(5)).state).toBe("terminated;reason=timeout");
});
