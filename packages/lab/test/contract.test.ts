import { octets, parseReginfo } from "@portico/sip";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startLab } from "../src/index.ts";
import type { Lab, LabOptions } from "../src/index.ts";
import { TestNode, ken, mary } from "./ue.ts";
import type { RegisterOptions } from "./ue.ts";

// The simulator's contract (docs/requirements.md, CORE-01 to CORE-12): who breaks a rule is refused, and what the core owes it gives.
// Each rule has tests of its own beside this one; here all of them hold in one core.

let lab: Lab;
let node: TestNode;

const wildcard = { identity: "sip:!.*!@acme.ims.test", example: "sip:anybody@acme.ims.test" };

async function start(options: Partial<LabOptions> = {}, address?: string): Promise<void> {
  lab = await startLab({
    subscriptions: [{ ...mary, allowedWafWwsf: ["talk.acme.example"], wildcards: [wildcard] }, ken],
    trusted: [],
    ...options,
  });
  node = await TestNode.open(lab, address);
}

beforeEach(() => start());
afterEach(async () => {
  await node.close();
  await lab.close();
});

/** REGISTER of Mary in the name of a WAF or WWSF (draft-holmberg-sipcore-auth-id). */
const registerAs = async (entity: string) =>
  node.register(mary, {
    without: ["Authorization"],
    extra: [
      [
        "Authorization",
        `Digest username="${mary.impi}", realm="ims.test", uri="sip:ims.test", nonce="", response="", ` +
          `integrity-protected="auth-done", authorization-entity="${entity}"`,
      ],
    ],
  });

describe("who breaks a rule is refused, and nothing is registered", () => {
  const breaches: [rule: string, status: number, who: { impi: string; impu: string }, options: RegisterOptions][] = [
    ["CORE-01b no visited network", 400, mary, { without: ["P-Visited-Network-ID"] }],
    ["CORE-02 another mark than auth-done, without a password", 403, ken, { integrity: "tls-yes" }],
    ["CORE-03 a pair that is none", 403, { impi: ken.impi, impu: mary.impu }, {}],
    ["CORE-03 nobody's identity", 403, { impi: "x@ims.test", impu: "sip:x@ims.test" }, {}],
    ["CORE-05d outbound without ob", 439, mary, { instance: "1", regId: 1, path: "<sip:flow1@192.0.2.1;lr>" }],
    ["CORE-06b a wildcard", 403, { impi: mary.impi, impu: wildcard.identity }, {}],
    ["CORE-12 the token itself", 400, mary, { without: ["Authorization"], extra: [["Authorization", "Bearer a.b.c"]] }],
  ];
  for (const [rule, status, who, options] of breaches) {
    test(`GEN-13b ${rule}: ${status}`, async () => {
      expect((await node.register(who, options)).status).toBe(status);
      expect(lab.registrations).toEqual([]);
    });
  }

  test("GEN-13b CORE-01a an untrusted node: 403", async () => {
    await node.close();
    await lab.close();
    await start({}, "127.0.0.2");
    expect((await node.register(mary)).status).toBe(403);
    expect(lab.registrations).toEqual([]);
  });

  test("GEN-13b CORE-04a a WAF or WWSF that is not on the list: 403", async () => {
    expect((await registerAs("talk.other.example")).status).toBe(403);
    expect(lab.registrations).toEqual([]);
  });

  test("GEN-13b CORE-11a CORE-11b a request not along the Service-Route, or in another's name: 403", async () => {
    await node.register(mary);
    const route = node.serviceRoute;
    node.serviceRoute = [];
    expect((await node.send(node.request("MESSAGE", ken.impu, mary))).status).toBe(403);
    node.serviceRoute = route;
    expect((await node.send(node.request("MESSAGE", ken.impu, ken))).status).toBe(403);
  });
});

test("GEN-13b what the core owes: 200 with its route, the set, calls along the Path, and news of every end", async () => {
  // CORE-02, CORE-05, CORE-06
  const ok = await node.register(mary, { contact: "a" });
  expect([ok.status, ok.has("Service-Route"), ok.list("P-Associated-URI")]).toEqual([
    200,
    true,
    [`<${mary.impu}>`, `<tel:${mary.tel}>`],
  ]);
  expect(lab.cx.map(({ command }) => command)).toEqual(["UAR", "SAR"]);
  // CORE-10
  const invited = Promise.withResolvers<string[]>();
  node.onInvite = (tx) => {
    const { uri } = tx.request;
    invited.resolve([uri, tx.request.get("Route") ?? "", tx.request.get("P-Called-Party-ID") ?? ""]);
    tx.reply(486);
  };
  await (
    await lab.dial({ from: "+12025550110", to: mary.impu })
  ).ended;
  expect(await invited.promise).toEqual([`sip:a@${node.at}`, `<sip:a@${node.at};lr;ob>`, `<${mary.impu}>`]);
  // CORE-07
  const headers: [string, string][] = [
    ["Event", "reg"],
    ["Expires", "600"],
    ["Accept", "application/reginfo+xml"],
  ];
  await node.send(node.request("SUBSCRIBE", mary.impu, mary, headers));
  const document = async (count: number) => {
    await expect.poll(() => node.notifies.length).toBeGreaterThanOrEqual(count);
    return parseReginfo(octets.toText(node.notifies[count - 1]?.body ?? ""))?.registrations ?? [];
  };
  expect((await document(1)).at(-1)).toMatchObject({ aor: wildcard.example, wildcardedIdentity: wildcard.identity });
  // CORE-08
  await node.register(mary, { contact: "b" });
  expect((await document(2))[0]?.contacts.map(({ uri, state }) => `${uri.split("@")[0]} ${state}`)).toEqual([
    "sip:b active",
    "sip:a terminated",
  ]);
  // CORE-09
  expect(lab.deregister(mary.impu)).toBe(true);
  await document(3);
  expect(node.notifies[2]?.get("Subscription-State")).toContain("terminated");
  expect([lab.registrations, lab.violations]).toEqual([[], []]);
});

test("CORE-04b a list that the HSS pushes counts from the next REGISTER on, for who is registered too", async () => {
  expect((await registerAs("talk.acme.example")).status).toBe(200);
  expect(lab.allow(mary.impu, ["talk.new.example"])).toBe(true);
  expect(lab.cx.at(-1)).toMatchObject({ command: "PPR", impu: mary.impu });
  expect((await registerAs("talk.acme.example")).status).toBe(403);
  expect((await registerAs("talk.new.example")).status).toBe(200);
  lab.allow(`tel:${mary.tel}`, undefined);
  expect((await registerAs("talk.anybody.example")).status).toBe(200);
  expect(lab.allow("sip:nobody@ims.test", [])).toBe(false);
});

test("CORE-07 a wildcarded identity of the set stands in the reg event beside one that it stands for; none where there is none", async () => {
  const headers: [string, string][] = [
    ["Event", "reg"],
    ["Expires", "600"],
  ];
  await node.register(ken);
  await node.send(node.request("SUBSCRIBE", ken.impu, ken, headers));
  await expect.poll(() => node.notifies).toHaveLength(1);
  const [plain] = node.notifies;
  expect(plain?.body).not.toContain("<ere:wildcardedIdentity>");
  await node.register(mary, { contact: "flow2" });
  await node.send(node.request("SUBSCRIBE", mary.impu, mary, headers));
  await expect.poll(() => node.notifies).toHaveLength(2);
  const text = octets.toText(node.notifies[1]?.body ?? "");
  expect(text).toContain('xmlns:ere="urn:3gpp:ns:extRegExp:1.0"');
  const registrations = parseReginfo(text)?.registrations ?? [];
  expect(registrations.map(({ aor, wildcardedIdentity }) => [aor, wildcardedIdentity])).toEqual([
    [mary.impu, undefined],
    [`tel:${mary.tel}`, undefined],
    [wildcard.example, wildcard.identity],
  ]);
});
