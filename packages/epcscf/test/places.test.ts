import type { SipResponse } from "@portico/sip";
import { VirtualClock } from "@portico/sip/testing";
import { afterEach, describe, expect, test } from "vitest";
import type { EpcscfEvent } from "../src/events.ts";
import type { SharedLimits, TenantPolicy } from "../src/ports.ts";
import { callIn, callOut, dial, registered } from "./support/call.ts";
import { grant, openRig, site, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

let rig: Rig;
afterEach(() => rig.close());

/** A contract that changes under way. */
interface Contract extends Partial<TenantPolicy> {
  maxRegistrations?: number;
  maxCalls?: number;
}

async function open(maxRegistrations: number, options: Parameters<typeof openRig>[0] = {}): Promise<Contract> {
  const policy: Contract = { maxRegistrations };
  rig = await openRig({ ...options, policy });
  return policy;
}

/** Devices of the tenant's users: each has an instance, and so a registration, of its own. */
function register(
  browser: Browser,
  token: string,
  device: number,
  more: { expires?: number } = {},
): Promise<SipResponse> {
  const { expires = 600 } = more;
  const contact = `<sip:u0042@k3v9q0d1xm.invalid;transport=ws>;reg-id=1;expires=${expires};+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b0${device}>"`;
  return browser.register(token, { contact });
}

const registers = (): number => rig.core.got.filter(({ method }) => method === "REGISTER").length;

describe("registrations of a tenant", () => {
  test("ADM-01 GEN-09b one more than its contract allows: 480 with Retry-After, the core hears nothing", async () => {
    await open(1);
    expect((await register(await rig.connect(), await rig.token(), 1)).status).toBe(200);
    const refused = await register(await rig.connect(), await rig.token(), 2);
    expect([refused.status, refused.reason]).toEqual([480, "The company has as many telephones in use as it may"]);
    expect(Number(refused.get("Retry-After"))).toBeGreaterThanOrEqual(30);
    expect(Number(refused.get("Retry-After"))).toBeLessThanOrEqual(60);
    expect(registers()).toBe(1);
    expect(rig.store.bindings.size).toBe(1);
  });

  test.each([-1, -600])(
    "ADM-01 EPC-REG-16a Expires %i is no number of seconds: it takes a place as any other",
    async (expires) => {
      await open(1);
      expect((await register(await rig.connect(), await rig.token(), 1, { expires })).status).toBe(200);
      expect(Number(rig.core.last("REGISTER").get("Expires"))).toBeGreaterThan(3500);
      expect((await register(await rig.connect(), await rig.token(), 2, { expires })).status).toBe(480);
      expect(registers()).toBe(1);
    },
  );

  test("ADM-01 who has a registration keeps it: refreshes, a new socket and log-out, even under a lower limit", async () => {
    const policy = await open(2);
    const [first, second, third] = [await rig.connect(), await rig.connect(), await rig.connect()];
    const [one, two] = [await rig.token(), await rig.token()];
    expect((await register(first, one, 1)).status).toBe(200);
    expect((await register(second, two, 2)).status).toBe(200);
    policy.maxRegistrations = 1;
    expect((await register(first, one, 1)).status).toBe(200);
    // The socket is lost, the registration is not.
    second.socket.terminate();
    await until(() => rig.node.registrations().some(({ flow }) => flow === "lost"));
    expect((await register(await rig.connect(), two, 2)).status).toBe(200);
    expect((await register(third, await rig.token(), 3)).status).toBe(480);
    expect((await register(first, one, 1, { expires: 0 })).status).toBe(200);
    expect((await register(third, await rig.token(), 3)).status, "one is left, as many as it may have").toBe(480);
    expect(rig.node.counts.registrations).toBe(1);
  });

  test("ADM-01 a place is free again once its registration has ended: by log-out, or with its lost socket", async () => {
    const clock = new VirtualClock();
    await open(1, { clock, graceSeconds: 10 });
    const [first, second] = [await rig.connect(), await rig.connect()];
    const token = await rig.token();
    expect((await register(first, token, 1)).status).toBe(200);
    expect((await register(first, token, 1, { expires: 0 })).status).toBe(200);
    expect((await register(second, await rig.token(), 2)).status).toBe(200);
    second.socket.terminate();
    await until(() => rig.node.registrations().some(({ flow }) => flow === "lost"));
    const third = await rig.connect();
    expect((await register(third, await rig.token(), 3)).status, "she may come back").toBe(480);
    await clock.settle(12_000);
    await until(() => rig.node.counts.registrations === 0);
    expect((await register(third, await rig.token(), 3)).status).toBe(200);
  });

  test("ADM-01 two at once do not both get the last place; what the core refuses takes none", async () => {
    await open(1);
    const granted = grant(rig.core);
    const held: (() => void)[] = [];
    rig.core.answer = (tx) => void held.push(() => granted(tx));
    const [first, second] = [await rig.connect(), await rig.connect()];
    const slow = register(first, await rig.token(), 1);
    await until(() => held.length === 1);
    expect((await register(second, await rig.token(), 2)).status).toBe(480);
    rig.core.answer = (tx) => (tx.request.method === "REGISTER" ? tx.reply(403) : granted(tx));
    for (const answer of held) answer();
    expect((await slow).status).toBe(200);

    await rig.close();
    await open(1);
    const answer = rig.core.answer;
    rig.core.answer = (tx) => tx.reply(403);
    expect((await register(await rig.connect(), await rig.token(), 1)).status).toBe(403);
    rig.core.answer = answer;
    expect((await register(await rig.connect(), await rig.token(), 2)).status).toBe(200);
  });

  test("ADM-01 the operator is told, once a minute at the most", async () => {
    const clock = new VirtualClock();
    await open(1, { clock });
    const told: EpcscfEvent[] = [];
    rig.node.on((event) => event.type === "alarm" && told.push(event));
    expect((await register(await rig.connect(), await rig.token(), 1)).status).toBe(200);
    const late = await rig.connect();
    for (let at = 0; at < 3; at += 1) expect((await register(late, await rig.token(), 2)).status).toBe(480);
    const facts = { tenant: "acme", limit: 1 };
    expect(told).toEqual([{ type: "alarm", alarm: "tenant.registrations-full", facts }]);
    await clock.settle(60_000);
    expect((await register(await rig.connect(), await rig.token(), 2)).status).toBe(480);
    expect(told).toHaveLength(2);
  });

  test("ADM-01 who has credentials of her own is counted as well, and takes no place before the core believes her", async () => {
    await open(1, { ownCredentials: (origin) => (origin === site ? "acme" : undefined) });
    const granted = grant(rig.core);
    const held: (() => void)[] = [];
    rig.core.answer = (tx) => void held.push(() => granted(tx));
    const [own, other] = [await rig.connect(), await rig.connect()];
    own.impu = "sip:self@ims.test";
    const digest: [string, string] = ["Authorization", 'Digest username="self@ims.test", response=""'];
    const unproven = own.register(undefined, { headers: [digest] });
    await until(() => held.length === 1);
    rig.core.answer = granted;
    expect((await register(other, await rig.token(), 1)).status).toBe(200);
    const late = await rig.connect();
    late.impu = "sip:late@ims.test";
    expect((await late.register(undefined, { headers: [digest] })).status).toBe(480);
    for (const answer of held) answer();
    expect((await unproven).status).toBe(200);
    await callIn(rig, other);
  });
});

/** Other nodes that have so many of everything; what they were asked. */
function others(has: { elsewhere: number }): { limits: SharedLimits; asked: unknown[] } {
  const asked: unknown[] = [];
  const limits: SharedLimits = {
    async admit(what, tenant, own, limit) {
      asked.push([what, tenant, own, limit]);
      return own + has.elsewhere <= limit;
    },
  };
  return { limits, asked };
}

describe("with other nodes", () => {
  test("ADM-01 ADM-09c a new registration must have a place among those of all nodes; a refresh asks nobody", async () => {
    const has = { elsewhere: 1 };
    const { limits: sharedLimits, asked } = others(has);
    await open(2, { sharedLimits });
    const [first, second] = [await rig.connect(), await rig.connect()];
    const token = await rig.token();
    expect((await register(first, token, 1)).status).toBe(200);
    expect((await register(first, token, 1)).status).toBe(200);
    expect(asked).toEqual([["registrations", "acme", 1, 2]]);
    expect((await register(second, await rig.token(), 2)).status).toBe(480);
    expect(registers()).toBe(2);
    // What was refused takes no place.
    expect(rig.node.held("registrations", "acme")).toBe(1);
    has.elsewhere = 0;
    expect((await register(second, await rig.token(), 2)).status).toBe(200);
    expect(rig.node.held("registrations", "acme")).toBe(2);
    expect((await register(first, token, 1, { expires: 0 })).status).toBe(200);
    expect(rig.node.held("registrations", "acme")).toBe(1);
  });

  test("ADM-01 ADM-09c calls are counted with those of all nodes; a tenant without a limit asks nobody", async () => {
    const has = { elsewhere: 2 };
    const { limits: sharedLimits, asked } = others(has);
    const policy: Contract = { maxCalls: 2 };
    rig = await openRig({ sharedLimits, policy });
    const browser = await registered(rig);
    const refused = dial(browser);
    expect((await until(() => refused.rejected)).status).toBe(503);
    expect([asked, rig.node.held("calls", "acme")]).toEqual([[["calls", "acme", 1, 2]], 0]);
    has.elsewhere = 1;
    await callOut(rig, browser);
    expect(rig.node.held("calls", "acme")).toBe(1);
    expect(asked).toHaveLength(2);
    delete policy.maxCalls;
    await callOut(rig, browser);
    expect(asked).toHaveLength(2);
  });
});
