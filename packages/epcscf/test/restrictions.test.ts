import { afterEach, describe, expect, test } from "vitest";
import { TokenError } from "../src/errors.ts";
import type { DialPlan } from "../src/policy/dialPlan.ts";
import { checkDestination, checkMoment, checkService, readRestrictions } from "../src/policy/restrictions.ts";
import {
  callIn,
  callOut,
  dial,
  fromCore,
  idle,
  nextAtCore,
  registered,
  ring,
  toNode,
  type Leg,
} from "./support/call.ts";
import { openRig, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

const plan: DialPlan = {
  domains: ["ims.test", "acme.ims.test"],
  internationalPrefix: "011",
  national: { trunk: "1", country: "+1", digits: 10 },
  extensions: [{ digits: 4, prefix: "+1212555" }],
};

const restricted = (claim: object): ReturnType<typeof readRestrictions> => readRestrictions(claim);
const allows = (check: () => void): boolean => {
  try {
    check();
    return true;
  } catch {
    return false;
  }
};

describe("the claim restr", () => {
  test.each([
    ["mo: national", { mo: ["national"] }, ["tel:+12025550110"], ["tel:+442079460123", "tel:+12125550100"]],
    ["mo: internal", { mo: ["internal"] }, ["tel:+12125550100", "sip:u1@acme.ims.test"], ["tel:+12025550110"]],
    ["mo: a prefix", { mo: ["+44"] }, ["tel:+442079460123"], ["tel:+4", "tel:+12025550110"]],
    ["not_mo wins", { mo: ["national"], not_mo: ["+1900"] }, ["tel:+12025550110"], ["tel:+19005550110"]],
    ["an empty list allows nothing", { mo: [] }, [], ["tel:+12025550110", "sip:u1@acme.ims.test"]],
  ])("EPC-SES-16c destinations: %s", (_, claim, allowed, refused) => {
    const reading = restricted(claim);
    for (const target of allowed) expect(allows(() => checkDestination(target, plan, reading))).toBe(true);
    for (const target of refused) expect(allows(() => checkDestination(target, plan, reading))).toBe(false);
  });

  const berlin = { timeZone: "Europe/Berlin", days: ["mo", "tu", "we", "th", "fr"], from: "08:00", to: "18:00" };
  const night = { timeZone: "America/New_York", days: ["fr"], from: "22:00", to: "06:00" };
  test.each([
    ["before the hour", berlin, "2026-11-27T06:59:59Z", false],
    ["on the hour", berlin, "2026-11-27T07:00:00Z", true],
    ["the last minute", berlin, "2026-11-27T16:59:59Z", true],
    ["the first minute after", berlin, "2026-11-27T17:00:00Z", false],
    ["summer time", berlin, "2026-07-03T06:00:00Z", true],
    ["a Saturday", berlin, "2026-11-28T10:00:00Z", false],
    ["over midnight, before it", night, "2026-11-28T04:59:00Z", true],
    ["over midnight, after it", night, "2026-11-28T10:59:00Z", true],
    ["over midnight, too late", night, "2026-11-28T11:00:00Z", false],
    ["the morning of a day whose evening is named", night, "2026-11-27T10:00:00Z", false],
  ])("EPC-SES-16e hours: %s", (_, window, at, allowed) => {
    const reading = restricted({ hours: [[window]] });
    expect(allows(() => checkMoment("mo", Date.parse(at), reading))).toBe(allowed);
  });

  test("EPC-SES-16e hours of two parties apply together", () => {
    const reading = restricted({ hours: [[berlin], [{ ...berlin, from: "12:00" }]] });
    expect(allows(() => checkMoment("mo", Date.parse("2026-11-27T10:00:00Z"), reading))).toBe(false);
    expect(allows(() => checkMoment("mo", Date.parse("2026-11-27T12:00:00Z"), reading))).toBe(true);
  });

  test("EPC-SES-16a EPC-SES-16b a service needs scope and restriction, a direction its name", () => {
    expect(allows(() => checkService("voice", ["ims.register", "ims.voice"]))).toBe(true);
    expect(allows(() => checkService("voice", ["ims.register"]))).toBe(false);
    expect(allows(() => checkService("voice", ["ims.voice"], restricted({ services: ["message"] })))).toBe(false);
    expect(allows(() => checkMoment("mt", 0, restricted({ direction: ["mo"] })))).toBe(false);
    expect(allows(() => checkMoment("mo", 0, restricted({ direction: ["mo"] })))).toBe(true);
  });

  test.each([
    5,
    [],
    "x",
    { mo: "national" },
    { mo: [1] },
    { max_sessions: "2" },
    { max_sessions: -1 },
    { hours: [{ ...berlin }] },
    { hours: [[{ ...berlin, timeZone: "Mars/Olympus" }]] },
    { hours: [[{ ...berlin, from: "8" }]] },
    { direction: { mo: true } },
  ])("one that cannot be understood makes the token invalid: %j", (claim) => {
    expect(() => readRestrictions(claim)).toThrow(TokenError);
  });
});

async function refusal(leg: Leg): Promise<[number, string | undefined]> {
  const response = await until(() => leg.rejected);
  return [response.status, response.get("Warning")?.replace(/^399 \S+ /, "")];
}

describe("on the wire", () => {
  let rig: Rig;
  afterEach(() => rig.close());

  async function restrictedBrowser(restr: object, policy = {}): Promise<Browser> {
    rig = await openRig({ policy });
    return await registered(rig, await rig.token({ restr }));
  }

  const sent = (method: string): unknown[] => rig.core.got.filter((request) => request.method === method);

  test("EPC-SES-16c a destination outside the token: 403 that says so, nothing at the core", async () => {
    const browser = await restrictedBrowser({ mo: ["national"] });
    expect(await refusal(dial(browser))).toEqual([403, '"Calls to this destination are not allowed"']);
    expect(sent("INVITE")).toEqual([]);
    await callOut(rig, browser, { target: "tel:+12025550110" });
  });

  test("EPC-SES-16b a token for calling only is not called: 403 to the core, the page does not ring", async () => {
    const browser = await restrictedBrowser({ direction: ["mo"] });
    expect(await refusal(ring(rig))).toEqual([403, '"Calls in this direction are not allowed"']);
    expect(browser.got.some((message) => "method" in message && message.method === "INVITE")).toBe(false);
  });

  test("EPC-SES-16a a service outside the scope: no MESSAGE either way, no call with another's token", async () => {
    rig = await openRig();
    const browser = await registered(rig, await rig.token({ scope: "ims.register ims.voice" }));
    expect((await browser.request("MESSAGE", "sip:u0043@acme.ims.test", [])).status).toBe(403);
    expect((await rig.core.agent.send(fromCore(rig, "MESSAGE"), toNode(rig))).status).toBe(403);
    expect(sent("MESSAGE")).toEqual([]);
  });

  test("EPC-SES-16d one call more than the token allows: 486, and after one has ended the next passes", async () => {
    const browser = await restrictedBrowser({ max_sessions: 1 });
    const { near } = await callOut(rig, browser);
    expect((await refusal(dial(browser)))[0]).toBe(486);
    expect((await refusal(ring(rig)))[0]).toBe(486);
    near.usage.bye();
    await until(() => idle(rig));
    await callIn(rig, browser);
  });

  test("EPC-SES-16d two calls at once are not both the last one allowed", async () => {
    const browser = await restrictedBrowser({ max_sessions: 1 });
    const atCore = nextAtCore(rig);
    const legs = [dial(browser), dial(browser)];
    await atCore;
    await until(() => legs.filter(({ rejected }) => rejected?.status === 486).length === 1);
    expect(rig.node.counts.sessions).toBe(1);
  });

  test("ADM-01 the calls of a tenant's users are limited together: 503", async () => {
    const browser = await restrictedBrowser({}, { maxCalls: 1 });
    await callOut(rig, browser);
    expect((await refusal(dial(browser)))[0]).toBe(503);
  });

  test("SEC-02c whom a REFER or MESSAGE addresses goes through the dial plan like a dialled number", async () => {
    const browser = await restrictedBrowser({ not_mo: ["international"] });
    const refer = (to: string): Promise<{ status: number }> =>
      browser.request("REFER", "sip:u0043@acme.ims.test", [["Refer-To", to]]);
    for (const target of ["<tel:+442079460123>", "<sip:x@elsewhere.example>", "<sip:u1@ims.test?Route=x>", "<<"]) {
      expect((await refer(target)).status).toBeOneOf([400, 403, 404]);
    }
    expect(sent("REFER")).toEqual([]);
    await refer("<tel:2025550110;phone-context=+1>");
    expect(rig.core.last("REFER").get("Refer-To")).toBe("<tel:+12025550110>");
    expect((await browser.request("MESSAGE", "sip:x@elsewhere.example", [])).status).toBe(404);
    await browser.request("MESSAGE", "sip:2025550110@ims.test;user=phone", []);
    expect(rig.core.last("MESSAGE").uri).toBe("tel:+12025550110");
  });
});
