import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Revocation } from "../src/index.ts";
import { binding, dial, fromCore, registered, ring, toNode, type Leg } from "./support/call.ts";
import { KeepingCore } from "./support/keepingCore.ts";
import { impu, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

let timed: Timed;
let rig: Rig;
let browser: Browser;
let core: KeepingCore;
beforeEach(async () => {
  timed = new Timed();
  rig = await timed.open();
  core = new KeepingCore(rig.core, timed.clock);
  browser = await registered(rig);
  await until(() => rig.core.got.some(({ method }) => method === "SUBSCRIBE"));
});
afterEach(async () => {
  core.mood = "well";
  await rig.close();
});

/** Nothing of the registration is left: in the core, here, on disk, or in what the WAF believes. */
async function gone(reason: string): Promise<void> {
  await until(() => rig.node.counts.registrations === 0 && rig.node.counts.leftovers === 0 && core.keys.size === 0);
  await until(() => rig.store.bindings.size === 0 && rig.facts.at(-1)?.state === "deregistered");
  expect(rig.facts.at(-1)).toEqual({ impu, sessionId: "s1", state: "deregistered", reason, confirmed: true });
  expect([rig.node.counts.sessions, rig.media.size]).toEqual([0, 0]);
}

describe("each ending, with a call running", () => {
  let near: Leg;
  let far: Leg;
  beforeEach(async () => {
    core.hold((leg) => (far = leg));
    near = dial(browser);
    await until(() => near.accepted);
  });

  const over = async (): Promise<void> => {
    await until(() => far.ended);
  };

  test("EPC-DER-01a log-out: calls and binding end, the socket stays the browser's to close", async () => {
    expect((await browser.register(await rig.token(), { expires: 0 })).status).toBe(200);
    await over();
    await gone("logout");
    expect(browser.socket.readyState).toBe(1);
  });

  test("EPC-DER-04c socket lost for good, as when the tab is closed", async () => {
    browser.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    await timed.pass(34);
    await over();
    await gone("connection-lost");
    expect(rig.core.last("REGISTER").get("Expires")).toBe("0");
  });

  test("EPC-DER-04a socket lost and back within the grace time: nothing ends", async () => {
    browser.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    await timed.pass(20);
    await registered(rig);
    await timed.pass(20);
    expect(rig.node.counts).toMatchObject({ registrations: 1, sessions: 1 });
    expect(core.keys.size).toBe(1);
  });

  test("EPC-DER-05 revoked: 4403 revoked", async () => {
    rig.revoke({ sessionId: "s1", reason: "logout" });
    expect(await browser.closed).toEqual({ code: 4403, reason: "revoked" });
    await over();
    await gone("revoked");
  });

  test("ADM-02 tenant suspended: 4403 revoked, and no new registration", async () => {
    rig.suspended.add("acme");
    rig.revoke({ tenant: "acme", reason: "suspended" });
    expect(await browser.closed).toEqual({ code: 4403, reason: "revoked" });
    await gone("revoked");
    expect((await (await rig.connect()).register(await rig.token({ sid: "s2" }))).status).toBe(401);
  });

  test("EPC-REG-06 entry removed from the block: the next refresh gets 403, and the registration ends", async () => {
    rig.block.delete(impu);
    expect((await browser.register(await rig.token())).status).toBe(403);
    expect(await browser.closed).toEqual({ code: 4403, reason: "not-in-block" });
    await gone("not-in-block");
  });

  test("EPC-DER-02a the network ends it, naming the contact", async () => {
    core.end(impu, true);
    expect(await browser.closed).toEqual({ code: 4403, reason: "network" });
    await over();
    await gone("network");
  });

  test("EPC-DER-02a the network ends it without naming a contact", async () => {
    core.end(impu, false);
    expect(await browser.closed).toEqual({ code: 4403, reason: "network" });
    await gone("network");
  });

  test("EPC-DER-03b the token ends: 4403 token-expired", async () => {
    timed.wall += 3_600_000;
    await timed.pass(1);
    expect(await browser.closed).toEqual({ code: 4403, reason: "token-expired" });
    await gone("token-expired");
  });

  test("expiry not refreshed: the core has ended it as well, and is not asked", async () => {
    await timed.pass(601);
    expect(await browser.closed).toEqual({ code: 4403, reason: "expired" });
    await gone("expired");
    expect(rig.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(1);
  });

  test("core unreachable: the browser is told at once, the binding ends when the core is back", async () => {
    core.mood = "silent";
    rig.revoke({ sessionId: "s1", reason: "logout" });
    await timed.pass(2);
    expect(await browser.closed).toEqual({ code: 4403, reason: "revoked" });
    await timed.pass(150);
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", confirmed: false });
    expect(rig.alarms).toContain("register.binding-left");
    core.mood = "well";
    await timed.pass(70);
    await gone("revoked");
  });
});

/** Seconds of the node's time until the socket is closed. */
async function secondsToClose(): Promise<number> {
  for (let seconds = 0; seconds <= 5; seconds += 1) {
    if (browser.socket.readyState !== 1) return seconds;
    await timed.pass(1);
    // What the node has sent by now is here before the answer to a ping.
    await new Promise<void>((resolve) => {
      browser.socket.once("pong", () => resolve()).once("close", () => resolve());
      browser.socket.ping();
    });
  }
  throw new Error("the socket stays open");
}

describe("revocation, whatever is under way", () => {
  test("EPC-DER-05 WAF-07c a refresh under way: within 2 s the socket is closed; what the core grants after that is ended", async () => {
    core.mood = "silent";
    const refresh = browser.register(await rig.token()).catch(() => "lost");
    await until(() => rig.core.got.filter(({ method }) => method === "REGISTER").length === 2);
    rig.revoke({ sessionId: "s1", reason: "logout" });
    expect(await secondsToClose()).toBeLessThanOrEqual(2);
    browser.agent.hopClosed(browser);
    await refresh;
    core.mood = "well";
    await timed.pass(40);
    await gone("revoked");
  });

  test("EPC-DER-05 a call being set up: it is cancelled, and the socket closed within 2 s", async () => {
    let far: Leg | undefined;
    core.hold((leg) => (far = leg), false);
    const near = dial(browser);
    await until(() => far);
    core.mood = "silent";
    rig.revoke({ sessionId: "s1", reason: "logout" });
    expect(await secondsToClose()).toBeLessThanOrEqual(2);
    expect(near.accepted).toBeUndefined();
    expect([rig.node.counts.sessions, rig.media.size]).toEqual([0, 0]);
  });

  test("EPC-DER-05 a message under way: no answer comes, the socket is closed within 2 s", async () => {
    core.mood = "silent";
    const message = browser.request("MESSAGE", "sip:ken@ims.test", []).catch(() => "lost");
    await until(() => rig.core.got.some(({ method }) => method === "MESSAGE"));
    rig.revoke({ sessionId: "s1", reason: "logout" });
    expect(await secondsToClose()).toBeLessThanOrEqual(2);
    browser.agent.hopClosed(browser);
    await message;
  });

  test.each(["MESSAGE", "SUBSCRIBE"])(
    "EPC-DER-05 a %s whose token is being verified: 403, and the core hears nothing of it",
    async (method) => {
      const [view] = rig.node.registrations();
      // The last look at a token is whether it is revoked.
      rig.suspended.has = () => {
        void rig.node.endRegistration(view?.id ?? "");
        return false;
      };
      const before = rig.core.got.length;
      const headers: [string, string][] = [
        ["Event", "presence"],
        ["Authorization", `Bearer ${await rig.token()}`],
      ];
      expect((await browser.request(method, "sip:u0043@acme.ims.test", headers)).status).toBe(403);
      expect(rig.core.got.slice(before).map((request) => request.method)).not.toContain(method);
    },
  );

  test("EPC-DER-05 who registers anew on her socket before it is closed keeps it", async () => {
    const answer = rig.core.answer;
    rig.core.answer = (tx) => (tx.request.get("Expires") === "0" ? undefined : answer(tx));
    const [view] = rig.node.registrations();
    void rig.node.endRegistration(view?.id ?? "");
    await until(() => rig.node.counts.leftovers === 1);
    const contact = `<sip:u@again.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:again>"`;
    expect((await browser.register(await rig.token(), { contact })).status).toBe(200);
    await timed.pass(3);
    expect(browser.socket.readyState).toBe(1);
    expect(rig.node.registrations()).toMatchObject([{ flow: "live" }]);
    rig.core.answer = answer;
    await timed.pass(40);
    expect([rig.node.counts.leftovers, core.keys.size]).toEqual([0, 1]);
  });

  test("EPC-DER-05 a hundred flows: all are closed within 2 s, though the core is slow", async () => {
    const pages: Browser[] = [];
    for (let n = 0; n < 100; n += 1) {
      const page = await rig.connect();
      await page.register(await rig.token(), {
        contact: `<sip:u@tab${n}.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:${n}>"`,
      });
      pages.push(page);
    }
    core.mood = "silent";
    rig.revoke({ tenant: "acme", reason: "suspended" });
    await timed.pass(2);
    const codes = await Promise.all([browser, ...pages].map(async (page) => (await page.closed).code));
    expect(new Set(codes)).toEqual(new Set([4403]));
    core.mood = "well";
    await timed.pass(200);
    await gone("revoked");
  }, 20_000);
});

describe("what a revocation names", () => {
  test.each<[what: string, revocation: Omit<Revocation, "reason">, left: string[]]>([
    ["an identity", { impu, tenant: "acme" }, ["s3"]],
    ["a web session", { sessionId: "s1", impu, tenant: "acme" }, ["s2", "s3"]],
    ["another identity", { impu: "sip:u0044@acme.ims.test", tenant: "acme" }, ["s1", "s2", "s3"]],
    ["another tenant's session of the same name", { sessionId: "s1", tenant: "other" }, ["s1", "s2", "s3"]],
    ["a tenant", { tenant: "acme" }, []],
  ])("EPC-DER-05 WAF-07c %s: that ends, and nothing else", async (_, revocation, left) => {
    const colleague = "sip:u0043@acme.ims.test";
    for (const claims of [{ sid: "s2" }, { sid: "s3", sub: "p-other", impu: colleague }]) {
      const page = await rig.connect();
      page.impu = claims.impu ?? impu;
      const contact = `<sip:u@${claims.sid}.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:${claims.sid}>"`;
      expect((await page.register(await rig.token(claims), { contact })).status).toBe(200);
    }
    rig.revoke({ ...revocation, reason: "test" });
    await until(() => rig.node.counts.leftovers === 0 && core.keys.size === left.length);
    expect(rig.node.registrations().map(({ sessionId }) => sessionId)).toEqual(left);
  });
});

describe("the next holder of an identity", () => {
  /** What the core still has of the former holder. */
  let old: { path: string; contact: string };
  let next: Browser;
  beforeEach(async () => {
    old = binding(rig);
    rig.revoke({ sessionId: "s1", reason: "disabled" });
    await browser.closed;
    await gone("revoked");
    next = await rig.connect();
    // The same browser tab, so the same instance: another user has signed in there.
    await next.register(await rig.token({ sid: "s2", sub: "p-other" }));
    await until(() => rig.node.counts.registrations === 1);
  });

  test("EPC-SES-07b EPC-DER-06 has another Contact; a late call for the former one gets 430 and rings nowhere", async () => {
    const now = binding(rig);
    expect(now.contact).not.toBe(old.contact);
    const late = ring(rig, { contact: old.contact, path: old.path });
    expect((await until(() => late.rejected)).status).toBe(430);
    const mixed = ring(rig, { contact: now.contact, path: old.path });
    expect((await until(() => mixed.rejected)).status).toBe(430);
    expect(next.got.some((message) => "method" in message)).toBe(false);
  });

  test("EPC-SES-07b gets no late message or notification of the former holder", async () => {
    for (const method of ["MESSAGE", "NOTIFY"]) {
      const request = fromCore(rig, method, { ...old, headers: [["Event", "reg"]] });
      expect((await rig.core.agent.send(request, toNode(rig))).status).toBe(430);
    }
    expect(next.raw.some(({ octets }) => octets.includes("MESSAGE") || octets.includes("NOTIFY"))).toBe(false);
  });

  test("EPC-REG-04d the former holder's token is refused, on a socket of its own and on the new holder's", async () => {
    const token = await rig.token();
    const response = await (await rig.connect()).register(token);
    expect([response.status, response.get("WWW-Authenticate")]).toEqual([
      401,
      expect.stringContaining("invalid_token"),
    ]);
    expect((await next.register(token)).status).toBe(401);
    const message = await next.request("MESSAGE", "sip:ken@ims.test", [["Authorization", `Bearer ${token}`]]);
    expect(message.status).toBe(401);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("EPC-REG-21b another user's token on a live flow: 403, though the identity is the same", async () => {
    const response = await next.register(await rig.token({ sid: "s3", sub: "p-third" }));
    expect(response.status).toBe(403);
  });

  test("WWSF-04a a token for a third user ends what the one before her still has here", async () => {
    const third = await rig.connect();
    await third.register(await rig.token({ sid: "s3", sub: "p-third" }));
    expect(await next.closed).toEqual({ code: 4403, reason: "revoked" });
    expect(rig.node.registrations().map(({ sessionId }) => sessionId)).toEqual(["s3"]);
    await until(() => core.keys.size === 1);
  });
});

describe("a hostile client", () => {
  test("EPC-REG-17a cannot take another user's calls, where a registrar has one table of Contacts for all", async () => {
    const victim = binding(rig);
    const thief = await rig.connect();
    thief.impu = "sip:u0043@acme.ims.test";
    const token = await rig.token({ impu: thief.impu, sub: "p-thief", sid: "s9" });
    // The victim's Contact, in every way a client can write one: its own words never reach the core.
    for (const contact of [
      `<${victim.contact}>`,
      `<${victim.contact}>;+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77>";reg-id=1`,
      `<sip:u0042@k3v9q0d1xm.invalid;transport=ws>;+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77>";reg-id=1`,
    ]) {
      const response = await thief.register(token, { contact });
      expect(response.toOctets()).not.toContain(victim.path.slice(5, 30));
      const sent = rig.core.last("REGISTER");
      expect(sent.to.uri).toBe(thief.impu);
      expect(sent.get("Contact")?.split("@")[0]).not.toBe(`<${victim.contact.split("@")[0]}`);
    }
    const call = ring(rig, victim);
    await until(() => call.rejected ?? browser.got.find((message) => "method" in message));
    expect(thief.got.some((message) => "method" in message && message.method === "INVITE")).toBe(false);
    expect(browser.got.some((message) => "method" in message && message.method === "INVITE")).toBe(true);
  });
});
