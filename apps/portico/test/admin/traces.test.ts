import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { firstKeyFile } from "../../src/admin/admin.ts";
import { portico } from "../support/command.ts";
import { Rig } from "./rig.ts";

vi.setConfig({ testTimeout: 60_000 });

const impu = "sip:u0001@acme.ims.test";
const path = `/traces/${encodeURIComponent(impu)}`;

test("ADM-07c an operator traces one user for a bounded time; start, reading and end stand in the audit, with the reason", async () => {
  const rig = await Rig.open();
  expect((await rig.ask("GET", path)).status).toBe(404);
  const begun = await rig.ask("PUT", path, { body: { seconds: 60, reason: "complaint 4711" } });
  expect([begun.status, begun.body["impu"], begun.body["count"]]).toEqual([200, impu, 0]);
  expect(Date.parse(String(begun.body["until"])) - Date.parse(String(begun.body["since"]))).toBe(60_000);
  rig.node.traces.access("in", "OPTIONS sip:x SIP/2.0\r\nAuthorization: Bearer abc.def\r\n\r\n", impu);
  const read = await rig.ask("GET", path);
  expect(read.body["messages"]).toMatchObject([
    { point: "W2", way: "in", text: expect.stringContaining("Bearer [masked]") },
  ]);
  expect((await rig.ask("GET", "/traces")).body.items).toMatchObject([{ impu, count: 1, dropped: 0 }]);
  expect((await rig.ask("DELETE", path)).status).toBe(204);
  expect((await rig.ask("DELETE", path)).status).toBe(404);
  const { items = [] } = (await rig.ask("GET", "/audit?tenant=acme")).body;
  const ofTrace = items.filter(({ action }) => String(action).startsWith("trace."));
  expect(ofTrace.map(({ action, subject, detail }) => [action, subject, detail])).toEqual([
    ["trace.read", impu, {}],
    ["trace.start", impu, { seconds: 60, reason: "complaint 4711" }],
  ]);
  const { items: all = [] } = (await rig.ask("GET", "/audit?action=admin.endTrace")).body;
  // Asked for twice.
  expect(all.map(({ subject }) => subject)).toEqual([path, path]);
});

test("ADM-07c no trace without an end or a reason, none by others than operators, and no ninth one", async () => {
  const rig = await Rig.open();
  for (const body of [{ reason: "x" }, { seconds: 60 }, { seconds: 0, reason: "x" }, { seconds: 3601, reason: "x" }]) {
    expect((await rig.ask("PUT", path, { body })).status).toBe(400);
  }
  for (const role of ["tenant-admin", "auditor"] as const) {
    const key = await rig.keyOf(role);
    expect((await rig.ask("PUT", path, { key, body: { seconds: 60, reason: "x" } })).status).toBe(403);
  }
  expect(rig.node.traces.active).toBe(false);
  const body = { seconds: 60, reason: "x" };
  const start = async (n: number) => (await rig.ask("PUT", `/traces/sip:u${n}@acme.ims.test`, { body })).status;
  for (let n = 1; n <= 8; n += 1) expect(await start(n)).toBe(200);
  expect(await start(9)).toBe(503);
});

test("ADM-07c the same by the command line", async () => {
  const rig = await Rig.open();
  const trace = async (...words: string[]) =>
    portico("trace", ...words, "--url", rig.url, "--key-file", join(rig.folder, firstKeyFile));
  expect((await trace("start", impu)).code).not.toBe(0);
  const begun = await trace("start", impu, "--seconds", "60", "--reason", "complaint 4711");
  expect([begun.code, begun.out + begun.err]).toEqual([0, expect.stringContaining("traced until")]);
  rig.node.traces.access("in", "OPTIONS sip:x SIP/2.0\r\nCall-ID: c1\r\n\r\n", impu);
  expect((await trace("show", impu)).out).toContain("Call-ID: c1");
  expect((await trace("list")).out).toMatch(/sip:u0001@acme\.ims\.test .* 1 +0$/m);
  expect((await trace("end", impu)).code).toBe(0);
  expect(rig.node.traces.active).toBe(false);
});
