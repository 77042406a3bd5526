import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { otlpDocument } from "../src/telemetry/span.ts";
import { openTelemetry } from "../src/telemetry/telemetry.ts";
import { readTraceContext, traceHeaders } from "../src/telemetry/traceContext.ts";
import { call, registration } from "./admin/rig.ts";
import { good } from "./goodConfig.ts";
import { attributesOf, Collector } from "./support/collector.ts";
import { newFolder } from "./support/command.ts";
import { KeptLog, newPortal } from "./support/portal.ts";

// A portal starts slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });
afterEach(() => void vi.useRealTimers());

const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const spanId = "00f067aa0ba902b7";
/** What a busy machine may take, milliseconds. */
const patience = 20_000;
const origin = { node: "192.0.2.1:5060", version: "1" };

/** @returns the status */
async function ask(url: string, headers: Record<string, string> = {}, body?: URLSearchParams): Promise<number> {
  return (await fetch(url, body === undefined ? { headers } : { method: "POST", headers, body })).status;
}

test("ADM-07e each request is a span with its route, below the one its traceparent names, and holds nothing of the client's", async () => {
  const collector = await Collector.open();
  const portal = await newPortal({
    "home:": `telemetry: { otlp: "${collector.url}/" }\nadmin: { address: 127.0.0.1, port: 0 }\nhome:`,
  });
  const headers = { traceparent: `00-${traceId}-${spanId}-01`, tracestate: "other=1", "x-name": "mary" };
  expect(await ask(`${portal.url}/health?user=mary`, headers)).toBe(200);
  expect(await ask(`${portal.url}/mary/secret`)).toBe(404);
  expect(await ask(`${portal.url}/waf/token`, {}, new URLSearchParams({ user: "mary" }))).toBe(401);
  expect(await ask(`${portal.adminUrl}/admin/v1/tenants/mary`)).toBe(401);
  expect(await ask(`${portal.url}/ready`, { traceparent: `00-${traceId}-${spanId}-00` })).toBeGreaterThan(0);
  await portal.close();
  expect(collector.faults).toEqual([]);
  const spans = collector.spans.map((span) => [span.name, span.kind, attributesOf(span)["http.response.status_code"]]);
  // Whoever began the trace of the last one wants it not kept.
  expect(spans).toEqual([
    ["GET /health", 2, "200"],
    ["GET", 2, "404"],
    ["POST /waf/token", 2, "401"],
    ["GET /admin/v1/tenants/:tenant", 2, "401"],
  ]);
  const [first, ...more] = collector.spans;
  expect(first).toMatchObject({ traceId, parentSpanId: spanId, traceState: "other=1" });
  expect(first?.spanId).not.toBe(spanId);
  expect(new Set(more.map((span) => span.traceId)).size).toBe(3);
  expect(more.every(({ parentSpanId, traceId: own }) => parentSpanId === undefined && own !== traceId)).toBe(true);
  expect(collector.taken.join("")).not.toMatch(/mary|secret|127\.0\.0\.1"/);
});

test("ADM-07e a registration and a call with its legs are spans once they have ended, without who it was", async () => {
  const collector = await Collector.open();
  const telemetry = openTelemetry({ otlp: collector.url, origin, log: new KeptLog() });
  const at = Date.parse("2027-03-01T10:00:00Z");
  const session = { ...call("c1", "acme"), since: at, answeredAt: at + 3000, direction: "incoming" as const };
  telemetry.note({ type: "session", change: "answered", session });
  telemetry.note({ type: "registration", change: "registered", registration: registration("r1", "acme") });
  const end = { at: at + 63_000, by: "portal", status: 503 } as const;
  telemetry.note({ type: "session", change: "ended", session, end, legs: { core: at, access: at + 20 } });
  const gone = { ...registration("r1", "acme"), since: at };
  telemetry.note({ type: "registration", change: "ended", registration: gone, reason: "logout", confirmed: true });
  await telemetry.close();
  expect(collector.faults).toEqual([]);
  const [whole, core, access, life] = collector.spans;
  expect(collector.spans.map(({ name, kind }) => [name, kind])).toEqual([
    ["call", 1],
    ["core leg", 2],
    ["access leg", 3],
    ["registration", 1],
  ]);
  for (const leg of [core, access]) expect(leg).toMatchObject({ traceId: whole?.traceId, parentSpanId: whole?.spanId });
  expect(Number(BigInt(access?.startTimeUnixNano ?? 0) - BigInt(core?.startTimeUnixNano ?? 0))).toBe(20_000_000);
  expect(whole?.endTimeUnixNano).toBe(`${at + 63_000}000000`);
  expect(whole?.events).toEqual([{ name: "answered", timeUnixNano: `${at + 3000}000000` }]);
  expect(whole?.status).toEqual({ code: 2, message: "status 503" });
  expect(attributesOf(access ?? { attributes: [] })).toEqual({
    "portico.tenant": "acme",
    "portico.direction": "incoming",
    "portico.ended_by": "portal",
    "portico.sip.status": "503",
    "portico.leg": "access",
  });
  expect(attributesOf(life ?? { attributes: [] })).toMatchObject({ "portico.reason": "logout" });
  expect(collector.taken.join("")).not.toMatch(/sip:|tel:|u0001|ims\.test/);
});

test("ADM-07e while the collector is away spans wait, up to a bound, and what it refuses is dropped; the log says so once", async () => {
  const collector = await Collector.open();
  const log = new KeptLog();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const telemetry = openTelemetry({ otlp: collector.url, origin, log });
  onTestFinished(() => telemetry.close());
  const note = (count: number): void => {
    for (let n = 0; n < count; n += 1) {
      const gone = registration(`r${n}`, "acme");
      telemetry.note({ type: "registration", change: "ended", registration: gone, reason: "logout", confirmed: true });
    }
  };
  const asked = async (count: number): Promise<void> =>
    await vi.waitFor(async () => {
      await vi.advanceTimersByTimeAsync(500);
      expect(collector.requests).toBeGreaterThanOrEqual(count);
    }, patience);
  collector.status = 503;
  note(10);
  await asked(3);
  note(5000);
  collector.status = 200;
  await vi.waitFor(async () => {
    await vi.advanceTimersByTimeAsync(1000);
    expect(collector.spans).toHaveLength(4096);
  }, patience);
  expect(log.lines).toEqual([
    'telemetry.not-exported {"reason":"status 503"}',
    'telemetry.exported-again {"dropped":914}',
  ]);
  collector.status = 400;
  const before = collector.requests;
  note(1);
  await asked(before + 1);
  collector.status = 200;
  note(1);
  await vi.waitFor(async () => {
    await vi.advanceTimersByTimeAsync(1000);
    expect(log.lines.slice(2)).toEqual([
      'telemetry.not-exported {"reason":"status 400"}',
      'telemetry.exported-again {"dropped":1}',
    ]);
  }, patience);
  expect(collector.spans).toHaveLength(4097);
  expect(collector.faults).toEqual([]);
});

test("ADM-07e without the setting nothing of it is loaded", () => {
  const script = new URL("support/loadedModules.ts", import.meta.url).pathname;
  const file = join(newFolder(), "portal.yaml");
  writeFileSync(file, good.replace("https://portal.example", "http://127.0.0.1:0"));
  const run = spawnSync(process.execPath, ["--conditions=source", script, file], { encoding: "utf8" });
  expect([run.stdout.trim(), run.status]).toEqual(["0 before, 5 once asked for", 0]);
});

test("ADM-07e trace contexts are read as W3C Trace Context says, and a broken one counts as none", () => {
  const id = `${traceId}-${spanId}`;
  expect(readTraceContext(`00-${id}-01`, undefined)).toEqual({ traceId, spanId, sampled: true });
  expect(readTraceContext(`00-${id}-02`, "a=1")).toEqual({ traceId, spanId, sampled: false, state: "a=1" });
  // A later version, with more behind it.
  expect(readTraceContext(`cc-${id}-01-what-the-future-brings`, ["a=1", "b=2"])).toMatchObject({ state: "a=1,b=2" });
  const broken = [
    `00-${id}-01-more`,
    `ff-${id}-01`,
    `00-${id.toUpperCase()}-01`,
    `00-${"0".repeat(32)}-${spanId}-01`,
    `00-${traceId}-${"0".repeat(16)}-01`,
    `00-${id}`,
    `00-${id}-1`,
    "",
  ];
  expect(broken.filter((text) => readTraceContext(text, undefined) !== undefined)).toEqual([]);
  expect(readTraceContext([`00-${id}-01`, `00-${id}-01`], undefined)).toBeUndefined();
  expect(readTraceContext(`00-${id}-01`, "x".repeat(513))).not.toHaveProperty("state");
  const context = { traceId, spanId, sampled: true, state: "a=1" };
  const { traceparent, tracestate } = traceHeaders(context);
  expect(readTraceContext(traceparent, tracestate)).toEqual(context);
});

test("ADM-07e values of attributes have the types of OTLP", () => {
  const context = { traceId, spanId, sampled: true };
  const attributes = { text: "a", whole: 7, part: 0.5, yes: true };
  const span = { context, parentId: undefined, name: "n", kind: "client", begin: 1.5, end: 1, attributes } as const;
  expect(JSON.stringify(otlpDocument(origin, [span]))).toContain(
    '"attributes":[{"key":"text","value":{"stringValue":"a"}},{"key":"whole","value":{"intValue":"7"}},' +
      '{"key":"part","value":{"doubleValue":0.5}},{"key":"yes","value":{"boolValue":true}}]',
  );
  expect(JSON.stringify(otlpDocument(origin, [span]))).toContain('"endTimeUnixNano":"1500000"');
});
