import { expect, onTestFinished, test } from "vitest";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Compile } from "typebox/compile";
import { parse } from "yaml";
import type { Complaint } from "../src/config/complaint.ts";
import { configSchema } from "../src/config/schema.ts";
import { ConfigError, parseConfig, readConfig } from "../src/index.ts";
import { good } from "./goodConfig.ts";

const complaint = (source: string): string => {
  try {
    parseConfig(source, "portal.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "";
};

test("GEN-09a a tenant is configuration: who, which block, which services, which keys", () => {
  const { tenants, data } = parseConfig(good, "/etc/portico/portal.yaml");
  expect(tenants[0]).toMatchObject({
    id: "acme",
    clients: [{ authentication: { jwksUri: "https://talk.acme.example/jwks" } }],
    services: ["voice"],
    blocks: [{ domain: "acme.ims.test", count: 10 }],
    limits: { sessionsPerUser: 3 },
    contract: { until: "2030-01-01T00:00:00Z" },
  });
  expect(complaint(good.replace("sessionsPerUser: 3", "sessionsPerUser: 0"))).toContain(
    "limits.sessionsPerUser is out of range",
  );
  expect(data).toBe("/etc/portico/data");
});

test("ADM-08a every mistake of a file is told at once, each with line, column, what is wrong and what to write", () => {
  const wrong = good
    .replace("graceSeconds: 32", "graceSeconds: soon")
    .replace("protocol: TCP", "protocol: TPC")
    .replace("data: ./data", "data: ./data\nmaxExpireSeconds: 5")
    .replace("latchCore: false", "latchCore: 7")
    .replace("  entryPoint: sip:127.0.0.1:5060\n", "")
    .replace("corePorts: [41000, 41099]", "corePorts: [41000]")
    .replace("count: 10", "count: -1");
  expect(complaint(wrong).split("\n")).toEqual([
    "portal.yaml:4:1: home.entryPoint is missing; add it: entryPoint: ims.example",
    'portal.yaml:6:13: home.protocol is not one of the choices: "TPC"; did you mean TCP? (TCP or UDP or TLS)',
    "portal.yaml:12:14: media.corePorts has 1 entries; write a list of 2 entries (first and last port of media toward the core), for example corePorts: [41000, 41999]",
    "portal.yaml:13:14: media.latchCore is no true or false: 7; write true or false (take a far end's media from where it comes, once, not only from where its SDP says), for example latchCore: true",
    "portal.yaml:15:1: maxExpireSeconds is no setting of the portal; did you mean maxExpiresSeconds?",
    'portal.yaml:18:15: graceSeconds is no whole number: "soon"; write a whole number from 1 to 600 (seconds; how long a lost browser may take to come back before its registration ends), for example graceSeconds: 32',
    "portal.yaml:32:51: tenants.0.blocks.0.count is out of range: -1; write a whole number from 0 to 100000 (identities to generate), for example count: 10",
  ]);
});

/** A configuration with two entry points. */
const list = (second: string): string => good.replace("sip:127.0.0.1:5060", `[ims.example, "${second}"]`);

test("settings that do not fit each other are told", () => {
  expect(complaint(good.replace("mw: { address: 127.0.0.1", "mw: { address: 0.0.0.0"))).toMatch(
    /^portal\.yaml:8:16: mw\.address is not one address/,
  );
  expect(complaint(good.replace("[41000, 41099]", "[41099, 41000]"))).toContain(
    "media.corePorts ends before it begins",
  );
  expect(complaint(`${good}\ndatabase: { sqlite: a, postgres: "postgres://h/d" }`)).toContain("keep one of sqlite");
  expect(complaint(good.replace("listen: { address: 127.0.0.1", "listen: { address: 192.0.2.1"))).toContain(
    "without a certificate",
  );
  expect(complaint(`${good}\nadmin: { address: 192.0.2.1, port: 1 }`)).toContain("set admin.tls");
  expect(
    complaint(
      good.replace("listen: { address: 127.0.0.1,", "listen: { address: 127.0.0.1, trustedProxies: [10.0.0.0/40],"),
    ),
  ).toContain("listen.trustedProxies.0 is no address or network");
  expect(complaint(good.replace("domain: acme.ims.test", "subDomain: acme, domain: acme.ims.test"))).toBe(
    "portal.yaml:32:9: tenants.0.blocks.0 has domain and subDomain; keep one of them",
  );
  expect(complaint(good.replace("sip:127.0.0.1:5060", "tel:+1"))).toContain(
    "home.entryPoint is no domain and no SIP URI",
  );
  expect(complaint(list("not a name"))).toContain("home.entryPoint.1 is no domain and no SIP URI");
  expect(parseConfig(list("sip:10.1.0.5:5060"), "portal.yaml").home.entryPoint).toEqual([
    "ims.example",
    "sip:10.1.0.5:5060",
  ]);
  expect(complaint(good.replace(/protocol: \w+/, "protocol: TLS"))).toContain(
    "home.protocol is TLS, but this node has no",
  );
});

const site = (origin: string, tenant: string): string =>
  `${good}\nownCredentials: [{ origin: "${origin}", tenant: ${tenant} }]`;

test("EPC-REG-24a sites for credentials of one's own are those of a tenant", () => {
  expect(complaint(site("https://talk.acme.example", "nobody"))).toContain("ownCredentials.0.tenant is no tenant");
  expect(complaint(site("https://other.example", "acme"))).toContain(
    "ownCredentials.0.origin is no origin of its tenant",
  );
  expect(complaint(site("https://talk.acme.example", "acme"))).toBe("");
});

test("broken YAML is told by line, twice the same key too, and so is a missing file", () => {
  expect(complaint("publicUrl: [")).toMatch(/^portal\.yaml:1:\d+: is no YAML/);
  expect(complaint(`${good}graceSeconds: 3\n`)).toMatch(/^portal\.yaml:36:1: is no YAML: .*; keep one of the two$/);
  expect(complaint(`${good}log: *levels\n`)).toBe(
    "portal.yaml:36:6: is no YAML: there is no anchor for *levels; set the anchor &levels before it, or put the text in quotation marks",
  );
  expect(complaint(`${good}log: &log { level: *log }\n`)).toBe(
    "portal.yaml:36:20: is no YAML: *log stands in what it names; write it out",
  );
  const bomb = Array.from({ length: 12 }, (_, n) => `b${n + 1}: &b${n + 1} [${Array(9).fill(`*b${n}`).join(", ")}]`);
  expect(complaint(["b0: &b0 [x]", ...bomb].join("\n"))).toContain("its aliases stand for too much");
  expect(complaint("just a text")).toContain("no group of settings");
  expect(complaint("")).toContain("has no value");
  expect(() => readConfig("/nowhere/portal.yaml")).toThrow(/does not exist; name an existing file/);
});

test("EPC-WS-02b plain http, and with it plain ws, is accepted on localhost only", () => {
  expect(complaint(good.replace("https://portal.example", "http://portal.example"))).toContain("https");
  expect(complaint(good.replace("https://portal.example", "http://localhost:8090"))).toBe("");
});

test("what a file leaves out has its default", () => {
  const short = good.replace(/^(data|accessTokenSeconds|maxExpiresSeconds|graceSeconds): .*\n/gm, "");
  expect(parseConfig(short.replace("  latchCore: false\n", ""), "/etc/portico/portal.yaml")).toMatchObject({
    data: "/etc/portico/data",
    database: { sqlite: "/etc/portico/data/portal.sqlite" },
    accessTokenSeconds: 3600,
    graceSeconds: 32,
    media: { latchCore: false },
  });
});

test("ADM-08c secrets come from the environment or a file, as text or number, and $$ is a dollar sign", () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "password"), "s3$cret\n");
  const source = `${good
    .replace("graceSeconds: 32", "graceSeconds: ${env:GRACE}")
    .replace("name: Acme", () => "name: A$$${env:NAME}")}
keySecret: "\${env:KEYS}"
database: { postgres: "postgres://portico:\${file:password}@db.example/portico" }
`;
  const config = parseConfig(source, join(folder, "portal.yaml"), { GRACE: "44", NAME: "cme", KEYS: "k".repeat(32) });
  expect(config.graceSeconds).toBe(44);
  expect(config.tenants[0]?.name).toBe("A$cme");
  expect(config.database).toEqual({ postgres: "postgres://portico:s3$cret@db.example/portico" });
});

const database = (url: string): string => `${good}\ndatabase: { postgres: "${url}" }`;

test("ADM-08c a secret that is absent is told by its name, and one that is wrong is never shown", () => {
  expect(complaint(database("${env:DB_URL}"))).toMatch(
    /^portal\.yaml:37:23: database\.postgres takes .* variable DB_URL, which is not set; set DB_URL/,
  );
  expect(complaint(database("${file:/nowhere/db}"))).toMatch(
    /from \/nowhere\/db, which does not exist; create the file/,
  );
  expect(complaint(database("${secret}"))).toContain("write ${env:NAME} or ${file:PATH}");
  const hidden = { DB_URL: "mysql://root:hunter2@db", LEVEL: "hunter2" };
  for (const source of [
    database("${env:DB_URL}"),
    database("mysql://root:hunter2@db"),
    `${good}\nlog: { level: "\${env:LEVEL}" }`,
    good.replace("graceSeconds: 32", "graceSeconds: ${env:LEVEL}"),
    good.replace("mw: { address: 127.0.0.1", "mw: { address: '${env:LEVEL}'"),
  ]) {
    expect(() => parseConfig(source, "portal.yaml", hidden)).toThrow(ConfigError);
    expect(() => parseConfig(source, "portal.yaml", hidden)).not.toThrow(/hunter2/);
  }
});

test("ADM-08a a database for several nodes wants a secret for their keys, which is long and never shown", () => {
  const postgres = `${good}\ndatabase: { postgres: "postgres://h/d" }`;
  expect(complaint(postgres)).toContain("openssl rand -hex 32");
  const short = complaint(`${postgres}\nkeySecret: hunter2`);
  expect(short).toContain("keySecret");
  expect(short).not.toContain("hunter2");
  expect(parseConfig(`${postgres}\nkeySecret: ${"k".repeat(32)}`, "portal.yaml").keySecret).toHaveLength(32);
});

test("the JSON Schema for editors takes the file that the portal takes", () => {
  const schema = Compile(configSchema);
  expect(schema.Check(parse(good))).toBe(true);
  expect(schema.Check({ ...(parse(good) as object), graceSecond: 1 })).toBe(false);
  const undescribed = Object.entries(configSchema.properties).filter(([, rule]) => !("description" in rule));
  expect(undescribed).toEqual([]);
});

test("whatever a file holds, it is taken or its mistakes are told", () => {
  const rounds = Number(process.env["PORTICO_FUZZ_RUNS"] ?? 100);
  let seed = 20;
  const chance = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const scraps = [
    "",
    "{",
    "]",
    "- ",
    "\t",
    ": ",
    "null",
    "*a",
    "&a ",
    "!!",
    "${env:",
    "${file:/}",
    "\u0000",
    "é",
    "9e99",
    "|\n",
  ];
  for (let round = 0; round < rounds; round += 1) {
    let source = good;
    for (let n = chance(4); n >= 0; n -= 1) {
      const at = chance(source.length);
      source = source.slice(0, at) + (scraps[chance(scraps.length)] ?? "") + source.slice(at + chance(12));
    }
    const complaints = complaintsAbout(source);
    expect(complaints.every(({ line, remedy }) => line > 0 && remedy !== "")).toBe(true);
  }
});

/** Anything but a ConfigError goes through. */
function complaintsAbout(source: string): readonly Complaint[] {
  try {
    parseConfig(source, "portal.yaml", {});
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw new Error(source, { cause: error });
    return error.complaints.length > 0 ? error.complaints : [{ line: 0, column: 0, path: "", problem: "", remedy: "" }];
  }
}

test("ADM-08a settings turn and retention are checked: what they may be is told, and a secret is not shown", () => {
  const turn = (urls: string, secret: string): string =>
    complaint(`${good}\nturn: { urls: [${urls}], secret: ${secret} }`);
  expect(turn('"turns:turn.example:443?transport=tcp"', "a long enough secret")).toBe("");
  expect(turn('"https://turn.example"', "a long enough secret")).toContain("turn.urls.0 is not of the right form");
  const short = turn('"turn:turn.example"', "too-short");
  expect(short).toContain("turn.secret");
  expect(short).not.toContain("too-short");
  expect(complaint(`${good}\nretention: { tokens: 0, persons: 365 }`)).toContain("retention.tokens is out of range: 0");
  expect(complaint(`${good}\nretention: { call: 7 }`)).toContain("did you mean calls?");
});
