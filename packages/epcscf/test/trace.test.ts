import { VirtualClock } from "@portico/sip/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redacted, Traces } from "../src/trace.ts";
import { callIn, callOut, registered } from "./support/call.ts";
import { impi, impu, openRig, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
beforeEach(async () => (rig = await openRig()));
afterEach(() => rig.close());

/** What was traced: point, way and start line or method of each message, without what is not of `methods`. */
const seen = (methods: RegExp): string[] =>
  (rig.node.traces.read(impu)?.messages ?? [])
    .map(
      ({ point, way, text }) =>
        `${point} ${way} ${/^SIP\/2\.0 (\d+)/.exec(text)?.[1] ?? text.split(" ", 1)[0]} ${/CSeq: \d+ (\w+)/.exec(text)?.[1]}`,
    )
    .filter((line) => methods.test(line));

test("ADM-07c a user's messages on both sides of the node, from her REGISTER on, and nobody else's", async () => {
  rig.node.traces.start(impu, 60);
  const browser = await registered(rig);
  expect(seen(/REGISTER$/)).toEqual([
    "W2 in REGISTER REGISTER",
    "Mw out REGISTER REGISTER",
    "Mw in 200 REGISTER",
    "W2 out 200 REGISTER",
  ]);
  const { near } = await callOut(rig, browser);
  near.usage.bye();
  await until(() => seen(/BYE$/).length === 4);
  expect(seen(/^\S+ \S+ INVITE/)).toEqual(["W2 in INVITE INVITE", "Mw out INVITE INVITE"]);
  expect(seen(/BYE$/).toSorted()).toEqual(["Mw in 200 BYE", "Mw out BYE BYE", "W2 in BYE BYE", "W2 out 200 BYE"]);
  await callIn(rig, browser);
  expect(seen(/^(Mw in|W2 out) INVITE/)).toEqual(["Mw in INVITE INVITE", "W2 out INVITE INVITE"]);
  const before = rig.node.traces.read(impu)?.messages.length;
  // Her own 200 names her identities, not Mary's.
  rig.core.answer = (tx) => tx.reply(200, { headers: [["Contact", tx.request.get("Contact") ?? ""]] });
  const other = await rig.connect();
  other.impu = "sip:u0043@acme.ims.test";
  const contact = '<sip:u0043@k4.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:4>"';
  const token = await rig.token({ impu: other.impu, sub: "p-other", sid: "s2" });
  expect((await other.register(token, { contact })).status).toBe(200);
  const others = (rig.node.traces.read(impu)?.messages ?? [])
    .slice(before)
    .filter(({ text }) => text.includes("u0043"));
  expect(others).toEqual([]);
});

test("ADM-07c no token, credential, IMPI or body stands in it", async () => {
  rig.node.traces.start(impu, 60);
  const token = await rig.token();
  const browser = await registered(rig, token);
  await callOut(rig, browser);
  await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [["Authorization", `bearer access_token="${token}"`]]);
  const text = JSON.stringify(rig.node.traces.read(impu));
  expect(text).toContain("Authorization: Bearer [masked]");
  expect(text).toMatch(/\[body, \d+ octets\]/);
  for (const secret of [token, token.split(".")[2] ?? "", impi, "auth-done", "ice-pwd", "v=0"])
    expect(text).not.toContain(secret);
});

test("ADM-07c it is off before it is asked for, and by itself after its time; what it has can be read for an hour", async () => {
  const clock = new VirtualClock();
  const timed = await openRig({ clock });
  try {
    const browser = await registered(timed);
    expect([timed.node.traces.active, timed.node.traces.read(impu)]).toEqual([false, undefined]);
    timed.node.traces.start(impu, 30);
    await browser.register(await timed.token());
    await clock.settle(30_000);
    expect(timed.node.traces.active).toBe(false);
    const { messages = [] } = timed.node.traces.read(impu) ?? {};
    expect(messages.length).toBeGreaterThanOrEqual(4);
    await browser.register(await timed.token());
    expect(timed.node.traces.read(impu)?.messages).toHaveLength(messages.length);
    await clock.settle(3_600_000);
    expect(timed.node.traces.read(impu)).toBeUndefined();
  } finally {
    await timed.close();
  }
});

const traces = (): Traces => new Traces({ clock: new VirtualClock(), wallClock: () => 0, namesOf: () => [] });

describe("bounds", () => {
  test("ADM-07c eight users at once, and of each two thousand messages", () => {
    const all = traces();
    for (let n = 0; n < 8; n += 1) all.start(`sip:u${n}@ims.test`, 60);
    expect(() => all.start("sip:u9@ims.test", 60)).toThrow(expect.objectContaining({ code: "epcscf/traces" }));
    // Again for one of them is not one more.
    all.start("sip:u0@ims.test", 1e9);
    expect(all.read("sip:u0@ims.test")?.until).toBe(3_600_000);
    for (let n = 0; n < 2005; n += 1) all.access("in", "OPTIONS sip:x SIP/2.0\r\n\r\n", "sip:u0@ims.test");
    expect(all.read("sip:u0@ims.test")).toMatchObject({ dropped: 5 });
    expect(all.stop("sip:u0@ims.test")).toBe(true);
    expect(all.stop("sip:u0@ims.test")).toBe(false);
  });

  test("ADM-07c who has a longer name is somebody else; a later message of a call is known by its Call-ID", () => {
    const all = traces();
    all.start("sip:u1@ims.test", 60);
    all.core("in", "INVITE sip:u1@ims.test.evil SIP/2.0\r\nCall-ID: a\r\n\r\n");
    expect(all.read("sip:u1@ims.test")?.messages).toEqual([]);
    all.core("in", "INVITE sip:x SIP/2.0\r\nTo: <SIP:u1@IMS.test>\r\nCall-ID: b\r\n\r\n");
    all.core("out", "BYE sip:x SIP/2.0\r\nCall-ID: b\r\n\r\n");
    expect(all.read("sip:u1@ims.test")?.messages.map(({ text }) => text.slice(0, 3))).toEqual(["INV", "BYE"]);
  });

  test("ADM-07c credentials that go on in the next line are masked as a whole, in any case", () => {
    const text = redacted(
      'REGISTER sip:x SIP/2.0\r\nauthorization: Digest username="u",\r\n response="secret",\r\n\tnonce="secret"\r\nVia: v\r\nProxy-Authorization: Bearer secret\r\n\r\nsecret',
    );
    expect(text).not.toContain("secret");
    expect(text).toContain("\r\nVia: v\r\n");
    expect(text.endsWith("[body, 6 octets]")).toBe(true);
  });
});
