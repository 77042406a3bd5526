import type { InviteEnd, SipResponse } from "@portico/sip";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumOffer } from "../bench/chromiumOffer.ts";
import { startKamailioTestCore, type KamailioTestCore } from "../core/kamailioCore.ts";
import { PortalUnderTest } from "../core/portalUnderTest.ts";
import type { User } from "../core/testCore.ts";
import type { WebPhone } from "../core/webPhone.ts";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { corePackages } from "./core.ts";
import { topology } from "./topology.ts";

const missing = needPackages(corePackages);
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;
/** Who was granted first is asked for first. */
const users = ["ken", "olivia", "mary"] as const satisfies readonly User[];

/** Only the I-CSCF knows that there are two S-CSCFs, and Kamailio's turns to the second when the first has been silent for 2 s. */
describe.skipIf(missing !== undefined)(`two S-CSCFs at Kamailio${reason}`, () => {
  let core: KamailioTestCore;
  let under: PortalUnderTest;
  let phones: Record<(typeof users)[number], WebPhone>;

  beforeAll(async () => {
    core = await startKamailioTestCore({ reserve: true });
    under = await PortalUnderTest.start(core, "TCP");
    const [ken, olivia, mary] = [await under.phone("ken"), await under.phone("olivia"), await under.phone("mary")];
    phones = { ken, olivia, mary };
  });
  afterAll(async () => {
    for (const phone of Object.values(phones ?? {})) phone.drop();
    await under?.close();
    await core?.close();
  });

  /** The S-CSCF of each registration, as the portal has it. */
  const serving = (): string[] =>
    under.portal.epcscf
      .registrations(true)
      .map(({ network }) => /@([\d.]+)/.exec(network?.serviceRoute.join() ?? "")?.[1] ?? "");
  const watchedBy = (count: number): Promise<number[]> =>
    eventually(
      () => users.map((user) => core.watches(under.impu(user))),
      (counts) => counts.every((each) => each === count),
    );

  test("EPC-REG-01d EPC-REG-01h the first is gone for good: who calls is told to register anew, the others follow at once, and all are called and watched where they are now", async () => {
    for (const user of users) expect((await phones[user].register()).status).toBe(200);
    await watchedBy(1);
    expect(serving()).toEqual(users.map(() => topology.scscf));

    await core.kamailio.crash("scscf");
    const refused = await new Promise<SipResponse | InviteEnd>((resolve) => {
      phones.mary.call("sip:+12025550110@ims.test", chromiumOffer, { rejected: resolve, ended: resolve });
    });
    expect(refused).toMatchObject({ status: 504, body: expect.stringContaining("initial-registration") });
    expect((await phones.mary.register()).status).toBe(200);
    await eventually(serving, (all) => all.every((address) => address === topology.reserveScscf));
    await watchedBy(2);

    for (const user of users) {
      expect(await core.contacts(under.impu(user))).toHaveLength(1);
      expect(await core.call(under.impu(user))).toBe(603);
      expect(phones[user].calls).toHaveLength(1);
    }
    await core.terminate(under.impu("ken"));
    await eventually(
      () => phones.ken.closed,
      (closed) => closed?.reason === "network",
    );
    for (const user of ["olivia", "mary"] as const) {
      expect((await phones[user].register(0)).status).toBe(200);
      expect(core.assignments(under.impu(user)).at(-1)).toBe("USER_DEREGISTRATION");
    }
  });
});
