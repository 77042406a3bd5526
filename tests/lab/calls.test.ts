import { countTone } from "@portico/lab";
import { octets, parseMessage, SipRequest } from "@portico/sip";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { callPhase, dial, signIn, tapW2, type W2Wire } from "../support/acmePage.ts";
import { hasChromium, openPerson, type Person } from "../support/browser.ts";
import { hearsNothing, hearsOnly, listen, untilPattern } from "../support/ears.ts";
import { openWorld, type World } from "../support/world.ts";

const marysTone = { frequency: 440, on: 400, off: 300 };
const kensTone = { frequency: 620, on: 300, off: 400 };
const announcement = "+12025550120";

const registersOf = (w2: W2Wire): number => w2.sent.filter((message) => message.startsWith("REGISTER")).length;

describe.skipIf(!hasChromium)(`calls of a real browser${hasChromium ? "" : " (skipped: no Chromium)"}`, () => {
  let world: World;
  let mary: Person;
  let ken: Person;
  let w2: W2Wire;

  beforeAll(async () => {
    world = await openWorld();
    mary = await openPerson(marysTone, { loopback: true });
    ken = await openPerson(kensTone, { loopback: true });
    w2 = tapW2(mary.page);
    await signIn(mary.page, world.url, "mary");
  });

  afterAll(async () => {
    await mary?.close();
    await ken?.close();
    await world?.close();
  });

  /** What the far end hears from now on. */
  const heardFromNow = async (ms: number): Promise<ReturnType<NonNullable<ReturnType<typeof lastCall>>["heard"]>> => {
    const call = lastCall();
    const before = call?.heard().length ?? 0;
    await expect.poll(() => (call?.heard().length ?? 0) - before).toBeGreaterThan(ms / 100);
    return call?.heard().slice(before) ?? [];
  };
  const lastCall = () => world.lab.telephones.calls.at(-1);
  const atRest = async (): Promise<void> => {
    await expect.poll(() => world.portal.media.size).toBe(0);
    await expect.poll(() => world.portal.epcscf.counts.sessions).toBe(0);
    expect(world.lab.violations).toEqual([]);
  };

  test("GEN-02 GEN-05 she signs in with her company's password alone and is registered under a number of the block", async () => {
    expect(await mary.page.getByTestId("ims-state").textContent()).toContain("+1 212 555 01");
    expect(world.lab.registrations).toHaveLength(1);
    expect(world.log).not.toContain("alarm:core.challenged-trusted-node");
  });

  test("WIC-06 EPC-REG-07 the token goes over W2 in REGISTER and never beyond the eP-CSCF", () => {
    const register = parseMessage(w2.sent.find((message) => message.startsWith("REGISTER")) ?? "");
    const token = (register.get("Authorization") ?? "").replace(/^Bearer /, "");
    expect(token.split(".")).toHaveLength(3);
    const [arrived] = world.lab.wire.find("REGISTER", "I-CSCF", "in");
    expect(arrived?.octets).toContain('integrity-protected="auth-done"');
    for (const entry of world.lab.wire.entries) expect(entry.octets).not.toContain(token);
  });

  test("GEN-06b GEN-13a AGW-01a a call out: tones both ways, silence after the end, media released", async () => {
    await dial(mary.page, announcement);
    await callPhase(mary.page, "active");
    expect(await mary.page.getByTestId("path").textContent()).toBe("Telephone network");
    expect(hearsOnly(await untilPattern(mary.page, 1000), 1000)).toBe(true);
    const far = await heardFromNow(2000);
    expect(countTone(far, marysTone.frequency)).toBeGreaterThan(far.length * 0.3);
    expect(countTone(far, marysTone.frequency)).toBeLessThan(far.length * 0.85);
    await mary.page.getByTestId("hang-up").click();
    await mary.page.getByTestId("call-ended").waitFor();
    expect(hearsNothing(await listen(mary.page, 800))).toBe(true);
    expect((await lastCall()?.ended)?.by).toBe("peer");
    const silent = lastCall()?.heard().length;
    await atRest();
    expect(lastCall()?.heard().length).toBe(silent);
  });

  test("SDP-02 SDP-03 SDP-04 the SDP at the core is plain RTP, that at the browser WebRTC with ICE-lite", () => {
    const [invite] = world.lab.wire.find("INVITE", "S-CSCF", "in");
    expect(invite?.octets).toMatch(/^m=audio \d+ RTP\/AVP 8 0 \d+\r$/m);
    expect(invite?.octets).not.toMatch(
      /fingerprint|a=ice|a=candidate|BUNDLE|a=mid|extmap|a=ssrc|msid|rtcp-mux|a=setup/,
    );
    const answer = w2.received.find((message) => message.startsWith("SIP/2.0") && message.includes("m=audio"));
    expect(answer).toMatch(/^a=ice-lite\r$/m);
    expect(answer).toMatch(/^a=setup:passive\r$/m);
    expect(answer).toMatch(/^a=group:BUNDLE 0\r$/m);
    expect(answer).toMatch(/^m=audio \d+ UDP\/TLS\/RTP\/SAVPF 8 /m);
  });

  test("GEN-11 GEN-12 all that crosses W2 is SIP, and media are agreed on by SDP offer and answer alone", () => {
    const messages = [...w2.sent, ...w2.received]
      .filter((text) => text.trim() !== "")
      .map((text) => parseMessage(text));
    const bodies = messages.filter(({ body }) => body !== "");
    const types = new Set(bodies.map((message) => message.get("Content-Type")));
    expect(types).toEqual(new Set(["application/reginfo+xml", "application/sdp"]));
    const [offer, answer] = bodies.filter((message) => message.get("Content-Type") === "application/sdp");
    expect(offer).toMatchObject({ method: "INVITE" });
    expect(answer?.cseq).toEqual(offer?.cseq);
  });

  test("WIC-18 the browser offers DTLS-SRTP, never SDES, and would take an answer without BUNDLE", () => {
    const offer = w2.sent.find((message) => message.startsWith("INVITE"));
    expect(offer).toMatch(/^m=audio \d+ UDP\/TLS\/RTP\/SAVPF /m);
    expect(offer).toMatch(/^a=fingerprint:sha-256 /m);
    expect(offer).not.toContain("a=crypto");
    expect(offer).not.toContain("a=bundle-only");
  });

  test("EPC-SES-04b EPC-SES-05b EPC-SES-06b the INVITE at the S-CSCF: asserted identity, our dialog, no record of us, no token", () => {
    const [entry] = world.lab.wire.find("INVITE", "S-CSCF", "in");
    const sent = w2.sent.find((message) => message.startsWith("INVITE"));
    const invite = parseMessage(entry?.octets ?? "");
    const original = parseMessage(sent ?? "");
    expect(invite.all("P-Asserted-Identity")).toEqual([original.get("P-Preferred-Identity")]);
    expect(world.lab.registrations[0]?.identities[0]).toContain("@acme.ims.test");
    expect(invite.get("P-Charging-Vector")).toContain('orig-ioi="Type 1ims.test"');
    expect(invite.list("Route")[0]).toContain(`:${world.lab.scscf.port}`);
    expect(invite.has("Record-Route")).toBe(false);
    expect(invite.has("Authorization")).toBe(false);
    expect(invite.callId).not.toBe(original.callId);
    expect(invite.list("Via")).toHaveLength(1);
  });

  test("ADM-08b a configuration that is reloaded in the middle of a call is in force, and the call goes on, heard on both sides", async () => {
    await dial(mary.page, announcement);
    await callPhase(mary.page, "active");
    const [registers, bindings] = [registersOf(w2), world.lab.registrations];
    const { config, portal } = world;
    const changed = {
      ...config,
      log: { level: "warn" as const },
      listen: { ...config.listen, trustedProxies: ["192.0.2.0/24"] },
      tenants: config.tenants.map((acme) => ({ ...acme, name: "Acme & Sons", limits: { calls: 7 } })),
    };
    expect(await portal.reload(changed)).toEqual({
      applied: ["log.level", "tenants", "listen.trustedProxies"],
      restart: [],
    });
    expect((await portal.waf.tenants.get("acme")).document).toMatchObject({
      name: "Acme & Sons",
      limits: { calls: 7 },
    });
    expect(hearsOnly(await untilPattern(mary.page, 1000), 1000)).toBe(true);
    expect(countTone(await heardFromNow(2000), marysTone.frequency)).toBeGreaterThan(0);
    expect(registersOf(w2)).toBe(registers);
    expect(world.lab.registrations).toEqual(bindings);
    await mary.page.getByTestId("hang-up").click();
    expect((await lastCall()?.ended)?.by).toBe("peer");
    await portal.reload(config);
    await atRest();
  });

  test("WIC-25a AGW-15a keys pressed in a call arrive as RFC 4733 events", async () => {
    await dial(mary.page, announcement);
    await callPhase(mary.page, "active");
    await untilPattern(mary.page, 1000);
    await mary.page.getByTestId("keypad").click();
    for (const key of ["1", "9", "5"]) await mary.page.getByTestId("call-card").getByTestId(`key-${key}`).click();
    await expect.poll(() => lastCall()?.digits).toBe("195");
    await mary.page.getByTestId("hang-up").click();
    await atRest();
  });

  test("GEN-08b EPC-SES-07a a call in: she is rung, answers, both hear the other; the far end hangs up", async () => {
    const number = (await mary.page.getByTestId("ims-state").textContent())?.replace(/[^+\d]/g, "") ?? "";
    const call = await world.lab.dial({
      from: announcement,
      to: number,
      tone: { frequency: 1300, onMs: 300, offMs: 300 },
    });
    await mary.page.getByTestId("answer").click();
    expect(await call.connected).toBe(true);
    await callPhase(mary.page, "active");
    await untilPattern(mary.page, 1300);
    await expect.poll(() => countTone(call.heard(), marysTone.frequency)).toBeGreaterThan(8);
    const far = call.heard();
    expect(countTone(far, marysTone.frequency)).toBeLessThan(far.length);
    call.hangUp();
    await mary.page.getByTestId("call-ended").waitFor();
    expect(hearsNothing(await listen(mary.page, 800))).toBe(true);
    await atRest();
  });

  test("the telephone that calls back rings her page after the first call has ended", async () => {
    await dial(mary.page, "+12025550130");
    await callPhase(mary.page, "active");
    await mary.page.getByTestId("call-ended").waitFor();
    await mary.page.getByTestId("answer").click();
    await callPhase(mary.page, "active");
    expect(hearsOnly(await untilPattern(mary.page, 1400), 1400)).toBe(true);
    await mary.page.getByTestId("hang-up").click();
    await atRest();
  });

  test("EPC-SES-10a a busy telephone, and one she gives up on: both ends clean, media released", async () => {
    await dial(mary.page, "+12025550150");
    await expect.poll(() => mary.page.getByTestId("call-ended").textContent()).toContain("is on another call");
    await atRest();
    await dial(mary.page, "+12025550140");
    await callPhase(mary.page, "ringing");
    await mary.page.getByTestId("hang-up").click();
    await expect.poll(() => world.lab.wire.find("CANCEL", "telephones", "in").length).toBe(1);
    await expect.poll(() => world.lab.wire.find("SIP/2.0 487", "telephones", "out").length).toBe(1);
    await atRest();
  });

  test("WIC-23c WIC-23d she declines, and a caller gives up: no trace is left", async () => {
    const number = (await mary.page.getByTestId("ims-state").textContent())?.replace(/[^+\d]/g, "") ?? "";
    const declined = await world.lab.dial({ from: announcement, to: number });
    await mary.page.getByTestId("decline").click();
    expect(await declined.connected).toBe(false);
    expect((await declined.ended).status).toBeOneOf([486, 603]);
    const cancelled = await world.lab.dial({ from: announcement, to: number });
    await mary.page.getByTestId("incoming").waitFor();
    cancelled.hangUp();
    await mary.page.getByTestId("incoming").waitFor({ state: "detached" });
    await expect.poll(() => w2.sent.some((message) => message.startsWith("SIP/2.0 487"))).toBe(true);
    await atRest();
  });

  test("EPC-WS-04a a caller's name in ISO-8859-1 rings her page under its letters, and the socket stays", async () => {
    const number = (await mary.page.getByTestId("ims-state").textContent())?.replace(/[^+\d]/g, "") ?? "";
    const before = registersOf(w2);
    const rung = world.lab.wire.find("SIP/2.0 180", "telephones", "in").length;
    const call = await world.lab.dial({
      from: announcement,
      to: number,
      display: "Zo\u00e9 M\u00fcller",
      latin1: true,
    });
    const incoming = mary.page.getByTestId("incoming");
    await incoming.waitFor();
    expect(await incoming.textContent()).toContain("Zo\u00e9 M\u00fcller");
    // One octet a letter: this is no UTF-8.
    const sent = world.lab.wire.find("INVITE", "telephones", "out").at(-1)?.octets ?? "";
    expect([sent.includes('"Zo\u00e9 M\u00fcller"'), octets.isUtf8(sent)]).toEqual([true, false]);
    await expect.poll(() => world.lab.wire.find("SIP/2.0 180", "telephones", "in").length).toBeGreaterThan(rung);
    await mary.page.getByTestId("answer").click();
    expect(await call.connected).toBe(true);
    await callPhase(mary.page, "active");
    call.hangUp();
    await mary.page.getByTestId("call-ended").waitFor();
    await mary.page.locator("[data-testid=ims-state][data-state=registered]").waitFor();
    expect(registersOf(w2), "no new flow").toBe(before);
    await atRest();
  });

  test("GEN-06a WWSF-12b a colleague who is online is called directly: tones both ways, nothing on the IMS", async () => {
    await signIn(ken.page, world.url, "ken");
    const invites = world.lab.wire.find("INVITE").length;
    await mary.page.getByTestId("call-ken").click();
    await ken.page.getByTestId("answer").click();
    await callPhase(mary.page, "active");
    expect(await mary.page.getByTestId("path").textContent()).toBe("Direct");
    await Promise.all([untilPattern(mary.page, kensTone.frequency), untilPattern(ken.page, marysTone.frequency)]);
    await ken.page.getByTestId("hang-up").click();
    await mary.page.getByTestId("call-ended").waitFor();
    expect(hearsNothing(await listen(mary.page, 800))).toBe(true);
    expect(world.lab.wire.find("INVITE")).toHaveLength(invites);
    expect(world.portal.media.size).toBe(0);
  });

  test("GEN-08a WIC-14a after all these calls, without a reload, she signs out: de-registered, nothing left", async () => {
    await mary.page.getByTestId("sign-out").click();
    await mary.page.getByTestId("sign-in").waitFor();
    await expect.poll(() => world.portal.epcscf.counts.registrations).toBe(1);
    const last = world.lab.wire.find("REGISTER", "I-CSCF", "in").at(-1);
    expect(parseMessage(last?.octets ?? "")).toBeInstanceOf(SipRequest);
    expect(last?.octets).toMatch(/expires[=:] ?0/i);
    expect(world.lab.violations).toEqual([]);
  });
});
