import { createResponse, Dialog, type ServerTransaction, type SipRequest, type SipResponse } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shared } from "./support/block.ts";
import { dial, toNode } from "./support/call.ts";
import { grant, ScriptedCore, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

// An S-CSCF that comes back without its registrations refuses what it does not know, and says nothing by itself.

const interval = 30;

let timed: Timed;
let rig: Rig;
/** IMPUs that the S-CSCF has as registered. */
let known: Set<string>;
/** Answers to what it does not know. */
let refusal: number;
let silent: boolean;

const requests = (method: string): SipRequest[] => rig.core.got.filter((request) => request.method === method);
const refreshes = (): SipRequest[] => requests("SUBSCRIBE").filter(({ toTag }) => toTag !== undefined);
const initial = (): SipRequest[] => requests("SUBSCRIBE").filter(({ toTag }) => toTag === undefined);

function answer(tx: ServerTransaction): void {
  if (silent) return;
  const { request } = tx;
  const { method } = request;
  if (method === "REGISTER") {
    if (request.get("Expires") === "0") known.delete(request.to.uri);
    else known.add(request.to.uri);
    return grant(rig.core)(tx);
  }
  if (method === "SUBSCRIBE") return known.has(request.to.uri) ? subscribed(tx) : tx.reply(refusal);
  const [asserted = ""] = request.list("P-Asserted-Identity");
  return tx.reply(known.has(asserted.replaceAll(/[<>]/g, "")) ? 486 : 403);
}

const dialogs = new Map<string, Dialog>();

function subscribed(tx: ServerTransaction, scscf = rig.core): void {
  const headers: [string, string][] = [
    ["Contact", `<${scscf.uri};transport=tcp>`],
    ["Expires", "87000"],
  ];
  const response = createResponse(tx.request, 200, { toTag: tx.localTag, headers });
  if (tx.request.toTag === undefined) dialogs.set(tx.request.to.uri, Dialog.uas(tx.request, response));
  return tx.respond(response);
}

/** Waits until the node has the subscription of an identity: a NOTIFY is answered. */
async function watched(who: string): Promise<void> {
  const dialog = await until(() => dialogs.get(who));
  const notify = dialog.createRequest("NOTIFY", [
    ["Event", "reg"],
    ["Subscription-State", "active;expires=87000"],
  ]);
  expect((await rig.core.agent.send(notify, toNode(rig))).status).toBe(200);
}

/** The S-CSCF loses an identity. @returns the REGISTER with which the node gives it back, unanswered */
async function forgets(who: string): Promise<ServerTransaction> {
  await watched(who);
  known.clear();
  const { promise, resolve } = Promise.withResolvers<ServerTransaction>();
  rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? resolve(tx) : answer(tx));
  await timed.pass(interval);
  return await promise;
}

const uri = (n: number): string => `sip:u00${n}@acme.ims.test`;

/** The n-th user registers. */
async function come(
  n: number,
): Promise<{ browser: Browser; refresh: () => Promise<SipResponse>; leave: () => Promise<SipResponse> }> {
  const browser = await rig.connect();
  browser.impu = uri(n);
  const token = await rig.token({ impu: uri(n), sub: `p-${n}`, sid: `s-${n}` }, { seconds: 10_000 });
  const register = (expires: number): Promise<SipResponse> =>
    browser.register(token, {
      contact: `<sip:u@k9.invalid;transport=ws>;reg-id=1;expires=${expires};+sip.instance="<urn:uuid:${n}>"`,
    });
  expect((await register(3600)).status).toBe(200);
  return { browser, refresh: () => register(3600), leave: () => register(0) };
}

async function comeAll(from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) {
    await come(n);
    await watched(uri(n));
    await timed.pass(1);
  }
}

beforeEach(() => {
  timed = new Timed();
  known = new Set();
  dialogs.clear();
  refusal = 481;
  silent = false;
});
afterEach(() => rig.close());

describe("an S-CSCF that has lost its registrations", () => {
  beforeEach(async () => {
    rig = await timed.open();
    for (let n = 42; n < 70; n += 1) rig.block.add(uri(n));
    rig.core.answer = answer;
  });

  test("EPC-REG-01h one question in half a minute is asked, for any number of users; nothing follows from a good answer", async () => {
    await comeAll(42, 46);
    for (let n = 1; n <= 3; n += 1) {
      await timed.pass(interval);
      await until(() => refreshes().length === n);
    }
    expect(new Set(refreshes().map(({ to }) => to.uri))).toEqual(new Set([uri(42)]));
    expect(requests("REGISTER")).toHaveLength(5);
    expect(rig.alarms).toEqual([]);
  });

  test.each([403, 404, 481])(
    "EPC-REG-01h it answers with %i: all whom it has lost are registered again as they were, and watched; who came after is left alone",
    async (status) => {
      await comeAll(42, 60);
      const before = requests("REGISTER");
      refusal = status;
      known.clear();
      await comeAll(61, 63);
      await timed.pass(interval);
      const lost = before.map(({ to }) => to.uri);
      await until(() => lost.every((who) => known.has(who)));
      await until(() => initial().length === 2 * lost.length + 3);
      const again = requests("REGISTER").slice(before.length + 3);
      expect(again.map(({ to }) => to.uri).toSorted()).toEqual(lost.toSorted());
      for (const one of again) {
        const first = before.find(({ to }) => to.uri === one.to.uri);
        for (const name of ["Contact", "Path", "Authorization"]) expect(one.get(name)).toBe(first?.get(name));
        expect(one.callId).not.toBe(first?.callId);
      }
      expect(rig.alarms).toEqual(["core.scscf-lost-registrations"]);
      expect(rig.node.counts.registrations).toBe(lost.length + 3);
      // And that is that.
      for (const who of lost) await watched(who);
      const { length } = rig.core.got;
      await timed.pass(interval);
      await until(() => rig.core.got.length === length + 1);
    },
  );

  test("EPC-REG-01h nobody answers: it is asked again half a minute later, and one REGISTER goes out for all each time", async () => {
    await comeAll(42, 50);
    known.clear();
    silent = true;
    await timed.pass(interval + 33);
    await until(() => requests("REGISTER").length === 10);
    silent = false;
    await timed.pass(33 + interval);
    // Her own subscription may be being refreshed just then.
    await until(() => known.size >= 8);
    await timed.pass(interval);
    await until(() => known.size === 9);
    expect(rig.node.counts.registrations).toBe(9);
  });

  test("EPC-REG-01h it is gone for good, and the core has another one for her: all others follow her there, and are watched there", async () => {
    await comeAll(42, 50);
    const second = await ScriptedCore.open();
    try {
      // The I-CSCF is where it was, and the S-CSCF of before is silent.
      rig.core.answer = (tx) => {
        if (tx.request.method === "REGISTER") return grant(second)(tx);
        if (tx.request.method === "SUBSCRIBE" && tx.request.toTag === undefined) return subscribed(tx);
        return undefined;
      };
      const before = requests("REGISTER").length;
      await timed.pass(interval + 33);
      await until(() => requests("REGISTER").length === before + 9);
      await until(() => initial().length === 18);
      const routes = rig.node.registrations(true).map(({ network }) => network?.serviceRoute.join());
      expect(new Set(routes)).toEqual(new Set([`<${second.uri.replace("sip:", "sip:orig@")};transport=tcp;lr>`]));
      await timed.pass(interval);
      expect(requests("REGISTER")).toHaveLength(before + 9);
    } finally {
      await second.close();
    }
  });

  test.each(["INVITE", "MESSAGE"])(
    "EPC-REG-01d EPC-REG-01h %s finds nobody there, and the core has another one: all others follow there at once",
    async (method) => {
      const [first, second] = [await ScriptedCore.open(), await ScriptedCore.open()];
      let serving = first;
      rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? grant(serving)(tx) : subscribed(tx, serving));
      try {
        const { browser } = await come(51);
        await watched(uri(51));
        await timed.pass(1);
        await comeAll(42, 50);
        await first.close();
        serving = second;
        const call = method === "INVITE" ? dial(browser) : undefined;
        const response = call ? await until(() => call.rejected) : await browser.request(method, uri(42), []);
        expect(response.status).toBe(504);
        const moved = (): string[] =>
          rig.node
            .registrations(true)
            .filter(({ network }) => network?.serviceRoute.join().includes(second.uri.replace("sip:", "@")))
            .map((one) => one.impu);
        await until(() => moved().length === 9);
        // She registers herself, and waits for nobody.
        expect(moved()).not.toContain(uri(51));
        expect(requests("REGISTER")).toHaveLength(10 + 9);
      } finally {
        await Promise.all([first.close(), second.close()]);
      }
    },
  );

  test("who sends to somebody who never answers does not have it asked each time", async () => {
    const { browser } = await come(42);
    await watched(uri(42));
    await comeAll(43, 43);
    rig.core.answer = (tx) => (tx.request.method === "MESSAGE" ? undefined : answer(tx));
    const sent: Promise<SipResponse>[] = [];
    for (let n = 1; n <= 6; n += 1) {
      sent.push(browser.request("MESSAGE", uri(44), []));
      await until(() => requests("MESSAGE").length === n);
      await timed.pass(1);
    }
    await timed.pass(34);
    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual(sent.map(() => 504));
    await until(() => refreshes().length === 2);
    expect(refreshes().map(({ to }) => to.uri)).toEqual([uri(42), uri(43)]);
  });

  test("what the S-CSCF of before answers late, when she is at another one, says nothing of her there", async () => {
    const { refresh } = await come(42);
    await watched(uri(42));
    const second = await ScriptedCore.open();
    try {
      const { promise, resolve } = Promise.withResolvers<ServerTransaction>();
      rig.core.answer = (tx) => {
        const { method, toTag } = tx.request;
        if (method === "SUBSCRIBE" && toTag !== undefined) return resolve(tx);
        return method === "REGISTER" ? grant(second)(tx) : subscribed(tx, second);
      };
      await timed.pass(interval);
      const asked = await promise;
      expect((await refresh()).status).toBe(200);
      await until(() => initial().length === 2);
      await watched(uri(42));
      asked.reply(481);
      // What she says after that has been answered: the 481 has been read.
      await timed.pass(5);
      expect(rig.alarms).toEqual([]);
      expect(requests("REGISTER")).toHaveLength(2);
    } finally {
      await second.close();
    }
  });

  test("EPC-REG-01h it is silent, and the core has no other one: one REGISTER finds that out for all", async () => {
    await comeAll(42, 50);
    const before = requests("REGISTER").length;
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? tx.reply(504) : undefined);
    await timed.pass(interval + 33);
    await until(() => requests("REGISTER").length === before + 1);
    expect(rig.node.counts.registrations).toBe(9);
    rig.core.answer = answer;
  });

  test("EPC-REG-01d EPC-REG-01h a call or a message that it forbids to whom it does not know: 504 that asks for an initial registration, and she is registered again at once", async () => {
    const { browser } = await come(42);
    await watched(uri(42));
    const called = async (): Promise<SipResponse> => {
      const call = dial(browser);
      return await until(() => call.rejected);
    };
    for (const send of [called, async () => await browser.request("MESSAGE", uri(43), [])]) {
      known.clear();
      dialogs.clear();
      const response = await send();
      expect([response.status, response.get("Content-Type")]).toEqual([504, "application/3gpp-ims+xml"]);
      await until(() => known.has(uri(42)));
      await watched(uri(42));
    }
  });

  test("a call that it forbids to whom it knows is forbidden, and nobody is registered", async () => {
    const { browser } = await come(42);
    await watched(uri(42));
    rig.core.answer = (tx) => (tx.request.method === "INVITE" ? tx.reply(403) : answer(tx));
    const call = dial(browser);
    expect((await until(() => call.rejected)).status).toBe(403);
    expect([refreshes().length, requests("REGISTER").length]).toEqual([1, 1]);
  });

  test("EPC-REG-01h she leaves while she is registered again: nothing of her is left in it", async () => {
    const { browser, leave } = await come(42);
    const own = await forgets(uri(42));
    const left = leave();
    rig.core.answer = answer;
    // What she says after that has been answered: that has waited.
    await browser.request("MESSAGE", uri(43), []);
    expect(requests("REGISTER")).toHaveLength(2);
    answer(own);
    expect((await left).status).toBe(200);
    expect(requests("REGISTER").map((one) => one.get("Expires"))).toEqual(["3600", "3600", "0"]);
    expect([known.size, rig.store.bindings.size]).toEqual([0, 0]);
  });

  test("EPC-REG-01h an end that comes while she is registered again is an end in the core", async () => {
    await come(42);
    const own = await forgets(uri(42));
    rig.core.answer = answer;
    rig.revoke({ sessionId: "s-42", reason: "test" });
    await until(() => requests("REGISTER").length === 3);
    answer(own);
    await until(() => requests("REGISTER").length === 4 && known.size === 0);
    await until(() => rig.node.counts.leftovers === 0);
    expect(rig.store.bindings.size).toBe(0);
  });
});

test("EPC-REG-01h the block of a wildcard is registered again once, for all of its users", async () => {
  rig = await timed.open({ shared: () => shared });
  rig.core.answer = answer;
  const { browser } = await come(42);
  await come(43);
  await watched(shared.impu);
  known.clear();
  await timed.pass(interval);
  await until(() => known.has(shared.impu));
  expect(requests("REGISTER")).toHaveLength(2);
  await until(() => initial().length === 2);
  await watched(shared.impu);
  known.clear();
  const call = dial(browser);
  expect((await until(() => call.rejected)).status).toBe(504);
  await until(() => known.has(shared.impu));
  expect(requests("REGISTER")).toHaveLength(3);
});
