import { countTone } from "@portico/lab";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { needPackages } from "../support/packages.ts";
import { startBaresip, telephonePackages } from "./baresip.ts";
import { corePackages, startKamailioCore } from "./core.ts";
import { firstTelephone, secondTelephone } from "./subscribers.ts";

const missing = needPackages([...corePackages, ...telephonePackages]);
const tones = {
  first: { frequency: 600, onMs: 500, offMs: 300 },
  second: { frequency: 1000, onMs: 300, offMs: 300 },
};

/** The core of the tests by itself: without it, a failure of the portal's tests would say little. */
describe.skipIf(missing !== undefined)(`Kamailio core${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  const opened: { close(): Promise<void> }[] = [];
  const track = async <T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> => {
    const started = await starting;
    opened.push(started);
    return started;
  };
  afterEach(async () => {
    for (const one of opened.splice(0).toReversed()) await one.close();
  });

  test("two telephones register with digest and hear each other's tone", async () => {
    const core = await track(startKamailioCore({ subscriptions: [firstTelephone, secondTelephone] }));
    const { accessPoint } = core;
    const first = await track(startBaresip({ index: 0, subscription: firstTelephone, accessPoint, tone: tones.first }));
    const second = await track(
      startBaresip({ index: 1, subscription: secondTelephone, accessPoint, tone: tones.second }),
    );
    expect(core.hss.log.filter(({ name }) => name === "MAR")).toHaveLength(2);
    expect(await core.contacts(firstTelephone.impu)).toHaveLength(1);

    first.dial(`sip:${secondTelephone.tel}@ims.test`);
    await first.event("CALL_ESTABLISHED");
    await eventually(
      () => [countTone(first.heard(), tones.second.frequency), countTone(second.heard(), tones.first.frequency)],
      (counts) => counts.every((count) => count >= 10),
    );
    expect(first.heard().some(({ frequency }) => frequency === undefined)).toBe(true);
    second.hangUp();
    await first.event("CALL_CLOSED");
  });

  test("the HSS ends a registration with RTR", async () => {
    const core = await track(startKamailioCore({ subscriptions: [firstTelephone] }));
    await track(
      startBaresip({
        index: 0,
        subscription: firstTelephone,
        accessPoint: core.accessPoint,
        tone: tones.first,
      }),
    );
    expect(await core.deregister(firstTelephone.impu)).toBe(2001);
    await eventually(
      () => core.contacts(firstTelephone.impu),
      (contacts) => contacts.length === 0,
    );
    expect(core.hss.isAssigned(firstTelephone.impu)).toBe(false);
  });
});
