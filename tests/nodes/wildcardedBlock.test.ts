import type { Lab } from "@portico/lab";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { chromiumAnswer, connect } from "../core/webCall.ts";
import type { WebPhone } from "../core/webPhone.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { issuer, type PortalNode } from "./node.ts";
import { NodePair } from "./nodePair.ts";
import { ThirdParty } from "./thirdParty.ts";

const missing = needPackages(["postgresql", "redis-server"]);
const set = { impi: "company.acme@ims.test", impu: "sip:company@acme.ims.test" };
const wildcards = ["sip:!.*!@acme.ims.test", "tel:!\\+1212555010[0-9]!"];
const outside = "+12025550110";
/** Until a node that is silent is taken for gone, and until the next look for what it has left, ms; and what the end of that takes. */
const goneWithin = 30_000 + 5000 + 10_000 + 5000;

interface User {
  readonly phone: WebPhone;
  readonly impu: string;
}

/** Two portals, processes of their own, whose users share one wildcarded block: one subscription at the HSS (ADM-04). */
describe.skipIf(missing !== undefined)("a wildcarded block on two nodes", () => {
  let phones: WebPhone[] = [];
  let pair: NodePair;
  let lab: Lab;
  let a: PortalNode;
  let b: PortalNode;
  let acme: ThirdParty;

  beforeAll(async () => {
    pair = await NodePair.start([{ ...set, wildcards: wildcards.map((identity) => ({ identity })) }]);
    ({ lab } = pair);
    [a, b] = pair.nodes;
    acme = await ThirdParty.create("acme", issuer);
    const block = {
      id: "main",
      domain: "acme.ims.test",
      numbers: [{ from: "+12125550100" }],
      count: 10,
      wildcard: { impu: set.impu },
      assignment: "sticky",
      quarantineSeconds: 0,
    };
    await a.ask(pair.adminKey, "POST", "/tenants", acme.document(10, { blocks: [block] }));
  });
  afterEach(async () => {
    for (const phone of phones.splice(0)) phone.drop();
    await eventually(contacts, (all) => all.length === 0);
  });
  afterAll(() => pair?.close());

  const contacts = (): string[] => lab.registrations.flatMap(({ contacts: all }) => all.map(({ uri }) => uri));
  const registers = (): number => lab.wire.find("REGISTER", "S-CSCF", "in").length;

  async function come(node: PortalNode, user: string): Promise<User> {
    const grant = await acme.grant(node.url, user);
    const phone = await node.phone(acme, grant);
    phones.push(phone);
    expect((await phone.register()).status).toBe(200);
    return { phone, impu: grant.ims.impu };
  }

  /** Calls a user, who answers; then the caller hangs up. */
  async function answered({ phone, impu }: User): Promise<void> {
    phone.take = (tx) => void phone.accept(tx, chromiumAnswer, { ended: () => undefined });
    const calling = await lab.dial({ from: outside, to: impu });
    await eventually(
      () => calling.state,
      (state) => state !== "ringing",
    );
    expect(calling.state).toBe("connected");
    calling.hangUp();
    await calling.ended;
  }

  /** The final status of a call from outside, and how long it took, ms. */
  async function call(to: string): Promise<{ status: number; ms: number }> {
    const since = performance.now();
    const { status = 0 } = await (await lab.dial({ from: outside, to })).ended;
    return { status, ms: performance.now() - since };
  }

  test("ADM-04h ADM-04d each node registers the block once, for all of its users; a call reaches her whichever node she is at", async () => {
    const before = registers();
    const [mary, ken] = [await come(a, "mary"), await come(b, "ken")];
    const [olivia, again] = [await come(b, "olivia"), await come(b, "mary")];
    expect([contacts().length, registers() - before]).toEqual([2, 2]);
    expect(again.impu).toBe(mary.impu);
    expect((await call(ken.impu)).status).toBe(603);
    expect((await call(olivia.impu)).status).toBe(603);
    // Devices of one user at both nodes ring together.
    for (const { phone } of [mary, again]) phone.take = (tx) => tx.reply(486);
    expect((await call("+12125550100")).status).toBe(486);
    expect([mary, again, ken, olivia].map(({ phone }) => phone.calls.length)).toEqual([1, 1, 1, 1]);
    expect((await call("sip:nobody@acme.ims.test")).status).toBe(480);
    // The last user of one node leaves: the other node's stay.
    expect((await mary.phone.register(0)).status).toBe(200);
    await eventually(contacts, (all) => all.length === 1);
    expect((await call(ken.impu)).status).toBe(603);
    expect(registers() - before).toBe(3);
    expect(lab.violations).toEqual([]);
  });

  test("ADM-04h ADM-04c a user at one node calls one at the other, through the core", async () => {
    const [mary, ken] = [await come(a, "mary"), await come(b, "ken")];
    const through = await connect(mary.phone, ken.phone, ken.impu);
    expect(through.invite.get("P-Asserted-Identity")).toBe(`<${mary.impu}>`);
    await through.hangUp();
    expect(mary.phone.calls).toEqual([]);
  });

  test(
    "ADM-04h ADM-09b a node is killed: the block stays registered and the other node goes on; it ends what the dead one has left",
    async () => {
      const [mary, ken] = [await come(a, "mary"), await come(b, "ken")];
      const both = contacts();
      const before = registers();
      await b.end("SIGKILL");
      const killed = performance.now();
      // At once, though the core does not know yet that half of the block is gone.
      await answered(mary);
      const moved = await come(a, "ken");
      expect(moved.impu).toBe(ken.impu);
      await answered(moved);
      expect([mary.phone.calls.length, moved.phone.calls.length]).toEqual([1, 1]);
      expect(registers()).toBe(before);

      const left = await eventually(contacts, (all) => all.length === 1, goneWithin);
      expect(both).toContain(left[0]);
      expect(performance.now() - killed).toBeGreaterThan(20_000);
      expect(registers()).toBe(before + 1);
      // Nobody is waited for any more.
      mary.phone.take = (tx) => tx.reply(486);
      const calls = [await call(mary.impu), await call("sip:nobody@acme.ims.test")];
      expect(calls.map(({ status }) => status)).toEqual([486, 480]);
      for (const { ms } of calls) expect(ms).toBeLessThan(5000);
      expect([mary.phone.closed, moved.phone.closed]).toEqual([undefined, undefined]);

      await b.run();
      const olivia = await come(b, "olivia");
      expect(contacts().toSorted()).toEqual(both.toSorted());
      expect((await call(olivia.impu)).status).toBe(603);
      await answered(mary);
      expect(a.alarms).toEqual([]);
      expect(lab.violations).toEqual([]);
    },
    // A bound on hanging: it is half a minute until a node is taken for gone.
    120_000,
  );
});
