import { parseNameAddr, SipRequest } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { callOut, registered, toNode } from "./support/call.ts";
import { MemoryStore } from "./support/memoryStore.ts";
import { grant, impi, impu, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

/** Time of the node before the crash stands still from then on: it does nothing more, as if it were dead. */
let before: Timed;
let dead: Rig;
let browser: Browser;
let after: Timed;
let rig: Rig | undefined;
beforeEach(async () => {
  before = new Timed();
  dead = await before.open();
  browser = await registered(dead);
  after = new Timed();
  rig = undefined;
});
afterEach(async () => {
  dead.core.answer = grant(dead.core);
  await rig?.close();
  await dead.close();
});

/** Another node on what the dead one has written, as it was at that moment. */
async function restart(options: { graceSeconds?: number } = {}): Promise<Rig> {
  const store = new MemoryStore();
  for (const [key, binding] of dead.store.bindings) store.bindings.set(key, binding);
  rig = await after.open({ store, core: dead.core, ...options });
  return rig;
}

const registers = (): SipRequest[] => dead.core.got.filter(({ method }) => method === "REGISTER");
const ends = (): SipRequest[] => registers().filter((request) => request.get("Expires") === "0");

describe("written down", () => {
  test("ADM-09b a binding is stored before the core hears of it, so before the browser does", async () => {
    const other = await before.open();
    try {
      const first = await registered(other);
      const [writing, begun] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      other.store.writing = () => {
        begun.resolve();
        return writing.promise;
      };
      const page = await other.connect();
      const contact = `<sip:u0042@second.invalid;transport=ws>;reg-id=1;expires=600;+sip.instance="<urn:uuid:2>"`;
      const response = page.register(await other.token(), { contact });
      await begun.promise;
      // A refresh goes to the core on the same connection: what was sent there before has come before it.
      expect((await first.register(await other.token())).status).toBe(200);
      expect(other.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(2);
      writing.resolve();
      expect((await response).status).toBe(200);
      const stored = [...other.store.bindings.values()].at(-1);
      expect(stored).toMatchObject({ impu, impi, tenant: "acme", sessionId: "s1" });
      expect(`<${stored?.path}>`).toBe(other.core.last("REGISTER").get("Path"));
      expect(`${stored?.contact};expires=600`).toBe(other.core.last("REGISTER").get("Contact"));
    } finally {
      await other.close();
    }
  });

  test("a refresh is written with the next batch: twenty cost one write", async () => {
    const { writes } = dead.store;
    for (let n = 0; n < 20; n += 1) expect((await browser.register(await dead.token())).status).toBe(200);
    expect(dead.store.writes).toBe(writes);
    await before.pass(11);
    expect(dead.store.writes).toBe(writes + 1);
  });

  test("browsers that come while a write is under way share the next one", async () => {
    const other = await before.open();
    try {
      const writing = Promise.withResolvers<void>();
      other.store.writing = () => writing.promise;
      // An entry is looked up once its token is verified, and nothing but the write is waited for then.
      const lookedUp = vi.spyOn(other.block, "has");
      const pages = await Promise.all(Array.from({ length: 12 }, () => other.connect()));
      const responses = pages.map(async (page, n) =>
        page.register(await other.token(), {
          contact: `<sip:u0042@x${n}.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:${n}>"`,
        }),
      );
      await until(() => lookedUp.mock.calls.length === 12);
      await new Promise((resolve) => setImmediate(resolve));
      writing.resolve();
      expect((await Promise.all(responses)).map(({ status }) => status)).toEqual(Array(12).fill(200));
      expect(other.store.bindings.size).toBe(12);
      expect(other.store.writes).toBeLessThanOrEqual(2);
    } finally {
      await other.close();
    }
  });

  test("what has ended is forgotten: nothing is left to end after a clean stop", async () => {
    await browser.register(await dead.token(), { expires: 0 });
    await until(() => dead.store.bindings.size === 0);
    const again = await registered(dead);
    expect(dead.store.bindings.size).toBe(1);
    await dead.node.close();
    expect((await again.closed).code).toBe(1001);
    expect(dead.store.bindings.size).toBe(0);
  });

  test("a store that fails costs an alarm, not the registration", async () => {
    const other = await before.open();
    try {
      other.store.writing = () => Promise.reject(new Error("disk full"));
      await registered(other);
      expect(other.alarms).toContain("registration.not-written");
    } finally {
      await other.close();
    }
  });

  test("a REGISTER that the core refuses leaves nothing behind", async () => {
    await browser.register(await dead.token(), { expires: 0 });
    await until(() => dead.store.bindings.size === 0);
    dead.core.answer = (tx) => tx.reply(403);
    expect((await browser.register(await dead.token())).status).toBe(403);
    await until(() => dead.store.bindings.size === 0);
  });
});

describe("after a crash", () => {
  test("ADM-09b whoever comes back has the same Contact, and no other binding is touched", async () => {
    const [was] = registers();
    const node = await restart();
    expect(node.node.counts.leftovers).toBe(1);
    await after.pass(2);
    await registered(node);
    await after.pass(40);
    const all = registers();
    expect(all).toHaveLength(2);
    expect(parseNameAddr(all[1]?.get("Contact") ?? "").uri.split("@")[0]).toBe(
      parseNameAddr(was?.get("Contact") ?? "").uri.split("@")[0],
    );
    expect(node.node.counts).toMatchObject({ registrations: 1, leftovers: 0 });
    expect(node.store.bindings.size).toBe(1);
  });

  test("ADM-09b a binding nobody comes back for is ended within 10 s, as it was made, and the WAF is told", async () => {
    const [was] = registers();
    const node = await restart();
    await after.pass(4);
    expect(ends()).toHaveLength(0);
    await after.pass(2);
    const end = await until(() => ends()[0]);
    expect(end.get("Authorization")).toContain(`username="${impi}"`);
    expect(end.get("Authorization")).toContain("auth-done");
    expect(end.get("Path")).toBe(was?.get("Path"));
    expect(end.get("Contact")).toBe((was?.get("Contact") ?? "").replace("expires=600", "expires=0"));
    expect(end.callId).not.toBe(was?.callId);
    await until(() => node.facts.length === 1);
    expect(node.facts).toEqual([
      { impu, sessionId: "s1", state: "deregistered", reason: "restarted", confirmed: true },
    ]);
    await until(() => node.store.bindings.size === 0);
    expect(node.node.counts.leftovers).toBe(0);
  });

  test.each(["UPDATE", "INVITE", "BYE"])(
    "a call of before the crash is over: what its far end still asks, here %s, gets 481, which ends it there (RFC 5057 §5.1)",
    async (method) => {
      const { far } = await callOut(dead, browser);
      const node = await restart();
      const { callId, from } = dead.core.last("INVITE");
      const request = SipRequest.create(method, parseNameAddr(dead.core.last("INVITE").get("Contact") ?? "").uri, [
        ["Max-Forwards", "70"],
        ["From", `<${dead.core.last("INVITE").to.uri}>;tag=${far.usage.dialog?.state.localTag}`],
        ["To", `<${from.uri}>;tag=${dead.core.last("INVITE").fromTag}`],
        ["Call-ID", callId],
        ["CSeq", `77 ${method}`],
        ["Contact", `<${dead.core.uri};transport=tcp>`],
      ]);
      expect((await dead.core.agent.send(request, toNode(node))).status).toBe(481);
    },
  );

  test("a grace time below 5 s is also that of a restart", async () => {
    await restart({ graceSeconds: 1 });
    await after.pass(2);
    expect((await until(() => ends()[0])).get("Expires")).toBe("0");
  });

  test("a browser that comes while its binding is being ended waits for that, and is registered after it", async () => {
    const node = await restart();
    const held = Promise.withResolvers<void>();
    const granted = grant(dead.core);
    dead.core.answer = (tx) =>
      void (tx.request.get("Expires") === "0" ? held.promise.then(() => granted(tx)) : granted(tx));
    await after.pass(6);
    await until(() => ends().length === 1);
    const page = await node.connect();
    const response = page.register(await node.token());
    await until(() => node.node.counts.leftovers === 0);
    // Somebody else's whole registration takes longer than her REGISTER would to the core.
    const other = await node.connect();
    other.impu = "sip:u0043@acme.ims.test";
    const token = await node.token({ impu: other.impu, sid: "s2", sub: "p-other" });
    expect((await other.register(token)).status).toBe(200);
    const hers = (): SipRequest[] => registers().filter(({ to }) => to.uri === page.impu);
    expect(hers()).toHaveLength(2);
    held.resolve();
    expect((await response).status).toBe(200);
    expect(hers().map((request) => request.get("Expires"))).toEqual(["600", "0", "600"]);
    expect(node.node.counts).toMatchObject({ registrations: 2, leftovers: 0 });
  });

  test("a core that refuses the browser who is back does not keep her old binding", async () => {
    const node = await restart();
    const other = grant(dead.core);
    dead.core.answer = (tx) => (tx.request.get("Expires") === "0" ? other(tx) : tx.reply(500));
    const page = await node.connect();
    expect((await page.register(await node.token())).status).toBe(500);
    await until(() => ends().length === 1);
    await until(() => node.store.bindings.size === 0);
  });

  test("a core that does not answer: tried again until it confirms, and the WAF hears of it then", async () => {
    const node = await restart();
    dead.core.answer = () => undefined;
    await after.pass(130);
    expect(node.alarms).toContain("register.binding-left");
    expect(node.facts).toEqual([]);
    dead.core.answer = grant(dead.core);
    await after.pass(70);
    await until(() => node.facts.length === 1);
    expect(node.facts[0]).toMatchObject({ state: "deregistered", reason: "restarted", confirmed: true });
    expect(node.store.bindings.size).toBe(0);
  });

  test("many are ended a few at a time", async () => {
    const [one] = dead.store.bindings.values();
    if (one === undefined) throw new Error("nothing is stored");
    for (let n = 0; n < 150; n += 1) {
      const key = `k${n}`;
      dead.store.bindings.set(key, { ...one, key, contact: `<sip:${key}@127.0.0.1:5060>` });
    }
    let now = 0;
    let most = 0;
    const other = grant(dead.core);
    dead.core.answer = (tx) => {
      now += 1;
      most = Math.max(most, now);
      setImmediate(() => {
        now -= 1;
        other(tx);
      });
    };
    const node = await restart();
    await after.pass(6);
    await until(() => node.node.counts.leftovers === 0);
    expect(ends()).toHaveLength(151);
    expect(most).toBeLessThanOrEqual(32);
    await until(() => node.store.bindings.size === 0);
  });
});
