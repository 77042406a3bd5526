import type { Resolver, ServerTransaction, SrvRecord } from "@portico/sip";
import { VirtualClock } from "@portico/sip/testing";
import { openSipEndpoint, systemClock, systemRandom } from "@portico/transport";
import { afterEach, beforeAll, expect, test } from "vitest";
import { Authority } from "../../transport/test/authority.ts";
import { Core } from "../src/core.ts";
import { dial, nextAtCore, registered } from "./support/call.ts";
import { grant, impu, openRig, ScriptedCore, type Browser, type Rig } from "./support/rig.ts";
import { until } from "./support/until.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function rigOf(options: Parameters<typeof openRig>[0]): Promise<Rig> {
  const rig = await openRig(options);
  cleanups.push(() => rig.close());
  return rig;
}

/** A further I-CSCF beside the rig's own. */
async function further(options: Parameters<typeof ScriptedCore.open>[0] = {}): Promise<ScriptedCore> {
  const core = await ScriptedCore.open(options);
  core.answer = grant(core);
  cleanups.push(() => core.close());
  return core;
}

/** DNS with one SRV set for a domain, over TCP unless it says otherwise; every target is at 127.0.0.1. */
function zone(name: string, records: () => readonly SrvRecord[], services: readonly string[] = ["SIP+D2T"]): Resolver {
  const prefix: Record<string, string> = {
    "SIP+D2T": "_sip._tcp.",
    "SIP+D2U": "_sip._udp.",
    "SIPS+D2T": "_sips._tcp.",
  };
  return {
    naptr: async (asked) =>
      asked === name
        ? services.map((service, at) => {
            return { order: at, preference: 0, flags: "s", service, replacement: `${prefix[service]}${name}.` };
          })
        : [],
    srv: async (asked) => (services.some((service) => asked === `${prefix[service]}${name}`) ? records() : []),
    addresses: async (asked) => (asked.endsWith(".invalid") ? [] : ["2001:db8::1", "127.0.0.1"]),
  };
}

const at = (port: number, priority = 1, weight = 1): SrvRecord => {
  return { priority, weight, port, target: "icscf.ims.test." };
};

async function closedPort(): Promise<number> {
  const endpoint = await openSipEndpoint({ address: "127.0.0.1", port: 0, onMessage: () => undefined });
  await endpoint.close();
  return endpoint.port;
}

const registers = (core: ScriptedCore): number => core.got.filter(({ method }) => method === "REGISTER").length;

test("EPC-REG-18a the entry point is a domain: NAPTR chooses the transport, SRV the port", async () => {
  const records: SrvRecord[] = [];
  const rig = await rigOf({ protocol: "UDP", entryPoint: "ims.test", resolver: zone("ims.test", () => records) });
  records.push(at(rig.core.endpoint.port));
  await registered(rig);
  expect(rig.core.last("REGISTER").topVia.protocol).toBe("TCP");
  expect(rig.core.last("REGISTER").get("Path")).toMatch(/^<sip:[^@]+@127\.0\.0\.1:\d+;lr;ob>$/);
});

test("EPC-REG-18b a domain that leads nowhere gives 504 and an alarm", async () => {
  const rig = await rigOf({ entryPoint: "ims.invalid", resolver: zone("ims.test", () => []) });
  const browser = await rig.connect();
  expect((await browser.register(await rig.token())).status).toBe(504);
  expect(rig.alarms).toContain("core.unreachable");
});

test("EPC-REG-18e an I-CSCF that refuses connections is passed over, and comes last from then on", async () => {
  const records: SrvRecord[] = [];
  const rig = await rigOf({ entryPoint: "ims.test", resolver: zone("ims.test", () => records) });
  const [dead, second] = [await closedPort(), await further()];
  records.push(at(dead, 1), at(second.endpoint.port, 2), at(rig.core.endpoint.port, 3));
  const browser = await registered(rig);
  expect([registers(second), registers(rig.core)]).toEqual([1, 0]);
  expect(rig.warnings).toContain("mw.unreached");
  const warned = rig.warnings.length;
  expect((await browser.register(await rig.token())).status).toBe(200);
  expect(registers(second)).toBe(2);
  expect(rig.warnings.slice(warned)).not.toContain("mw.unreached");
});

test("EPC-REG-18e several entry points in the configuration stand in for each other, and a lost one is tried again", async () => {
  const clock = new VirtualClock();
  const second = await further();
  const rig = await rigOf({
    clock,
    entryPoint: (core) => [`${core.uri};transport=tcp`, `${second.uri};transport=tcp`],
  });
  const browser = await registered(rig);
  expect([registers(rig.core), registers(second)]).toEqual([1, 0]);
  let busy = true;
  const granted = rig.core.answer;
  rig.core.answer = (tx) =>
    busy && tx.request.method === "REGISTER" ? tx.reply(503, { headers: [["Retry-After", "5"]] }) : granted(tx);
  expect((await browser.register(await rig.token())).status).toBe(200);
  expect((await browser.register(await rig.token())).status).toBe(200);
  // Asked once only: it has said for how long.
  expect([registers(rig.core), registers(second)]).toEqual([2, 2]);
  busy = false;
  await clock.settle(5000);
  expect((await browser.register(await rig.token())).status).toBe(200);
  expect([registers(rig.core), registers(second)]).toEqual([3, 2]);
});

test("EPC-REG-18e all are busy: the last 503 goes down with its Retry-After", async () => {
  const second = await further();
  const rig = await rigOf({ entryPoint: (core) => [`${core.uri};transport=tcp`, `${second.uri};transport=tcp`] });
  for (const [core, seconds] of [
    [rig.core, "7"],
    [second, "9"],
  ] as const) {
    core.answer = (tx) => tx.reply(503, { headers: [["Retry-After", seconds]] });
  }
  const browser = await rig.connect();
  const response = await browser.register(await rig.token());
  expect([response.status, response.get("Retry-After")]).toEqual([503, "9"]);
});

/** A core that says nothing to a REGISTER until the test does. */
function mute(core: ScriptedCore): ServerTransaction[] {
  const held: ServerTransaction[] = [];
  core.answer = (tx) => void held.push(tx);
  return held;
}

async function silentFirst(): Promise<{
  rig: Rig;
  clock: VirtualClock;
  browser: Browser;
  held: ServerTransaction[];
  second: ScriptedCore;
}> {
  const clock = new VirtualClock();
  const second = await further();
  const rig = await rigOf({
    clock,
    protocol: "UDP",
    entryPoint: (core) => [`${core.uri};transport=udp`, `${second.uri};transport=udp`],
  });
  const held = mute(rig.core);
  return { rig, clock, browser: await rig.connect(), held, second };
}

test("EPC-REG-18f a silent I-CSCF costs one REGISTER six seconds, the next one none", async () => {
  const { rig, clock, browser, held, second } = await silentFirst();
  const answer = browser.register(await rig.token());
  await until(() => held.length > 0);
  await clock.settle(5900);
  expect(registers(second)).toBe(0);
  await clock.settle(100);
  await until(() => registers(second) === 1);
  expect((await answer).status).toBe(200);
  const before = registers(rig.core);
  expect((await browser.register(await rig.token())).status).toBe(200);
  expect([registers(rig.core), registers(second)]).toEqual([before, 2]);
});

test("EPC-REG-18f a slow I-CSCF may still answer first", async () => {
  const { rig, clock, browser, held, second } = await silentFirst();
  second.answer = () => undefined;
  const answer = browser.register(await rig.token());
  await until(() => held.length > 0);
  await clock.settle(6000);
  await until(() => registers(second) === 1);
  const [tx] = held;
  rig.core.answer = grant(rig.core);
  if (tx !== undefined) rig.core.answer(tx);
  expect((await answer).status).toBe(200);
});

test("EPC-REG-18f once another has answered, a silent I-CSCF is sent nothing more, and no third one is asked", async () => {
  const clock = new VirtualClock();
  const [second, third] = [await further(), await further()];
  const rig = await rigOf({
    clock,
    protocol: "UDP",
    entryPoint: (core) => [core, second, third].map(({ uri }) => `${uri};transport=udp`),
  });
  const [held, late] = [mute(rig.core), mute(second)];
  const browser = await rig.connect();
  const answer = browser.register(await rig.token());
  await until(() => held.length > 0);
  await clock.settle(6000);
  await until(() => late.length > 0);
  await clock.settle(1000);
  const [tx] = late;
  second.answer = grant(second);
  if (tx !== undefined) second.answer(tx);
  expect((await answer).status).toBe(200);
  // Retransmissions until now; none after the answer, though timer F has not run out.
  await until(() => registers(rig.core) === 4);
  const before = registers(rig.core);
  await clock.settle(20_000);
  // By then whatever was sent has arrived.
  expect((await browser.register(await rig.token())).status).toBe(200);
  expect([registers(rig.core), registers(third)]).toEqual([before, 0]);
});

test("an I-CSCF that is alone is waited for until timer F, and a silent one gives 504", async () => {
  const clock = new VirtualClock();
  const rig = await rigOf({ clock, protocol: "UDP" });
  const held = mute(rig.core);
  const browser = await rig.connect();
  const answer = browser.register(await rig.token());
  await until(() => held.length > 0);
  await clock.settle(31_900);
  expect(rig.alarms).toEqual([]);
  await clock.settle(200);
  expect((await answer).status).toBe(504);
});

test("EPC-REG-18g requests of one registration keep to one I-CSCF; many are spread by weight, without any state", async () => {
  const endpoint = await openSipEndpoint({ address: "127.0.0.1", port: 0, onMessage: () => undefined });
  cleanups.push(() => endpoint.close());
  const core = new Core(
    { homeDomain: "ims.test", entryPoint: "ims.test", protocol: "TCP" },
    {
      endpoint,
      clock: systemClock,
      random: systemRandom,
      resolver: zone("ims.test", () => [at(5061, 1, 30), at(5062, 1, 10), at(5063, 2, 99)]),
    },
  );
  const counts = new Map<number | undefined, number>();
  for (let n = 0; n < 400; n += 1) {
    const first = await core.entry(`registration ${n}`).next();
    expect(await core.entry(`registration ${n}`).next()).toEqual(first);
    counts.set(first?.port, (counts.get(first?.port) ?? 0) + 1);
  }
  expect(new Set(counts.keys())).toEqual(new Set([5061, 5062]));
  expect(counts.get(5061)).toBeGreaterThan(260);
  expect(counts.get(5062)).toBeGreaterThan(60);
  // A name with addresses of both families: this endpoint reaches IPv4 alone.
  expect((await core.entry().next())?.address).toBe("127.0.0.1");
});

test("a call goes to the next S-CSCF of its route when the first is gone", async () => {
  const records: SrvRecord[] = [];
  const rig = await rigOf({ resolver: zone("scscf.ims.test", () => records) });
  records.push(at(await closedPort(), 1), at(rig.core.endpoint.port, 2));
  const granted = rig.core.answer;
  rig.core.answer = (tx) =>
    tx.request.method === "REGISTER"
      ? tx.reply(200, {
          headers: [
            ["Service-Route", "<sip:orig@scscf.ims.test;lr>"],
            ["P-Associated-URI", `<${impu}>`],
            ["Contact", tx.request.get("Contact") ?? ""],
          ],
        })
      : granted(tx);
  const browser = await registered(rig);
  const incoming = nextAtCore(rig);
  dial(browser);
  await incoming;
  expect(rig.core.last("INVITE").list("Route")).toEqual(["<sip:orig@scscf.ims.test;lr>"]);
  expect(rig.warnings).toContain("mw.unreached");
});

test("EPC-REG-18a Mw over IPv6: Via, Contact and Path carry the address in brackets", async () => {
  const rig = await rigOf({ address: "::1" });
  await registered(rig);
  const register = rig.core.last("REGISTER");
  expect(register.topVia.host).toBe("[::1]");
  expect(register.get("Contact")).toMatch(/^<sip:[0-9a-f]{26}@\[::1\]:\d+;transport=tcp>/);
  expect(register.get("Path")).toMatch(/@\[::1\]:\d+;transport=tcp;lr;ob>$/);
});

let authority: Authority;

beforeAll(async () => {
  authority = await Authority.make();
});

async function overTls(name: string): Promise<Rig> {
  const core = await authority.issue([{ type: "dns", value: name }]);
  const node = await authority.issue([{ type: "dns", value: "portal.ims.test" }]);
  const records: SrvRecord[] = [];
  const rig = await rigOf({
    protocol: "TLS",
    entryPoint: "ims.test",
    resolver: zone("ims.test", () => records, ["SIPS+D2T"]),
    coreTls: { port: 0, ...core, requireClientCertificate: true },
    mwTls: { port: 0, ...node },
  });
  records.push(at(rig.core.endpoint.tlsPort ?? 0));
  return rig;
}

test("EPC-WS-12c EPC-WS-12d Mw over mutual TLS: the home domain is the name the core must show", async () => {
  const rig = await overTls("ims.test");
  await registered(rig);
  const register = rig.core.last("REGISTER");
  expect([register.topVia.protocol, register.topVia.port]).toEqual(["TLS", rig.node.mwTlsPort]);
  expect(register.get("Contact")).toContain(`@127.0.0.1:${rig.node.mwTlsPort};transport=tls>`);
});

test("EPC-WS-12c a core with another name gets no REGISTER: 504, and the operator is told why", async () => {
  const rig = await overTls("other.test");
  const browser = await rig.connect();
  expect((await browser.register(await rig.token())).status).toBe(504);
  expect(rig.core.got).toEqual([]);
  expect(rig.warnings).toContain("mw.unreached");
});

test("TLS on Mw without a certificate is a configuration error", async () => {
  await expect(openRig({ protocol: "TLS" })).rejects.toThrow("Mw over TLS needs a certificate");
});
