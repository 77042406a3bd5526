import { SipRequest, type SipResponse } from "@portico/sip";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fromCore, registered, toNode } from "./support/call.ts";
import { grant, impi, impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
let now = Date.now();
beforeEach(async () => {
  now = Date.now();
  rig = await openRig({ wallClock: () => now });
  browser = await registered(rig);
});
afterEach(() => rig.close());

const served = { tenant: "acme", clientId: "talk.acme.example", impu, impi };
const icidAtCore = (method: string): string | undefined =>
  /icid-value="([^"]+)"/.exec(rig.core.last(method).get("P-Charging-Vector") ?? "")?.[1];

test("CHG-02c a registration is told when it begins and when it ends, with why; refreshes are counted and not told", async () => {
  const beganAt = now;
  const icid = icidAtCore("REGISTER");
  expect(icid).toBeDefined();
  const begun = { ...served, id: expect.any(String), beganAt, renewedAt: beganAt, registers: 1 };
  expect(rig.uses).toEqual([{ ...begun, icid }]);
  const token = await rig.token();
  for (let refresh = 0; refresh < 3; refresh += 1) {
    now += 60_000;
    expect((await browser.register(token)).status).toBe(200);
  }
  const renewedAt = now;
  expect(rig.uses).toHaveLength(1);
  now += 5000;
  expect((await browser.register(token, { expires: 0 })).status).toBe(200);
  const end = { at: now, reason: "logout" };
  expect(rig.uses.slice(1)).toEqual([{ ...begun, id: rig.uses[0]?.id, renewedAt, registers: 4, end }]);
  now += 1000;
  expect((await browser.register(token)).status).toBe(200);
  expect(rig.uses[2]).toMatchObject({ beganAt: now, registers: 1 });
  expect(rig.uses[2]?.id, "another registration").not.toBe(rig.uses[0]?.id);
});

test("CHG-02c each end has its cause; what the core never granted has no record", async () => {
  rig.revoke({ impu, reason: "test" });
  await until(() => rig.uses.length === 2);
  expect(rig.uses[1]).toMatchObject({ ...served, registers: 1, end: { reason: "revoked" } });
  rig.core.answer = (tx) => tx.reply(403);
  const other = await rig.connect();
  expect((await other.register(await rig.token())).status).toBe(403);
  rig.core.answer = grant(rig.core);
  const stranger = await rig.connect();
  expect((await stranger.register(await rig.token(), { expires: 0 })).status).toBe(200);
  expect(rig.uses).toHaveLength(2);
});

/** The browser's SUBSCRIBE. @param toTag inside its dialog */
function subscribe(event: string, expires: number, toTag?: string): Promise<SipResponse> {
  const request = SipRequest.create("SUBSCRIBE", impu, [
    ["Max-Forwards", "70"],
    ["From", `<${impu}>;tag=w2`],
    ["To", `<${impu}>${toTag === undefined ? "" : `;tag=${toTag}`}`],
    ["Call-ID", "sub-77aa@k3v9q0d1xm.invalid"],
    ["CSeq", `${1 + rig.subscriptions.length} SUBSCRIBE`],
    ["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"],
    ["Event", event],
    ["Expires", String(expires)],
  ]);
  return browser.agent.send(request, browser);
}

test("CHG-02c each SUBSCRIBE out is told: what it began, went on with and ended, and what was refused", async () => {
  rig.core.answer = (tx) =>
    tx.request.get("Event") === "presence"
      ? tx.reply(489)
      : tx.reply(200, {
          headers: [
            ["Contact", `<sip:notifier@127.0.0.1:${rig.core.endpoint.port};transport=tcp>`],
            ["Expires", tx.request.get("Expires") === "0" ? "0" : "300"],
          ],
        });
  const { toTag } = await subscribe("reg;id=7", 600);
  const icid = icidAtCore("SUBSCRIBE");
  await subscribe("reg;id=7", 600, toTag);
  await subscribe("reg;id=7", 0, toTag);
  expect((await subscribe("presence", 600)).status).toBe(489);
  const each = { ...served, direction: "outgoing", remote: impu, event: "reg", at: now, status: 200 };
  expect(rig.subscriptions).toMatchObject([
    { ...each, icid, expires: 300 },
    { ...each, expires: 300 },
    { ...each, expires: 0 },
    { ...each, event: "presence", status: 489, expires: 600 },
  ]);
  expect(new Set(rig.subscriptions.map(({ id }) => id)).size).toBe(4);
});

test("CHG-02c of a SUBSCRIBE nothing is told that is no event package and no time, so that a database takes it", async () => {
  const granted = grant(rig.core);
  rig.core.answer = (tx) => (tx.request.method === "SUBSCRIBE" ? tx.reply(489) : granted(tx));
  for (const event of ["reg\0x", "\0", " reg ;id=1", "é"]) await subscribe(event, 1e20);
  expect(rig.subscriptions.map(({ event, expires }) => [event, expires])).toEqual(
    ["reg", "", "reg", ""].map((event) => [event, 2 ** 32 - 1]),
  );
});

test("CHG-02c a SUBSCRIBE in is told too; the node's own is none of a user's", async () => {
  browser.answer = (tx) => tx.reply(200, { headers: [["Contact", "<sip:u0042@k3v9q0d1xm.invalid;transport=ws>"]] });
  await until(() => rig.core.got.some(({ method }) => method === "SUBSCRIBE"));
  expect(rig.subscriptions).toEqual([]);
  const event: [string, string][] = [
    ["Event", `dialog${"x".repeat(100)}`],
    ["Expires", "never"],
    ["Contact", "<sip:watcher@127.0.0.1>"],
  ];
  const request = fromCore(rig, "SUBSCRIBE", { headers: event });
  expect((await rig.core.agent.send(request, toNode(rig))).status).toBe(200);
  const [fact] = rig.subscriptions;
  expect(fact).toMatchObject({ ...served, direction: "incoming", remote: request.from.uri, status: 200 });
  expect([fact?.event.length, fact?.expires]).toEqual([64, undefined]);
});
