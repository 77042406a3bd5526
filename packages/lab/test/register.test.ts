import { parseNameAddr } from "@portico/sip";
import { afterEach, expect, test } from "vitest";
import { startLab } from "../src/index.ts";
import type { Lab, LabOptions } from "../src/index.ts";
import { TestNode, ken, mary } from "./ue.ts";

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

async function start(options: Partial<LabOptions> = {}, address?: string): Promise<{ lab: Lab; node: TestNode }> {
  const lab = await startLab({ subscriptions: [mary, ken], trusted: [], ...options });
  cleanups.push(() => lab.close());
  const node = await TestNode.open(lab, address);
  cleanups.push(() => node.close());
  return { lab, node };
}

const instance = "8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b77";

test("CORE-01a auth-done of an untrusted sender is refused, of a listed one taken", async () => {
  const { lab, node } = await start({}, "127.0.0.2");
  const refused = await node.register(mary);
  expect([refused.status, refused.reason]).toEqual([403, "Forbidden - Untrusted Node"]);
  expect(lab.registrations).toEqual([]);
  const trusting = await start({ trusted: ["127.0.0.2"] }, "127.0.0.2");
  expect((await trusting.node.register(mary)).status).toBe(200);
});

test("CORE-01b a REGISTER is asked about with IMPI, IMPU and visited network; without the last it is refused", async () => {
  const { lab, node } = await start();
  const answer = await node.register(mary, { without: ["P-Visited-Network-ID"] });
  expect(answer.status).toBe(400);
  expect(lab.violations).toEqual(["EPC-REG-12: no P-Visited-Network-ID [REGISTER]"]);
});

test("CORE-02 auth-done is registered without a challenge", async () => {
  const { lab, node } = await start();
  expect((await node.register(mary)).status).toBe(200);
  expect(lab.wire.find("SIP/2.0 401")).toEqual([]);
  // Any other mark is no vouching: this user has no password, so nothing is left
  expect((await node.register(ken, { integrity: "ip-assoc-yes" })).status).toBe(403);
});

test("CORE-03 unknown users and pairs that do not match are refused", async () => {
  const { node } = await start();
  const stranger = await node.register({ impi: "x@ims.test", impu: "sip:x@ims.test" });
  expect([stranger.status, stranger.reason]).toEqual([403, "Forbidden - HSS User Unknown"]);
  const mixed = await node.register({ impi: ken.impi, impu: mary.impu });
  expect([mixed.status, mixed.reason]).toEqual([403, "Forbidden - Identities Do Not Match"]);
});

const digestOf = (entity: string): string =>
  `Digest username="${mary.impi}", realm="ims.test", uri="sip:ims.test", nonce="", response="", ` +
  `integrity-protected="auth-done", authorization-entity="${entity}"`;

test("CORE-04a a WAF or WWSF that the subscription does not list is refused", async () => {
  const { node } = await start({ subscriptions: [{ ...mary, allowedWafWwsf: ["talk.acme.example"] }] });
  const without = ["Authorization"];
  const register = async (entity: string) =>
    node.register(mary, { without, extra: [["Authorization", digestOf(entity)]] });
  expect((await register("talk.other.example")).status).toBe(403);
  expect((await register("talk.acme.example")).status).toBe(200);
});

test("CORE-05a CORE-05b CORE-05c the 200 carries what a P-CSCF needs", async () => {
  const { lab, node } = await start({ expiry: { min: 1, max: 300 } });
  const ok = await node.register(mary, { instance, regId: 1 });
  expect(ok.status).toBe(200);
  expect(ok.get("Path")).toBe(`<sip:flow1@${node.at};lr;ob>`);
  expect(ok.get("Service-Route")).toMatch(new RegExp(`^<sip:orig\\.\\w+@127\\.0\\.0\\.1:${lab.scscf.port};lr>$`));
  expect(ok.list("P-Associated-URI")).toEqual(["<sip:u0001@acme.ims.test>", "<tel:+12125550100>"]);
  expect(ok.get("P-Charging-Vector")).toMatch(/^icid-value="t-.*term-ioi="Type 1ims\.test"$/);
  expect(ok.get("P-Charging-Function-Addresses")).toBe("ccf=10.30.0.5");
  expect(ok.get("Feature-Caps")).toContain("+g.3gpp.icsi-ref");
  expect(ok.get("Require")).toBe("outbound");
  const contact = parseNameAddr(ok.get("Contact") ?? "");
  expect(contact.uri).toBe(`sip:flow1@${node.at}`);
  expect(contact.params.get("expires")).toBe("300");
  expect(contact.params.get("pub-gruu")).toBe(`"sip:u0001@acme.ims.test;gr=urn:uuid:${instance}"`);
  expect(contact.params.get("temp-gruu")).toMatch(/^"sip:tgru\..*;gr"$/);
  expect(lab.violations).toEqual([]);
});

test("CORE-05d outbound without ob in the first hop's Path is answered 439", async () => {
  const { node } = await start();
  const path = `<sip:flow1@${node.at};lr>`;
  expect((await node.register(mary, { instance, regId: 1, path })).status).toBe(439);
  const plain = await node.register(mary, { path });
  expect([plain.status, plain.has("Require")]).toEqual([200, false]);
});

test("CORE-06a one registration registers the whole implicit set", async () => {
  const { lab, node } = await start();
  await node.register(mary);
  expect(lab.registrations.map(({ identities }) => identities)).toEqual([[mary.impu, "tel:+12125550100"]]);
  const invited = new Promise<string>((resolve) => {
    node.onInvite = (tx) => {
      resolve(tx.request.get("P-Called-Party-ID") ?? "");
      tx.reply(486);
    };
  });
  const call = await lab.dial({ from: "+12025550110", to: "sip:+12125550100@ims.test;user=phone" });
  expect(await invited).toBe("<sip:+12125550100@ims.test;user=phone>");
  expect(await call.ended).toEqual({ by: "rejected", status: 486 });
});

test("CORE-06b a wildcard cannot be registered: only a distinct identity is one", async () => {
  const { lab, node } = await start();
  const wildcard = await node.register({ impi: mary.impi, impu: "sip:u!.*!@acme.ims.test" });
  expect([wildcard.status, wildcard.reason]).toEqual([403, "Forbidden - HSS User Unknown"]);
  expect(lab.registrations).toEqual([]);
});

test("CORE-08a a contact without reg-id replaces the others of its private identity; with reg-id they stand together", async () => {
  const { lab, node } = await start();
  const uris = (): string[] => lab.registrations.flatMap(({ contacts }) => contacts.map(({ uri }) => uri));
  await node.register(mary, { contact: "a", instance, regId: 1 });
  await node.register(mary, { contact: "b", instance: instance.replace("8", "9"), regId: 1 });
  expect(uris()).toEqual([`sip:a@${node.at}`, `sip:b@${node.at}`]);
  // The same instance and reg-id: the flow moved
  await node.register(mary, { contact: "c", instance, regId: 1 });
  expect(uris()).toEqual([`sip:b@${node.at}`, `sip:c@${node.at}`]);
  await node.register(mary, { contact: "d" });
  expect(uris()).toEqual([`sip:d@${node.at}`]);
  await node.register(mary, { contact: "e" });
  expect(uris()).toEqual([`sip:e@${node.at}`]);
});

test("contacts are refreshed, ended singly and all at once, in order", async () => {
  const { lab, node } = await start({ expiry: { min: 60, max: 3600 } });
  const brief = await node.register(mary, { expires: 30 });
  expect([brief.status, brief.get("Min-Expires")]).toEqual([423, "60"]);
  await node.register(mary);
  const again = await node.register(mary, { expires: 7200 });
  expect(again.list("Contact")).toHaveLength(1);
  expect(again.get("Contact")).toContain("expires=3600");
  const query = await node.register(mary, { without: ["Contact"] });
  expect(query.list("Contact")).toHaveLength(1);
  const gone = await node.register(mary, { expires: 0 });
  expect([gone.status, gone.has("Contact"), gone.has("Service-Route")]).toEqual([200, false, false]);
  expect(lab.registrations).toEqual([]);
  await node.register(mary);
  const star = {
    without: ["Contact"],
    extra: [
      ["Contact", "*"],
      ["Expires", "0"],
    ] as [string, string][],
  };
  expect((await node.register(mary, star)).status).toBe(200);
  expect(lab.registrations).toEqual([]);
});

test("an old CSeq of the same Call-ID is out of order", async () => {
  const { node } = await start();
  await node.register(mary);
  const late = { without: ["CSeq"], extra: [["CSeq", "1 REGISTER"]] as [string, string][] };
  expect((await node.register(mary, late)).status).toBe(500);
});

test("a contact that nobody refreshes expires", async () => {
  const { lab, node } = await start();
  await node.register(mary, { expires: 1 });
  expect(lab.registrations).toHaveLength(1);
  await expect.poll(() => lab.registrations.length, { timeout: 2000 }).toBe(0);
});

test.each([
  [
    "EPC-REG-07",
    "Bearer token toward the core",
    { without: ["Authorization"], extra: [["Authorization", "Bearer abc.def"]] },
  ],
  ["EPC-REG-11", "no Path", { without: ["Path"] }],
  ["EPC-REG-11", "Path without Require: path", { without: ["Require"] }],
  ["RFC 3327 §5.1", "Path without Supported: path", { without: ["Supported"] }],
  ["EPC-REG-13", "no P-Charging-Vector", { without: ["P-Charging-Vector"] }],
  ["EPC-SES-05", "Record-Route in REGISTER", { extra: [["Record-Route", "<sip:1.2.3.4;lr>"]] }],
  [
    "EPC-REG-17",
    "Contact of the browser",
    { without: ["Contact"], extra: [["Contact", "<sip:u@k3.invalid;transport=ws>;expires=60"]] },
  ],
] as [string, string, { without?: string[]; extra?: [string, string][] }][])(
  "REGISTER is refused, and told with the rule it breaks: $1",
  async (rule, breach, o) => {
    const { lab, node } = await start();
    expect((await node.register(mary, o)).status).toBe(400);
    expect(lab.violations).toEqual([`${rule}: ${breach} [REGISTER]`]);
    expect(lab.registrations).toEqual([]);
  },
);

test("one Contact for two users is noted", async () => {
  const { lab, node } = await start();
  const told: string[] = [];
  lab.onViolation((text) => told.push(text));
  await node.register(mary);
  await node.register(ken);
  expect(lab.violations).toEqual(["EPC-REG-17: one Contact for two users [REGISTER]"]);
  expect(told).toEqual(lab.violations);
});

test("a registration past the I-CSCF is refused", async () => {
  const { lab, node } = await start();
  const request = node.request("REGISTER", "sip:ims.test", mary, [
    ["P-Visited-Network-ID", "x"],
    ["Path", `<sip:a@${node.at};lr>`],
    ["Require", "path"],
    ["Supported", "path"],
  ]);
  expect((await node.send(request, lab.scscf)).reason).toBe("Forbidden - Not By Way Of The I-CSCF");
});
