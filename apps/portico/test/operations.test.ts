import { Writable } from "node:stream";
import { expect, test, vi } from "vitest";
import { openStore } from "@portico/store";
import { Readiness } from "../src/http/readiness.ts";
import { maskText, openLog } from "../src/log.ts";
import { timedStore } from "../src/metrics/timedStore.ts";
import { openTestCore } from "./support/core.ts";
import { newPortal } from "./support/portal.ts";

// A portal starts slowly on a busy machine.
vi.setConfig({ testTimeout: 20_000 });

test("ADM-07d health says that the process serves, ready that the parts it needs do, and neither says more", async () => {
  const core = await openTestCore();
  const { url } = await newPortal({ "sip:127.0.0.1:5060": core.uri });
  const health = await fetch(`${url}/health`);
  expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
  const ready = await fetch(`${url}/ready`);
  expect([ready.status, await ready.json()]).toEqual([
    200,
    { ready: true, parts: { database: true, core: true, media: true } },
  ]);
  expect(ready.headers.get("cache-control")).toBe("no-store");
  await core.close();
  await expect.poll(async () => (await fetch(`${url}/ready`)).status, { timeout: 15_000 }).toBe(503);
  expect((await fetch(`${url}/health`)).status).toBe(200);
});

test("ADM-07d a part that fails or hangs makes a node unready, and asking often costs nothing", async () => {
  let asked = 0;
  const readiness = new Readiness({
    broken: () => Promise.reject(new Error("gone")),
    hanging: () => new Promise(() => undefined),
    fine: async () => (asked += 1),
  });
  const answers = await Promise.all(Array.from({ length: 50 }, () => readiness.parts()));
  expect(answers[49]).toEqual({ broken: false, hanging: false, fine: true });
  expect(asked).toBe(1);
});

test("ADM-07a figures for Prometheus have a listener of their own, and none on the public one", async () => {
  const { url, metricsPort } = await newPortal({ "home:": "metrics: { address: 127.0.0.1, port: 0 }\nhome:" });
  await fetch(`${url}/health`);
  await fetch(`${url}/health?token=secret`);
  await fetch(`${url}/no/such/secret`);
  const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
  const value = (line: string): number =>
    Number(
      text
        .split("\n")
        .find((one) => one.startsWith(`${line} `))
        ?.split(" ")
        .at(-1),
    );
  expect(value('portico_block_identities{tenant="acme",use="free"}')).toBe(10);
  expect(value('portico_leases{tenant="acme"}')).toBe(0);
  expect(value('portico_up{part="database"}')).toBe(1);
  expect(value('portico_http_request_seconds_count{listener="public",route="/health",method="GET",status="200"}')).toBe(
    2,
  );
  expect(value('portico_http_request_seconds_count{listener="public",route="none",method="GET",status="404"}')).toBe(1);
  expect(value("portico_flows")).toBe(0);
  expect(value("nodejs_eventloop_lag_seconds")).toBeGreaterThanOrEqual(0);
  expect(value('portico_store_seconds_count{table="store",operation="transaction"}')).toBeGreaterThan(0);
  expect(text).not.toContain("secret");
  expect((await fetch(`${url}/metrics`)).status).toBe(404);
});

test("a timed store works as the one below it, in transactions too", async () => {
  const below = await openStore({ sqlite: ":memory:" });
  const seen: string[] = [];
  const store = timedStore(below, (table, operation, seconds) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    seen.push(`${table}.${operation}`);
  });
  await store.suspensions.add("acme", 1);
  expect(await store.transaction(async ({ suspensions }) => suspensions.all())).toEqual(["acme"]);
  await expect(store.transaction(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(seen).toEqual(["suspensions.add", "suspensions.all", "store.transaction", "store.transaction"]);
  await store.close();
});

test("ADM-07b the log is JSON by line, an alarm says so, and its level can change", () => {
  const lines: string[] = [];
  const to = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const log = openLog("warn", to);
  log.info("not written");
  log.alarm("core.unreachable", { status: 503 });
  log.level = "info";
  log.info("written", { password: "hunter2", accessToken: "opaque", count: 2 });
  expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { level: 50, msg: "core.unreachable", alarm: true, status: 503 },
    { level: 30, msg: "written", password: "[masked]", accessToken: "[masked]", count: 2 },
  ]);
});

test("ADM-07b what has the form of a secret is masked wherever it stands", () => {
  const jwt = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJtYXJ5In0.c2lnbmF0dXJl";
  expect(maskText(`bad token ${jwt} refused`)).toBe("bad token [token] refused");
  expect(maskText(`Authorization: Bearer abc.def`)).toBe("Authorization: Bearer [masked]");
  expect(maskText("connect postgres://portico:hunter2@db.example/portico failed")).toBe(
    "connect postgres://[masked]@db.example/portico failed",
  );
  expect(maskText("no route to <sip:u0001@acme.ims.test;gr=x>")).toBe("no route to <sip:[masked]@acme.ims.test;gr=x>");
  expect(maskText("u0001.acme@ims.test is busy")).toBe("[masked]@ims.test is busy");
  expect(maskText("body v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\na=ice-pwd:x")).toBe("body [body]");
  expect(maskText("connect ECONNREFUSED 127.0.0.1:5060")).toBe("connect ECONNREFUSED 127.0.0.1:5060");
});
