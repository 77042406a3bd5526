import { startLab, type Lab } from "@portico/lab";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PortalUnderTest } from "../core/portalUnderTest.ts";
import { subscriptionOf } from "../core/testCore.ts";

/** The first two entries of the portal's block, as an HSS has them that was provisioned otherwise. */
const [mary, ken, olivia] = [subscriptionOf("mary"), subscriptionOf("ken"), subscriptionOf("olivia")];
const subscriptions = [{ ...mary, impi: ken.impi }, { ...ken, impi: mary.impi }, olivia];

let lab: Lab;
let under: PortalUnderTest;

beforeAll(async () => {
  lab = await startLab({ subscriptions, trusted: [] });
  under = await PortalUnderTest.start(
    {
      entryPoints: [`sip:${lab.icscf.address}:${lab.icscf.port}`],
      portal: { address: "127.0.0.1", port: 0 },
      peers: ["127.0.0.1"],
    },
    "TCP",
  );
});
afterAll(async () => {
  await under?.close();
  await lab?.close();
});

test("SEC-03c CORE-03 a pair that token, site and the portal's table allow, and the HSS does not: 403, nothing registered, an alarm", async () => {
  const phone = await under.phone("mary");
  expect((await phone.register()).status).toBe(403);
  const asked = lab.cx.filter(({ impu }) => impu === mary.impu);
  expect(asked.map(({ command, impi, result }) => [command, impi, result])).toEqual([["UAR", mary.impi, 5002]]);
  expect(lab.registrations).toEqual([]);
  expect(under.portal.epcscf.counts.registrations).toBe(0);
  expect(under.alarms).toEqual(["core.identity-refused"]);
  const other = await under.phone("olivia");
  expect((await other.register()).status).toBe(200);
  expect(lab.registrations.map(({ impu }) => impu)).toEqual([olivia.impu]);
  phone.drop();
  other.drop();
});
