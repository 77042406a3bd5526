import { afterEach, beforeEach, expect, test } from "vitest";
import { callOut, fromCore, registered, toNode } from "./support/call.ts";
import { impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  rig = await openRig();
  browser = await registered(rig);
});
afterEach(() => rig.close());

const body = { type: "text/plain", text: "see you at noon" };
const served = { tenant: "acme", clientId: "talk.acme.example", impu, impi: "u0042.acme@ims.test" };

test("CHG-02b a message out is told with user, remote party, moment and outcome, before its answer, and nothing it says", async () => {
  const held = Promise.withResolvers<void>();
  rig.writing = held.promise;
  rig.core.answer = (tx) => tx.reply(202);
  const before = Date.now();
  let answered = false;
  const sent = browser.request("MESSAGE", "sip:u0043@acme.ims.test", [], body).then(({ status }) => {
    answered = true;
    return status;
  });
  const [fact] = await until(() => (rig.messages.length > 0 ? rig.messages : undefined));
  expect(answered).toBe(false);
  held.resolve();
  expect(await sent).toBe(202);
  expect(fact).toMatchObject({ ...served, direction: "outgoing", remote: "sip:u0043@acme.ims.test", status: 202 });
  expect(fact?.at).toBeGreaterThanOrEqual(before);
  expect(rig.core.last("MESSAGE").get("P-Charging-Vector")).toContain(`icid-value="${fact?.icid}"`);
  expect(JSON.stringify(rig.messages)).not.toContain("noon");
});

test("CHG-02b a message in is told too, with its sender unless he is hidden, and with the refusal of the browser", async () => {
  browser.answer = (tx) => tx.reply(486);
  const vector: [string, string] = ["P-Charging-Vector", "icid-value=of-the-core;orig-ioi=ims.test"];
  const send = (more: [string, string][]): Promise<unknown> =>
    rig.core.agent.send(fromCore(rig, "MESSAGE", { headers: [vector, ...more], body }), toNode(rig));
  await send([]);
  await send([["Privacy", "id"]]);
  const [open, hidden] = rig.messages;
  const sender = fromCore(rig, "MESSAGE").from.uri;
  expect(open).toMatchObject({ ...served, direction: "incoming", remote: sender, icid: "of-the-core", status: 486 });
  expect(hidden?.remote).toBe("sip:anonymous@anonymous.invalid");
  expect(open?.id).not.toBe(hidden?.id);
});

test("CHG-02b a message that reaches nobody is told with the status that says so; one that may not leave is none", async () => {
  const claim: [string, string][] = [["P-Preferred-Identity", "<<<"]];
  expect((await browser.request("MESSAGE", "sip:u0043@acme.ims.test", claim, body)).status).toBe(400);
  expect(rig.messages).toEqual([]);
  browser.answer = () => browser.socket.terminate();
  expect((await rig.core.agent.send(fromCore(rig, "MESSAGE", { body }), toNode(rig))).status).toBe(430);
  expect(rig.messages.map(({ status, direction }) => [status, direction])).toEqual([[430, "incoming"]]);
});

test("CHG-02b messages inside a call are told with the call's party and ICID, and what is not written is an alarm", async () => {
  const { near, far } = await callOut(rig, browser);
  far.onInside = (tx) => tx.reply(200);
  near.onInside = (tx) => tx.reply(415);
  expect((await near.usage.request("MESSAGE", { body })).status).toBe(200);
  expect((await far.usage.request("MESSAGE", { body })).status).toBe(415);
  const [{ remote, icid } = { remote: "", icid: "" }] = rig.node.sessions();
  expect(rig.messages).toMatchObject([
    { ...served, direction: "outgoing", remote, icid, status: 200 },
    { ...served, direction: "incoming", remote, icid, status: 415 },
  ]);
  const full = Promise.reject(new Error("disk full"));
  full.catch(() => undefined);
  rig.writing = full;
  expect((await near.usage.request("MESSAGE", { body })).status).toBe(200);
  expect(rig.alarms).toContain("usage.not-written");
});
