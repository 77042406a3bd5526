import type { ServerTransaction } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { EpcscfEvent } from "../src/index.ts";
import { peerClass } from "../src/registration/view.ts";
import { callIn, callOut, contactOf, dial, idle, nextAtCore, registered, ring, sdp } from "./support/call.ts";
import { impi, impu, openRig, type Browser, type Rig } from "./support/rig.ts";
import { plainSdp } from "./support/sdp.ts";
import { until } from "./support/until.ts";

let rig: Rig;
let browser: Browser;
let events: EpcscfEvent[];
beforeEach(async () => {
  rig = await openRig();
  events = [];
  rig.node.on((event) => void events.push(event));
  browser = await registered(rig);
});
afterEach(() => rig.close());

/** Changes of one kind, in order. */
const changes = (type: "registration" | "session"): string[] =>
  events.flatMap((event) => (event.type === type ? [event.change] : []));

describe("registrations", () => {
  test("PRV-01a a view names identity, tenant, lease and times; the IMPI only where it is asked for", () => {
    const [view] = rig.node.registrations();
    expect(view).toMatchObject({
      impu,
      tenant: "acme",
      clientId: "talk.acme.example",
      sessionId: "s1",
      instance: "urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77",
      node: "node-1",
      flow: "live",
      peer: { family: "IPv4", scope: "loopback" },
      sessions: 0,
    });
    const { since = 0, grantedUntil = 0, tokenUntil = 0 } = view ?? {};
    expect(Math.abs(Date.now() - since)).toBeLessThan(3000);
    expect(Math.abs(grantedUntil - since - 600_000)).toBeLessThan(3000);
    expect(Math.abs(tokenUntil - since - 3_600_000)).toBeLessThan(3000);
    expect(JSON.stringify(view)).not.toContain(impi);
    expect(rig.node.registrations(true)[0]?.network?.impi).toBe(impi);
  });

  test("what happens to one is told in order: made, refreshed, socket lost, socket back, ended", async () => {
    await browser.register(await rig.token());
    browser.socket.terminate();
    await until(() => rig.node.registrations()[0]?.flow === "lost");
    const again = await registered(rig);
    await again.register(await rig.token(), { expires: 0 });
    expect(changes("registration")).toEqual([
      "registered",
      "refreshed",
      "flow-lost",
      "flow-back",
      "refreshed",
      "ended",
    ]);
    expect(events.at(-1)).toMatchObject({ reason: "logout", confirmed: true, registration: { impu } });
    expect(rig.node.registrations()).toEqual([]);
  });

  test("EPC-DER-05 one that is revoked while it logs out ends once, and the browser hears that it has left", async () => {
    const asked: ServerTransaction[] = [];
    const granted = rig.core.answer;
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? void asked.push(tx) : granted(tx));
    const out = browser.register(await rig.token(), { expires: 0 });
    const leaving = await until(() => asked[0]);
    rig.revoke({ sessionId: "s1", reason: "logout" });
    const ending = await until(() => asked[1]);
    granted(leaving);
    expect((await out).status).toBe(200);
    granted(ending);
    await until(() => rig.node.counts.leftovers === 0);
    await until(() => changes("registration").includes("ended"));
    expect(changes("registration")).toEqual(["registered", "ended"]);
    expect(events.at(-1)).toMatchObject({ reason: "revoked", confirmed: true });
    expect(rig.facts.map(({ state, reason }) => `${state} ${reason}`)).toEqual([
      "registered registered",
      "deregistered revoked",
    ]);
  });

  test("a log-out of what is not registered here ends nothing; the WAF learns that the core holds nothing", async () => {
    const other = await rig.connect();
    other.impu = "sip:u0043@acme.ims.test";
    const token = await rig.token({ impu: other.impu, sid: "s2", sub: "p-other" });
    expect((await other.register(token, { expires: 0 })).status).toBe(200);
    expect(changes("registration")).toEqual(["registered"]);
    expect(rig.facts.at(-1)).toMatchObject({ sessionId: "s2", state: "deregistered", confirmed: true });
  });

  test("EPC-DER-05 an operator ends one: its call, its binding and its socket go, and the browser hears who did it", async () => {
    await callOut(rig, browser);
    const [view] = rig.node.registrations();
    expect(view?.sessions).toBe(1);
    expect(await rig.node.endRegistration(view?.id ?? "", "operator")).toBe(true);
    expect(await browser.closed).toEqual({ code: 4403, reason: "operator" });
    expect(rig.core.last("REGISTER").get("Expires")).toBe("0");
    expect(rig.node.counts).toMatchObject({ registrations: 0, sessions: 0 });
    expect(rig.facts.at(-1)).toMatchObject({ state: "deregistered", reason: "operator", confirmed: true });
    expect(await rig.node.endRegistration(view?.id ?? "", "operator")).toBeUndefined();
  });
});

describe("sessions", () => {
  test("a call out: answered is written before the caller hears of it, the end once with its cause", async () => {
    const writing = Promise.withResolvers<void>();
    rig.writing = writing.promise;
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    const far = await incoming;
    far.usage.accept({ headers: [contactOf(rig)], body: sdp(plainSdp()) });
    const first = await until(() => rig.records[0]);
    await until(() => far.acks.length > 0);
    expect(first).toMatchObject({
      type: "answered",
      impi,
      session: { impu, tenant: "acme", direction: "outgoing", remote: "tel:+442079460123", state: "answered" },
    });
    expect(far.usage.invite.get("P-Charging-Vector")).toContain(`icid-value="${first.session.icid}"`);
    // A message that left before it would be here: one that follows on the same socket is.
    await browser.request("OPTIONS", "sip:ims.test", []);
    expect(near.accepted).toBeUndefined();
    writing.resolve();
    await until(() => near.accepted);
    near.usage.bye();
    await until(() => idle(rig) && rig.records.length === 2);
    expect(rig.records[1]).toMatchObject({
      type: "ended",
      session: { id: first.session.id, state: "answered" },
      end: { by: "access", status: 200 },
    });
    expect(changes("session")).toEqual(["began", "answered", "ended"]);
  });

  test("a call in: answered is written before the core hears of it", async () => {
    const { far } = await callIn(rig, browser);
    expect(rig.records).toMatchObject([
      { type: "answered", session: { direction: "incoming", remote: "sip:+442079460123@op2.example;user=phone" } },
    ]);
    far.usage.bye();
    await until(() => idle(rig));
    expect(rig.records[1]).toMatchObject({ type: "ended", end: { by: "core", status: 200 } });
  });

  test("what nobody answers has an end with the status of the refusal, and no answer", async () => {
    const incoming = nextAtCore(rig);
    const near = dial(browser);
    (await incoming).usage.reject(486);
    await until(() => near.rejected);
    browser.answer = (tx) => tx.reply(603);
    const far = ring(rig);
    await until(() => far.rejected);
    expect(rig.records).toMatchObject([
      { type: "ended", session: { direction: "outgoing", state: "setup" }, end: { by: "core", status: 486 } },
      { type: "ended", session: { direction: "incoming", state: "setup" }, end: { by: "access", status: 603 } },
    ]);
  });

  test("a usage record that cannot be written: an alarm, and the call goes on", async () => {
    rig.writing = Promise.reject(new Error("disk full"));
    rig.writing.catch(() => undefined);
    const { near } = await callOut(rig, browser);
    expect(near.accepted?.status).toBe(200);
    expect(rig.alarms).toContain("usage.not-written");
    expect(events).toContainEqual({ type: "alarm", alarm: "usage.not-written", facts: { fact: "answered" } });
  });

  test("EPC-SES-09b an operator releases a call: both sides hear the words, the registration stays", async () => {
    const { near, far } = await callOut(rig, browser);
    const [view] = rig.node.sessions();
    expect(view).toMatchObject({ impu, state: "answered", registration: rig.node.registrations()[0]?.id });
    expect(rig.node.releaseSession(view?.id ?? "", 'ended by the "operator"')).toBe(true);
    const reason = 'SIP;cause=503;text="ended by the \\"operator\\""';
    expect(await until(() => near.ended?.message?.get("Reason"))).toBe(reason);
    expect(await until(() => far.ended?.message?.get("Reason"))).toBe(reason);
    expect(rig.node.counts).toMatchObject({ registrations: 1, sessions: 0 });
    expect(rig.records.at(-1)).toMatchObject({ end: { by: "portal", status: 503, reason: 'ended by the "operator"' } });
    expect(rig.node.releaseSession(view?.id ?? "", "again")).toBe(false);
  });
});

test("an address is told as its class only", () => {
  const classes = [
    "127.0.0.1",
    "::1",
    "10.1.2.3",
    "172.31.0.1",
    "172.32.0.1",
    "::ffff:192.168.1.9",
    "fd00::1",
    "2001:db8::1",
  ];
  expect(classes.map((address) => Object.values(peerClass(address)).join(" "))).toEqual([
    "IPv4 loopback",
    "IPv6 loopback",
    "IPv4 private",
    "IPv4 private",
    "IPv4 public",
    "IPv4 private",
    "IPv6 private",
    "IPv6 public",
  ]);
});
