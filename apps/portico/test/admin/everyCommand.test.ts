import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { type Ended, newFolder, portico } from "../support/command.ts";
import { call, registration, Rig } from "./rig.ts";
import { madeLease } from "./samples.ts";
import { tenantOf } from "./tenants.ts";

vi.setConfig({ testTimeout: 60_000 });

/** A running Admin API, and commands by somebody of a role. */
async function open() {
  const rig = await Rig.open();
  const folder = newFolder();
  const as = (key: string) => {
    const keyFile = join(folder, `key-${Math.random()}`);
    writeFileSync(keyFile, key);
    return (...words: string[]): Promise<Ended> => portico(...words, "--url", rig.url, "--key-file", keyFile);
  };
  return { rig, folder, as, run: as(rig.operator) };
}

/** What a command prints for programs. */
async function json(run: (...words: string[]) => Promise<Ended>, ...words: string[]): Promise<unknown> {
  const { code, out, err } = await run(...words, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out);
}

const done = (text: string): Ended => ({ code: 0, out: `ok ${text}\n`, err: "" });

test("ADM-01 ADM-02 tenants are added, shown, replaced, suspended, resumed and removed by commands", async () => {
  const { rig, folder, run } = await open();
  const file = join(folder, "tenant.yaml");
  const third = { ...tenantOf("third"), name: "日本" };
  writeFileSync(file, JSON.stringify(third));
  expect(await run("tenant", "add", file)).toEqual(done("tenant third added"));
  expect(await run("tenant", "add", file)).toMatchObject({ code: 1, out: "" });
  expect(await json(run, "tenant", "show", "third")).toMatchObject({ document: third });
  writeFileSync(file, JSON.stringify({ ...third, name: "Third" }));
  expect(await run("tenant", "replace", "third", file)).toEqual(done("tenant third replaced"));
  expect(await run("tenant", "suspend", "third", "--reason", "unpaid")).toMatchObject({ code: 0 });
  expect((await run("tenant", "list")).out).toMatch(/^third +Third +suspended +api +1 +1$/m);
  expect((await run("tenant", "resume", "third")).code).toBe(0);
  expect(await json(run, "tenant", "list")).toMatchObject([{ id: "acme" }, { id: "other" }, { standing: "active" }]);
  expect(await run("tenant", "remove", "third")).toEqual(done("tenant third removed"));
  expect(await run("tenant", "show", "third")).toMatchObject({ code: 1, out: "" });
  const [removed] = await rig.store.audit.page("third", 1);
  expect(removed?.action).toBe("tenant.remove");
  writeFileSync(file, "id: [");
  expect(await run("tenant", "add", file)).toMatchObject({ code: 2, err: expect.stringContaining("is no YAML") });
  expect(await run("tenant", "add", join(folder, "none"))).toMatchObject({ code: 2 });
});

test("ADM-06a ADM-06b blocks, web sessions, tokens, registrations and calls are looked at and ended by commands", async () => {
  const { rig, run } = await open();
  const mary = await madeLease(rig, "acme", "mary");
  const ken = await madeLease(rig, "acme", "ken");
  expect((await run("block", "use", "acme")).out).toMatch(/^ +200 +2 +0 +198 +2$/m);
  expect((await run("block", "entries", "acme")).out.split("\n")).toHaveLength(202);
  expect((await run("block", "history", "acme", mary.impu)).out).toMatch(/^mary +\d{4}-\S+ +- +-$/m);
  expect((await run("block", "export", "acme", "--format", "csv")).out.split("\n")[1]).toContain("u0001");

  expect((await run("lease", "list", "acme")).out).toContain(mary.lease);
  expect(await json(run, "token", "show", ken.jti)).toMatchObject({ impu: ken.impu, live: true });
  expect(await run("lease", "end", "acme", mary.lease)).toEqual(done("lease ended"));
  expect(await run("token", "revoke", ken.jti)).toEqual(done("token revoked"));
  expect(await json(run, "token", "show", ken.jti)).toMatchObject({ live: false });
  expect(await json(run, "lease", "list", "acme")).toMatchObject([
    { endedAt: expect.any(String) },
    { endedAt: expect.any(String) },
  ]);
  expect(await run("token", "show", "nobodys")).toMatchObject({ code: 1, out: "" });

  for (const tenant of ["acme", "other"]) {
    rig.node.registered.set(`r-${tenant}`, registration(`r-${tenant}`, tenant));
    rig.node.calls.set(`c-${tenant}`, call(`c-${tenant}`, tenant));
  }
  expect((await run("registration", "list")).out).toMatch(/^r-other +other /m);
  expect((await run("registration", "list", "--tenant", "acme")).out).not.toContain("r-other");
  expect(await json(run, "session", "list", "--tenant", "other")).toMatchObject([{ id: "c-other" }]);
  expect(await run("session", "end", "c-acme")).toEqual(done("call released"));
  expect(await run("registration", "end", "r-acme")).toEqual(done("registration ended"));
  expect([...rig.node.registered.keys(), ...rig.node.calls.keys()]).toEqual(["r-other", "c-other"]);
  expect(await run("session", "list", "--tenant", "acme")).toEqual({ code: 0, out: "", err: "none\n" });
});

test("ADM-06d WAF-07a API keys and signing keys are made, listed and taken away by commands; each role may what it may", async () => {
  const { rig, as, run } = await open();
  const made = await run("key", "add", "reader", "--role", "auditor");
  expect(made).toMatchObject({ code: 0, err: "Keep it; it is not shown again:\n" });
  const reader = as(made.out.trim());
  expect((await reader("audit", "list")).out).toMatch(/ apiKey\.create +/);
  expect((await reader("audit", "verify")).code).toBe(0);
  expect(await reader("tenant", "suspend", "acme")).toMatchObject({ code: 5, out: "" });
  const of = (await json(run, "key", "add", "desk", "--role", "tenant-admin", "--tenant", "acme")) as {
    secret: string;
  };
  expect((await as(of.secret)("tenant", "list")).out).not.toContain("other");

  const keys = (await json(run, "key", "list")) as { id: string; name: string; state: string }[];
  const { id = "" } = keys.find(({ name }) => name === "reader") ?? {};
  expect(await run("key", "revoke", id)).toEqual(done("key revoked"));
  expect(await reader("audit", "list")).toMatchObject({ code: 5, out: "" });

  const signing = async () => (await json(run, "signing-key", "list")) as { kid: string; state: string }[];
  const before = await signing();
  expect(await run("signing-key", "rotate")).toEqual(done("there is a new signing key"));
  expect((await signing()).map(({ kid }) => kid)).toEqual([expect.any(String), ...before.map(({ kid }) => kid)]);
  expect((await run("signing-key", "list")).out).toMatch(/^KID +SIGNS FROM +STATE$/m);
  expect(rig.alarms).toEqual([]);
});

test("a portal that is not reached, or is none, is told with what to do and a code of its own, as JSON too", async () => {
  const stranger = createServer((_, response) => response.writeHead(502).end("<html>")).listen(0, "127.0.0.1");
  await once(stranger, "listening");
  const { port } = stranger.address() as AddressInfo;
  const at = (url: string) => ["--url", url, "--key-file", join(folder, "key")];
  const folder = newFolder();
  writeFileSync(join(folder, "key"), "a key");
  const strange = await portico("tenant", "list", ...at(`http://127.0.0.1:${port}`));
  expect(strange).toMatchObject({ code: 1, out: "", err: expect.stringContaining("the portal answers 502") });
  stranger.close();
  await once(stranger, "close");
  const away = await portico("tenant", "list", ...at(`http://127.0.0.1:${port}`));
  expect(away).toMatchObject({ code: 4, out: "", err: expect.stringContaining("Start the portal") });
  const said = await portico("tenant", "list", "--json", ...at(`http://127.0.0.1:${port}`));
  expect([said.code, said.err, JSON.parse(said.out)]).toMatchObject([
    4,
    "",
    { error: expect.stringContaining("is not reached"), remedy: expect.stringContaining("PORTICO_ADMIN_URL") },
  ]);
  const keyless = await portico("tenant", "list", "--url", "http://127.0.0.1:1", "--key-file", join(folder, "none"));
  expect(keyless).toMatchObject({ code: 5, err: expect.stringContaining("there is no API key") });
});
