import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  callIn,
  callOut,
  context,
  dial,
  idle,
  nextAtBrowser,
  nextAtCore,
  registered,
  ring,
  toNode,
  type Leg,
} from "./support/call.ts";
import { grant, type Browser, type Rig } from "./support/rig.ts";
import { Timed } from "./support/timed.ts";
import { until } from "./support/until.ts";

let timed: Timed;
let rig: Rig;
let browser: Browser;
beforeEach(async () => {
  timed = new Timed();
  rig = await timed.open();
  browser = await registered(rig, await rig.token({}, { seconds: 300 }));
});
afterEach(() => rig.close());

const ends = (leg: Leg): Promise<string> => until(() => leg.ended?.message?.get("Reason"));
const registers = (): number => rig.core.got.filter(({ method }) => method === "REGISTER").length;

describe("socket lost", () => {
  test("EPC-DER-04a the call and the binding stay for the grace time, a reconnect takes both over", async () => {
    const { near, far } = await callOut(rig, browser);
    browser.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    await timed.pass(31);
    expect(rig.node.counts).toMatchObject({ registrations: 1, sessions: 1 });
    const again = await registered(rig);
    expect(rig.node.counts).toMatchObject({ flows: 1, registrations: 1, sessions: 1 });
    await timed.pass(10);
    expect(rig.node.counts.registrations).toBe(1);
    // The far end hangs up: the BYE comes on the new socket.
    far.usage.bye();
    await until(() => again.raw.some(({ octets }) => octets.startsWith("BYE")));
    expect(near.ended).toBeUndefined();
    expect(idle(rig)).toBe(true);
  });

  test("EPC-DER-04c after the grace time: BYE by the portal, then de-REGISTER, and the WAF is told", async () => {
    const { far } = await callOut(rig, browser);
    browser.socket.terminate();
    await until(() => rig.node.counts.flows === 0);
    const before = registers();
    await timed.pass(33);
    expect(await ends(far)).toContain("connection-lost");
    await until(() => registers() > before);
    const last = rig.core.last("REGISTER");
    expect([last.get("Expires"), last.get("Authorization")]).toEqual(["0", expect.stringContaining("auth-done")]);
    await until(() => rig.facts.at(-1)?.state === "deregistered");
    expect(rig.facts.at(-1)).toMatchObject({ reason: "connection-lost", confirmed: true });
    expect(rig.node.counts).toEqual({ flows: 0, registrations: 0, leftovers: 0, sessions: 0 });
    expect(rig.media.size).toBe(0);
  });

  test("a call in set-up does not outlive its socket", async () => {
    const incoming = nextAtCore(rig);
    dial(browser);
    const far = await incoming;
    far.usage.progress(180);
    await until(() => browser.raw.some(({ octets }) => octets.includes(" 180 ")));
    browser.socket.terminate();
    expect((await until(() => far.cancelled)).get("Reason")).toContain("connection is lost");
    expect(idle(rig)).toBe(true);
  });
});

describe("end of the token", () => {
  test("EPC-DER-03a once it is over a request gets 401 invalid_token, even before the registration ends", async () => {
    timed.wall += 300_000;
    const response = await browser.request("MESSAGE", "sip:u0043@acme.ims.test", []);
    expect(response.status).toBe(401);
    expect(response.get("WWW-Authenticate")).toContain('error="invalid_token"');
    const leg = dial(browser);
    expect((await until(() => leg.rejected)).status).toBe(401);
  });

  test("EPC-DER-03b EPC-DER-03c EPC-SES-09b the portal ends the registration; the call gets BYE both ways with Reason", async () => {
    const { near, far } = await callOut(rig, browser);
    timed.wall += 299_000;
    await timed.pass(1);
    expect(await ends(near)).toContain("token-expired");
    expect(await ends(far)).toContain("token-expired");
    expect(await browser.closed).toEqual({ code: 4403, reason: "token-expired" });
    expect(rig.core.last("REGISTER").get("Expires")).toBe("0");
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "token-expired" });
    expect(idle(rig)).toBe(true);
  });

  test("EPC-DER-03a a REGISTER with a new token in time keeps registration and call", async () => {
    const { near } = await callOut(rig, browser);
    expect((await browser.register(await rig.token({}, { seconds: 900 }))).status).toBe(200);
    timed.wall += 300_000;
    await timed.pass(2);
    expect(rig.node.counts).toMatchObject({ registrations: 1, sessions: 1 });
    expect(near.ended).toBeUndefined();
  });

  test("the granted time runs out without a refresh: the registration ends here, the core knows", async () => {
    await browser.register(await rig.token({}, { seconds: 3000 }), { expires: 60 });
    const before = registers();
    await timed.pass(61);
    expect(await browser.closed).toEqual({ code: 4403, reason: "expired" });
    expect(registers()).toBe(before);
    expect(rig.facts.at(-1)).toMatchObject({ reason: "expired", confirmed: true });
  });
});

describe("revocation", () => {
  test("EPC-DER-05 EPC-DER-06 EPC-SES-09b calls end both ways, then the binding, then the socket", async () => {
    const out = await callOut(rig, browser);
    const incoming = await callIn(rig, browser);
    // Answered on TCP after the ACK, so that the core's leg stands.
    await incoming.far.usage.request("UPDATE");
    const order: string[] = [];
    const receive = rig.core.receive.bind(rig.core);
    rig.core.receive = (message, hop) => {
      if ("method" in message) order.push(message.method);
      receive(message, hop);
    };
    rig.revoke({ impu: "sip:u0042@acme.ims.test", reason: "employee left" });
    for (const leg of [out.near, out.far, incoming.near, incoming.far]) expect(await ends(leg)).toContain("revoked");
    expect((await browser.closed).code).toBe(4403);
    expect(order.filter((method) => ["BYE", "REGISTER"].includes(method))).toEqual(["BYE", "BYE", "REGISTER"]);
    expect(rig.node.counts.registrations).toBe(0);
    expect(rig.media.size).toBe(0);
  });

  test("EPC-DER-05 a tenant's revocation takes its users, another tenant's none", async () => {
    rig.revoke({ tenant: "other", reason: "suspended" });
    expect(rig.node.counts.registrations).toBe(1);
    rig.revoke({ tenant: "acme", reason: "suspended" });
    expect((await browser.closed).code).toBe(4403);
  });

  test("EPC-DER-05 a revocation while the core thinks over a REGISTER: 401, and what it granted goes again", async () => {
    const waiting: (() => void)[] = [];
    const other = await rig.connect();
    rig.core.answer = (tx) => void waiting.push(() => grant(rig.core)(tx));
    const token = await rig.token({ sid: "s2" });
    const contact = '<sip:u0042@other.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:2>"';
    const response = other.register(token, { contact });
    await until(() => waiting.length === 1);
    rig.revoke({ sessionId: "s2", reason: "logout" });
    rig.core.answer = grant(rig.core);
    waiting[0]?.();
    expect((await response).status).toBe(401);
    await until(() => rig.core.last("REGISTER").get("Expires") === "0");
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("EPC-DER-06 a core that does not confirm is asked three times, then the operator hears of it", async () => {
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? tx.reply(500) : tx.reply(200));
    const before = registers();
    rig.revoke({ sessionId: "s1", reason: "logout" });
    await until(() => registers() === before + 1);
    await until(() => {
      timed.clock.advance(50);
      return rig.facts.at(-1)?.state === "deregistered";
    });
    expect(registers()).toBe(before + 3);
    expect(rig.facts.at(-1)).toMatchObject({ confirmed: false });
    expect(rig.alarms).toContain("register.binding-left");
  });
});

test("EPC-DER-02a the network's end releases the calls and their media", async () => {
  const { near, far } = await callOut(rig, browser);
  const subscribe = await until(() => rig.core.got.find(({ method }) => method === "SUBSCRIBE"));
  const { SipRequest, parseNameAddr } = await import("@portico/sip");
  const { uri } = parseNameAddr(subscribe.get("Contact") ?? "");
  const body = `<?xml version="1.0"?><reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="1" state="full"><registration aor="sip:u0042@acme.ims.test" id="a" state="terminated"><contact id="c" state="terminated" event="rejected"><uri>${parseNameAddr(rig.core.last("REGISTER").list("Contact")[0] ?? "").uri}</uri></contact></registration></reginfo>`;
  const notify = SipRequest.create(
    "NOTIFY",
    uri,
    [
      ["Max-Forwards", "70"],
      ["From", "<sip:u0042@acme.ims.test>;tag=s9"],
      ["To", subscribe.get("From") ?? ""],
      ["Call-ID", subscribe.callId],
      ["CSeq", "1 NOTIFY"],
      ["Event", "reg"],
      ["Subscription-State", "terminated;reason=noresource"],
    ],
    { type: "application/reginfo+xml", text: body },
  );
  expect((await rig.core.agent.send(notify, toNode(rig))).status).toBe(200);
  expect(await ends(near)).toContain("network");
  expect(await ends(far)).toContain("network");
  expect((await browser.closed).code).toBe(4403);
  expect(rig.media.size).toBe(0);
});

test("EPC-SES-10c a call that is never answered ends after more than three minutes, either way", async () => {
  await browser.register(await rig.token({}, { seconds: 3000 }));
  const [incoming, atCore] = [nextAtBrowser(browser), nextAtCore(rig)];
  const [out, far] = [dial(browser), await atCore];
  far.usage.progress(180);
  const [ringing, near] = [ring(rig), await incoming];
  near.usage.progress(180);
  await until(() => out.responses.length > 0 && ringing.responses.length > 0);
  await timed.pass(180);
  expect([far.cancelled, near.cancelled]).toEqual([undefined, undefined]);
  await timed.pass(20);
  await until(() => far.cancelled && near.cancelled);
  expect((await until(() => out.rejected)).status).toBe(487);
  expect((await until(() => ringing.rejected)).status).toBe(480);
  expect(idle(rig)).toBe(true);
});

test("EPC-WS-09 the portal's end: calls get BYE, bindings leave the core, sockets close with 1001", async () => {
  const { near, far } = await callOut(rig, browser);
  const stranger = await rig.connect();
  await rig.node.close();
  expect(await ends(near)).toContain("portal-closing");
  expect(await ends(far)).toContain("portal-closing");
  expect(rig.core.last("REGISTER").get("Expires")).toBe("0");
  expect((await browser.closed).code).toBe(1001);
  expect((await stranger.closed).code).toBe(1001);
  expect(rig.node.counts).toMatchObject({ registrations: 0, sessions: 0 });
});

test("EPC-WS-09 while registrations are ended no new socket is taken", async () => {
  const { promise: asked, resolve: ask } = Promise.withResolvers<() => void>();
  rig.core.answer = (tx) => {
    if (tx.request.method === "REGISTER") ask(() => tx.reply(200));
    else tx.reply(200);
  };
  const closing = rig.node.close();
  const confirm = await asked;
  await expect(rig.connect()).rejects.toThrow("503");
  confirm();
  await closing;
});

describe("the way to the core is lost", () => {
  test("EPC-REG-18b a refused TCP connection: 504 at once, no waiting for Timer F", async () => {
    const cut = await timed.open({ entryPoint: "sip:127.0.0.1:9;transport=tcp" });
    try {
      const other = await cut.connect();
      expect((await other.register(await cut.token())).status).toBe(504);
      expect(cut.alarms).toContain("core.unreachable");
    } finally {
      await cut.close();
    }
  });

  test("a call whose S-CSCF refuses the connection: 504 at once; de-registration is tried and given up", async () => {
    rig.core.answer = (tx) => {
      if (tx.request.method !== "REGISTER") return tx.reply(200);
      const reply = tx.reply.bind(tx);
      tx.reply = (status, options) =>
        reply(status, {
          ...options,
          headers: [
            ...(options?.headers ?? []).filter(([name]) => name !== "Service-Route"),
            ["Service-Route", "<sip:127.0.0.1:9;transport=tcp;lr>"],
          ],
        });
      return grant(rig.core)(tx);
    };
    await browser.register(await rig.token());
    const near = dial(browser);
    expect((await until(() => near.rejected)).status).toBe(504);
    expect((await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [])).status).toBe(504);
    expect(idle(rig)).toBe(true);
  });
});

test("a late event of a call that is over changes nothing", async () => {
  const { near } = await callOut(rig, browser);
  near.usage.bye();
  await until(() => idle(rig));
  context(rig).emit({ type: "failed", reason: "dtls" });
  const incoming = nextAtBrowser(browser);
  const far = ring(rig);
  (await incoming).usage.progress(180);
  await until(() => far.responses.some(({ status }) => status === 180));
  expect(rig.node.counts.sessions).toBe(1);
  far.usage.cancel();
  await until(() => idle(rig));
});
