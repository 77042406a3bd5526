import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PortalUnderTest } from "../core/portalUnderTest.ts";
import { subscriptionOf } from "../core/testCore.ts";
import { needPackages } from "../support/packages.ts";
import { corePackages, startKamailioCore, type KamailioCore } from "./core.ts";
import { topology } from "./topology.ts";

const missing = needPackages(corePackages);

/** The first two entries of the portal's block, as an HSS has them that was provisioned otherwise. */
const [mary, ken, olivia] = [subscriptionOf("mary"), subscriptionOf("ken"), subscriptionOf("olivia")];
const subscriptions = [{ ...mary, impi: ken.impi }, { ...ken, impi: mary.impi }, olivia];

describe.skipIf(missing !== undefined)(
  `pairs at Kamailio${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let core: KamailioCore;
    let under: PortalUnderTest;

    beforeAll(async () => {
      core = await startKamailioCore({ subscriptions });
      under = await PortalUnderTest.start(
        {
          entryPoints: [core.entryPoint],
          portal: { address: topology.portal, port: 5060 },
          peers: [topology.icscf, topology.scscf],
        },
        "TCP",
      );
    });
    afterAll(async () => {
      await under?.close();
      await core?.close();
    });

    test("SEC-03c CORE-03 a pair that token, site and the portal's table allow, and the HSS does not: 403, nothing registered, an alarm", async () => {
      const phone = await under.phone("mary");
      expect((await phone.register()).status).toBe(403);
      const asked = core.hss.log.filter(({ impu }) => impu === mary.impu);
      expect(asked.map(({ name, impi, result }) => [name, impi, result])).toEqual([["UAR", mary.impi, 5002]]);
      expect(await core.contacts(mary.impu)).toEqual([]);
      expect(under.alarms).toEqual(["core.identity-refused"]);
      const other = await under.phone("olivia");
      expect((await other.register()).status).toBe(200);
      expect(await core.contacts(olivia.impu)).toHaveLength(1);
      phone.drop();
      other.drop();
    });
  },
);
