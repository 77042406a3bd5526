import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLab, type Lab } from "@portico/lab";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Site } from "../kamailio/site.ts";
import { PortalProcess } from "../lab/support/portalProcess.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/ports.ts";
import { configuration, PortalUnderTest, signIn } from "./portalUnderTest.ts";
import type { CoreAddresses } from "./testCore.ts";
import { connect } from "./webCall.ts";
import { WebPhone } from "./webPhone.ts";

// Kamailio stores wildcarded identities and never matches one: only the lab core can be the other side here.

const shared = { impi: "company.acme@ims.test", impu: "sip:company@acme.ims.test" };
const wildcards = ["sip:!.*!@acme.ims.test", "tel:!\\+1212555010[0-3]!"];
const block = {
  id: "main",
  domain: "acme.ims.test",
  numbers: [{ from: "+12125550100" }],
  count: 4,
  wildcard: { impu: shared.impu },
  assignment: "sticky" as const,
  quarantineSeconds: 0,
};
const outside = "+12025550110";

let lab: Lab;
let core: CoreAddresses;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  const subscription = { ...shared, wildcards: wildcards.map((identity) => ({ identity })) };
  // In the same domain, with a subscription of his own.
  const guard = { impi: "guard.acme@ims.test", impu: "sip:guard@acme.ims.test" };
  lab = await startLab({ subscriptions: [subscription, guard], trusted: ["127.0.0.1"] });
  cleanups.push(() => lab.close());
  const { address, port } = lab.icscf;
  core = { entryPoints: [`sip:${address}:${port}`], portal: { address: "127.0.0.1", port: 0 }, peers: ["127.0.0.1"] };
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** Contacts by the identity that is registered. */
const contacts = (): [string, number][] => lab.registrations.map(({ impu, contacts: all }) => [impu, all.length]);

/** The final status of a call from outside. */
const callStatus = async (to: string): Promise<number> =>
  (await (await lab.dial({ from: outside, to })).ended).status ?? 0;

describe("a wildcarded block on the lab core", () => {
  let under: PortalUnderTest;
  let phones: WebPhone[];

  beforeEach(async () => {
    under = await PortalUnderTest.start(core, "TCP", { blocks: [block] });
    cleanups.push(() => under.close());
    phones = [];
    cleanups.push(() => phones.forEach((phone) => phone.drop()));
  });

  /** A user's phone, registered. */
  async function come(user: string): Promise<{ phone: WebPhone; impu: string }> {
    const { impu } = await under.signIn(user);
    const phone = await under.phone(user);
    phones.push(phone);
    expect((await phone.register()).status).toBe(200);
    return { phone, impu };
  }

  test("ADM-04a ADM-04g the core has one contact and one watch for all users, of the subscription that the export names", async () => {
    const text: string[] = [];
    for await (const piece of under.portal.waf.blocks.export("json")) text.push(piece);
    expect(JSON.parse(text.join(""))).toMatchObject([{ ...shared, wildcards }]);
    await come("mary");
    await come("ken");
    expect(contacts()).toEqual([[shared.impu, 1]]);
    expect(lab.wire.find("REGISTER", "S-CSCF", "in")).toHaveLength(1);
    await eventually(
      () => lab.wire.find("SUBSCRIBE", "S-CSCF", "in").length,
      (count) => count === 1,
    );
    const asked = lab.cx.filter(({ command }) => command !== "LIR").map(({ command, impu }) => `${command} ${impu}`);
    expect(asked).toEqual([`UAR ${shared.impu}`, `SAR ${shared.impu}`]);
    expect(lab.violations).toEqual([]);
  });

  test("ADM-04c ADM-04d one user calls another through the core: her own identity is asserted, and his page rings", async () => {
    const [mary, ken] = [await come("mary"), await come("ken")];
    const call = await connect(mary.phone, ken.phone, ken.impu);
    expect(call.invite.get("P-Asserted-Identity")).toBe(`<${mary.impu}>`);
    expect(mary.phone.calls).toEqual([]);
    expect(under.portal.epcscf.counts.sessions).toBe(2);
    await call.hangUp();
    await eventually(
      () => under.portal.epcscf.counts.sessions,
      (sessions) => sessions === 0,
    );
    expect(lab.violations).toEqual([]);
  });

  test("ADM-04d a telephone reaches the user whose number or address it dials, on all her devices; 480 for everybody else", async () => {
    const [mary, again, ken] = [await come("mary"), await come("mary"), await come("ken")];
    expect(await callStatus("+12125550100")).toBe(603);
    expect([mary, again, ken].map(({ phone }) => phone.calls.length)).toEqual([1, 1, 0]);
    expect(mary.phone.calls[0]?.get("P-Called-Party-ID")).toContain("+12125550100");
    expect(await callStatus(ken.impu)).toBe(603);
    expect(ken.phone.calls).toHaveLength(1);
    for (const to of ["+12125550103", "sip:nobody@acme.ims.test", shared.impu, "sip:guard@acme.ims.test"]) {
      expect([to, await callStatus(to)]).toEqual([to, 480]);
    }
    expect(lab.violations).toEqual([]);
  });

  test("ADM-04a ADM-04f one logs out and the other stays; with the last one the core holds nothing", async () => {
    const [mary, ken] = [await come("mary"), await come("ken")];
    expect((await mary.phone.register(0)).status).toBe(200);
    expect(contacts()).toEqual([[shared.impu, 1]]);
    expect([await callStatus(mary.impu), await callStatus(ken.impu)]).toEqual([480, 603]);
    expect((await ken.phone.register(0)).status).toBe(200);
    await eventually(contacts, (left) => left.length === 0);
    await come("mary");
    expect(contacts()).toEqual([[shared.impu, 1]]);
  });

  test("ADM-04e the HSS takes the subscription away: every user is told, and comes back under a new registration", async () => {
    const [mary, ken] = [await come("mary"), await come("ken")];
    await eventually(
      () => lab.wire.find("NOTIFY", "S-CSCF", "out").length,
      (count) => count > 0,
    );
    lab.deregister(shared.impu);
    for (const { phone } of [mary, ken]) {
      const closed = await eventually(
        () => phone.closed,
        (end) => end !== undefined,
      );
      expect(closed).toEqual({ code: 4403, reason: "network" });
    }
    await come("mary");
    expect(contacts()).toEqual([[shared.impu, 1]]);
  });

  test("ADM-04e the core is unreachable: 504, as without a wildcard", async () => {
    await lab.stopIcscf(0);
    const phone = await under.phone("mary");
    phones.push(phone);
    expect((await phone.register()).status).toBe(504);
    await lab.startIcscf(0);
    expect((await phone.register()).status).toBe(200);
  });

  test("ADM-04b ADM-02 the tenant is suspended: nobody is registered, the core holds nothing, nobody comes back", async () => {
    const [mary, ken] = [await come("mary"), await come("ken")];
    const closed = under.phone("mary");
    phones.push(await closed);
    await under.portal.waf.tenants.suspend("acme", { by: "test" });
    for (const { phone } of [mary, ken]) {
      const end = await eventually(
        () => phone.closed,
        (value) => value !== undefined,
      );
      expect(end?.reason).toBe("revoked");
    }
    await eventually(contacts, (left) => left.length === 0);
    expect((await (await closed).register()).status).toBe(401);
  });

  test("ADM-04f the portal is closed: the core holds nothing", async () => {
    await come("mary");
    await come("ken");
    await under.close();
    expect(contacts()).toEqual([]);
    expect(lab.violations).toEqual([]);
  });
});

test("ADM-04f the portal's process is killed: the next one takes the registration over, or ends it within 10 s", async () => {
  const folder = mkdtempSync(join(tmpdir(), "portico-block-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const site = await Site.start();
  cleanups.push(() => site.close());
  const port = await freePort();
  const publicUrl = `http://127.0.0.1:${port}`;
  const file = join(folder, "portal.yaml");
  const { tenants, ...base } = configuration(
    join(folder, "data"),
    site,
    { ...core, portal: { ...core.portal, port: await freePort() } },
    "TCP",
  );
  const settings = {
    ...base,
    tenants: tenants.map((tenant) => Object.assign(tenant, { blocks: [block] })),
    publicUrl,
    listen: { address: "127.0.0.1", port },
    graceSeconds: 32,
    log: { level: "silent" },
  };
  // YAML takes JSON as it is.
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  let portal = await PortalProcess.start(file);
  cleanups.push(() => portal.end("SIGKILL"));
  site.useWaf(`${publicUrl}/waf`);
  const register = async (): Promise<WebPhone> => {
    const { accessToken: token, impu } = await signIn(site, "mary");
    const url = `${publicUrl.replace("http", "ws")}/w2`;
    const phone = await WebPhone.open({ url, origin: site.origin, identity: { impu, token } });
    cleanups.push(() => phone.drop());
    expect((await phone.register()).status).toBe(200);
    return phone;
  };
  const contactUris = (): string[] => lab.registrations.flatMap(({ contacts: all }) => all.map(({ uri }) => uri));

  await register();
  const before = contactUris();
  await portal.end("SIGKILL");
  portal = await PortalProcess.start(file);
  const back = await register();
  expect(contactUris()).toEqual(before);
  back.take = (tx) => tx.reply(603);
  expect(await callStatus("+12125550100")).toBe(603);

  await portal.end("SIGKILL");
  expect(contactUris()).toEqual(before);
  portal = await PortalProcess.start(file);
  await eventually(contactUris, (left) => left.length === 0, 10_000);
  expect(lab.violations).toEqual([]);
});
