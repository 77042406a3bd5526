import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { checkConfig, ConfigError } from "../../src/config.ts";
import { Visitor } from "../support/visitor.ts";

// Whole processes on a machine that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "acme-main-"));
const children: ChildProcess[] = [];
const base = {
  host: "127.0.0.1",
  port: 0,
  publicUrl: "http://localhost:0",
  waf: { issuer: "http://localhost:9/waf" },
  clientId: "talk.acme.example",
  clientKey: "client.jwk",
  users: [{ username: "mary", name: "Mary Jones", password: "correct horse" }],
  speedDials: [],
  portalOrigins: ["ws://localhost:9"],
};

beforeAll(async () => {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  writeFileSync(join(folder, "client.jwk"), JSON.stringify(await exportJWK(privateKey)), { mode: 0o600 });
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
}

function run(config: unknown, env: Record<string, string> = {}): Run {
  const file = join(folder, `${crypto.randomUUID()}.json`);
  writeFileSync(file, JSON.stringify(config));
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--conditions=source", main, file], { env: { ...process.env, ...env } });
  children.push(child);
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += String(chunk)));
  child.stderr.on("data", (chunk: Buffer) => (said.err += String(chunk)));
  const ended = once(child, "exit").then(([code]) => code as number | null);
  return { child, out: () => said.out, err: () => said.err, ended };
}

async function ready({ out, err }: Run): Promise<string> {
  await expect.poll(out, { timeout: 60_000, message: err() }).toMatch(/\n/);
  const [, url = ""] = /^acme ready (\S+)\n$/.exec(out()) ?? [];
  return url;
}

test("it says one line when ready, a second about a portal that is not there, and ends cleanly", async () => {
  const acme = run(base);
  const url = await ready(acme);
  expect((await fetch(url)).status).toBe(200);
  await expect.poll(acme.err).toBe("acme: the portal does not answer yet; telephone calls wait for it\n");
  acme.child.kill("SIGTERM");
  acme.child.kill("SIGINT");
  expect(await acme.ended).toBe(0);
});

test("who comes while it starts is told to come again, and is not left waiting", async () => {
  // Below the ports that the system gives to who connects: a question to nobody could come from the port it goes to, and meet
  // itself.
  const port = 20_000 + (process.pid % 12_000);
  const acme = run({ ...base, port, publicUrl: `http://localhost:${port}` });
  const ask = async (): Promise<Response> =>
    fetch(`http://localhost:${port}/api/me`, { signal: AbortSignal.timeout(5000) });
  let early: Response | undefined;
  while (early === undefined) {
    try {
      early = await ask();
    } catch (error) {
      // Nobody listens yet.
      if ((error as Error).name === "TimeoutError") throw error;
    }
  }
  expect([early.status, early.headers.get("retry-after")]).toEqual([503, "1"]);
  await ready(acme);
  expect((await ask()).status).toBe(200);
});

test("a port in use is one clear line", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const acme = run({ ...base, port, publicUrl: `http://localhost:${port}` });
  expect(await acme.ended).toBe(1);
  expect(acme.err()).toMatch(new RegExp(`^acme: port ${port} is in use; .*\n$`));
  taken.close();
});

test("WWSF-02a a configuration that cannot be used is one line that names the field", async () => {
  const acme = run({ ...base, users: [{ username: "mary" }] });
  expect(await acme.ended).toBe(1);
  expect(acme.err()).toBe("acme: users[0].name: is missing\n");
  const cases: [change: Record<string, unknown>, words: string][] = [
    [{ port: 70_000 }, "port"],
    [{ publicUrl: "http://talk.acme.example" }, "publicUrl: http is accepted on localhost only"],
    [{ waf: {} }, "waf.issuer"],
    [{ portalOrigins: ["ftp://x"] }, "portalOrigins[0]"],
    [{ speedDials: [{ label: "Echo" }] }, "speedDials[0].number"],
    [{ users: "mary" }, "users: must be a list"],
  ];
  for (const [change, words] of cases) {
    const check = (): unknown => checkConfig({ ...base, ...change });
    expect(check).toThrow(ConfigError);
    expect(check).toThrow(words);
  }
});

const tool = process.env["OPENSSL"] ?? "openssl";
const hasOpenssl = spawnSync(tool, ["version"]).status === 0;
if (!hasOpenssl) console.warn("SKIPPED: sign-in over HTTPS needs openssl to make its certificates");

const at = (name: string): string => join(folder, name);

function openssl(...args: string[]): void {
  execFileSync(tool, args, { stdio: "pipe" });
}

/** A local CA and a certificate for localhost, as the launcher makes them. */
function certificates(): { ca: string; cert: string; key: string } {
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  openssl("req", "-x509", ...ec, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=Test CA");
  const leaf = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-addext", "subjectAltName=DNS:localhost"];
  const more = ["-addext", "basicConstraints=critical,CA:FALSE", "-subj", "/CN=localhost"];
  openssl("req", "-x509", ...ec, "-keyout", at("tls.key"), "-out", at("tls.pem"), ...leaf, ...more);
  return { ca: at("ca.pem"), cert: at("tls.pem"), key: at("tls.key") };
}

test.skipIf(!hasOpenssl && process.env["CI"] !== "true")(
  "WWSF-02a WWSF-03b over HTTPS with a local CA the whole sign-in works, with Secure, HttpOnly, SameSite cookies",
  async () => {
    const { ca, cert, key } = certificates();
    const acme = run({ ...base, publicUrl: "https://localhost:0", tls: { cert, key } }, { NODE_EXTRA_CA_CERTS: ca });
    const url = await ready(acme);
    expect(url).toMatch(/^https:/);
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, readFileSync(ca, "utf8")]);
    try {
      const visitor = new Visitor(url);
      await visitor.signIn("mary", "correct horse");
      const session = visitor.cookies.get("__Host-acme_session");
      expect(session?.attributes.split(";").map((part) => part.trim())).toEqual(
        expect.arrayContaining(["Secure", "HttpOnly", "SameSite=Lax", "Path=/"]),
      );
      for (const { attributes } of visitor.cookies.values()) expect(attributes).toMatch(/httponly/i);
      const page = await visitor.fetch("/");
      expect(page.headers.get("strict-transport-security")).toContain("max-age=");
    } finally {
      setDefaultCACertificates(before);
    }
  },
);
