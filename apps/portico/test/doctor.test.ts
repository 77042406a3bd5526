import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { openStore } from "@portico/store";
import { expect, onTestFinished, test, vi } from "vitest";
import { Authority } from "../../../packages/transport/test/authority.ts";
import { good } from "./goodConfig.ts";
import { newFolder, portico } from "./support/command.ts";
import { openTestCore, type TestCore } from "./support/core.ts";
import { newPortal, writeCertificate } from "./support/portal.ts";

vi.setConfig({ testTimeout: 30_000 });

interface Report {
  readonly checks: readonly { check: string; findings: readonly { state: string; detail: string; remedy: string }[] }[];
}

/** Writes a configuration that leads to the core, and has it examined. */
async function examined(core: TestCore, change: (source: string) => string = String) {
  const folder = newFolder();
  const file = join(folder, "portal.yaml");
  const source = change(good.replace("https://portal.example", "http://localhost:8090"));
  writeFileSync(file, source.replace("sip:127.0.0.1:5060", core.uri), { mode: 0o600 });
  const { code, out } = await portico("doctor", file, "--json");
  const { checks } = JSON.parse(out) as Report;
  const of = (name: string) => checks.find(({ check }) => check === name)?.findings ?? [];
  return { code, of, file };
}

test("a portal that has all it needs is healthy: the core answers, trusts this node, and has its time", async () => {
  const core = await openTestCore();
  const { code, of } = await examined(core);
  expect(of("core")).toMatchObject([
    { state: "ok", detail: expect.stringMatching(/^TCP 127\.0\.0\.1:\d+ answers OPTIONS with 200 in/) },
  ]);
  expect(of("trusted node")).toMatchObject([
    { state: "ok", detail: expect.stringContaining("sip:u0001@acme.ims.test with 200") },
  ]);
  expect(of("clock")).toMatchObject([{ state: "ok" }]);
  expect(of("addresses")).toMatchObject([{ state: "ok" }]);
  expect(of("ports")).toMatchObject([{ state: "ok" }]);
  expect(code).toBe(0);
  // It asks; it binds nothing.
  const register = core.requests.find(({ method }) => method === "REGISTER");
  expect(register?.get("Contact")).toBeUndefined();
  expect(register?.get("Authorization")).toContain('integrity-protected="auth-done"');
});

test("a core that challenges, is elsewhere in time or does not answer is told with what to do", async () => {
  const core = await openTestCore();
  core.register = 401;
  core.date = new Date(Date.now() - 600_000);
  const { code, of } = await examined(core);
  expect(code).toBe(1);
  expect(of("trusted node")).toMatchObject([
    { state: "fail", remedy: expect.stringContaining("trusted node at the S-CSCF") },
  ]);
  expect(of("clock")).toMatchObject([{ state: "fail", detail: expect.stringContaining("s ahead of the core's") }]);
  await core.close();
  expect((await examined(core)).of("core")).toMatchObject([
    { state: "fail", detail: expect.stringContaining("does not answer"), remedy: expect.stringContaining("firewall") },
  ]);
});

test("a core whose certificate is not believed is told with the reason, and what to do", async () => {
  const core = await openTestCore({ tls: await (await Authority.make()).issue([{ type: "ip", value: "127.0.0.1" }]) });
  const own = await (await Authority.make()).issue([{ type: "dns", value: "portal.example" }]);
  const folder = newFolder();
  for (const name of ["cert", "key", "ca"] as const) writeFileSync(join(folder, name), own[name], { mode: 0o600 });
  const { code, of } = await examined(core, (source) =>
    source.replace("mw: {", `mw: { tls: { port: 0, cert: ${folder}/cert, key: ${folder}/key, ca: ${folder}/ca },`),
  );
  expect(code).toBe(1);
  expect(of("core")).toMatchObject([
    {
      state: "fail",
      detail: expect.stringMatching(/^TLS 127\.0\.0\.1:\d+ does not answer OPTIONS: self-signed certificate in /),
      remedy: expect.stringContaining("mw.tls.ca"),
    },
  ]);
  expect(core.requests).toEqual([]);
});

test("a port in use, an address of another machine, a foreign certificate and an open key are told", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  const core = await openTestCore();
  const folder = newFolder();
  const { cert, key } = writeCertificate(folder, "other");
  const { code, of, file } = await examined(core, (source) =>
    source
      .replace("mw: { address: 127.0.0.1, port: 0", `mw: { address: 127.0.0.1, port: ${port}`)
      .replace("coreAddress: 127.0.0.1", "coreAddress: 192.0.2.1")
      .replace("http://localhost:8090", "https://localhost:8090")
      .replace("home:", `tls: { cert: "${cert}", key: "${key}" }\nhome:`),
  );
  expect(code).toBe(1);
  expect(of("ports").map(({ detail }) => detail)).toEqual([
    `mw TCP 127.0.0.1:${port} is in use`,
    "media.corePorts UDP 192.0.2.1:41000 cannot be opened (EADDRNOTAVAIL)",
    "media.corePorts UDP 192.0.2.1:41099 cannot be opened (EADDRNOTAVAIL)",
  ]);
  expect(of("addresses")).toMatchObject([
    { state: "fail", detail: expect.stringContaining("media.coreAddress 192.0.2.1") },
  ]);
  expect(of("certificates")).toMatchObject([
    { state: "fail", detail: expect.stringContaining("is not for localhost") },
  ]);
  const data = join(dirname(file), "data");
  mkdirSync(data, { mode: 0o700 });
  writeFileSync(join(data, "seal.key"), "secret", { mode: 0o644 });
  const again = JSON.parse((await portico("doctor", file, "--json")).out) as Report;
  expect(again.checks[0]).toEqual({
    check: "files",
    findings: [
      {
        state: "fail",
        detail: `${join(data, "seal.key")} can be read by others`,
        remedy: `chmod go-rwx ${join(data, "seal.key")}`,
      },
    ],
  });
});

test("names without an address, a certificate near its end and a damaged database are told with what to do", async () => {
  const folder = newFolder();
  const { cert, key } = writeCertificate(folder, "portal", 5);
  const sqlite = join(folder, "portal.sqlite");
  await (await openStore({ sqlite })).close();
  const bytes = readFileSync(sqlite);
  writeFileSync(sqlite, bytes.fill(0xaa, 4096 * 2, 4096 * 6));
  // A label too long for the DNS: no name server is waited for.
  const nowhere = `${"x".repeat(64)}.invalid`;
  const { code, of } = await examined(await openTestCore(), (source) =>
    source
      .replace("http://localhost:8090", `https://portal.${nowhere}`)
      .replace("sip:127.0.0.1:5060", `sip:icscf.${nowhere}`)
      .replace("home:", `admin: { address: 127.0.0.1, port: 0, tls: { cert: "${cert}", key: "${key}" } }\nhome:`)
      .concat(
        `\ndatabase: { sqlite: "${sqlite}" }\nlisten: { address: 127.0.0.1, port: 0, trustedProxies: [127.0.0.1] }`,
      )
      .replace("listen: { address: 127.0.0.1, port: 0 }\n", ""),
  );
  expect(code).toBe(1);
  expect(of("dns")).toEqual([
    {
      state: "warn",
      detail: expect.stringContaining(`portal.${nowhere} has no address here`),
      remedy: "browsers must find it: add it to your DNS",
    },
    {
      state: "fail",
      detail: expect.stringContaining(`icscf.${nowhere} has no address`),
      remedy: "correct home.entryPoint, or add the name to your DNS",
    },
  ]);
  expect(of("certificates")).toMatchObject([
    { state: "warn", detail: expect.stringMatching(/: [45] days left$/), remedy: expect.stringContaining("renew it") },
  ]);
  expect(of("database")).toMatchObject([
    { state: "fail", remedy: expect.stringContaining("restore it from a backup") },
  ]);
  expect(of("disk")).toMatchObject([{ detail: expect.stringMatching(/ [GM]iB free \(\d+ %\) at /) }]);
});

test("a portal that runs is asked whether it is ready, and what it lacks is named", async () => {
  const core = await openTestCore();
  const { url } = await newPortal({ "sip:127.0.0.1:5060": core.uri });
  const look = () =>
    examined(core, (source) =>
      source.replace(
        "listen: { address: 127.0.0.1, port: 0 }",
        `listen: { address: 127.0.0.1, port: ${new URL(url).port} }`,
      ),
    );
  const { of } = await look();
  expect(of("portal")).toMatchObject([{ state: "ok", detail: "it is ready" }]);
  expect(of("ports")).toMatchObject([{ state: "skipped" }]);
  await core.close();
  await expect
    .poll(async () => (await look()).of("portal"), { timeout: 25_000 })
    .toMatchObject([{ state: "fail", detail: "it is not ready: core", remedy: "the log says more" }]);
});

test("doctor shows people a line for each check, and what to do below it", async () => {
  const core = await openTestCore();
  const { file } = await examined(core);
  const { out } = await portico("doctor", file);
  expect(out).toMatch(/^ok {6}core {10}TCP 127\.0\.0\.1/m);
  expect(out).toMatch(/^warn {4}database .*does not exist yet\n {22}-> portico serve makes it/m);
  expect(out).toMatch(/^\d+ ok, \d+ to look at, 0 wrong, \d+ skipped$/m);
});

test("dialplan test shows how a number is read, what is sent, and whether it may be called", async () => {
  const file = join(newFolder(), "portal.yaml");
  writeFileSync(
    file,
    good.replace(
      '{ internationalPrefix: "00" }',
      '{ internationalPrefix: "00", national: { trunk: "0", country: "+49", digits: 10 } }',
    ),
  );
  const dialled = async (number: string) =>
    JSON.parse((await portico("dialplan", "test", number, "--config", file, "--json")).out) as object;
  expect(await dialled("0301234567 8")).toMatchObject({
    form: "national number",
    target: "tel:+493012345678",
    policy: "national call",
  });
  expect(await dialled("0012025550110")).toMatchObject({
    form: "number after the international prefix",
    target: "tel:+12025550110",
  });
  expect(await dialled("u0001@acme.ims.test")).toMatchObject({
    target: "sip:u0001@acme.ims.test",
    policy: "internal call",
  });
  expect(await dialled("112")).toMatchObject({ allowed: false, policy: "the portal carries no emergency calls" });
  expect(await dialled("sip:x@elsewhere.example")).toMatchObject({ allowed: false });
  const shown = await portico("dialplan", "test", "+4930123456", "--config", file);
  expect(shown.out).toContain("sent as    tel:+4930123456");
  expect((await portico("dialplan", "test", "1", "--config", file, "--tenant", "none")).err).toContain(
    "The file has acme.",
  );
});
