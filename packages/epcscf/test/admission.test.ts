import { SeededRandom, VirtualClock } from "@portico/sip/testing";
import { describe, expect, test } from "vitest";
import { EpcscfError } from "../src/errors.ts";
import { Admission } from "../src/registration/admission.ts";
import { openRig } from "./support/rig.ts";

/** Seconds the browser is told to stay away; undefined when it was let in. */
async function knock(admission: Admission): Promise<number | undefined> {
  try {
    await admission.turn();
    return undefined;
  } catch (error) {
    if (!(error instanceof EpcscfError) || error.status !== 503) throw error;
    const [, seconds] = error.headers.find(([name]) => name === "Retry-After") ?? [];
    return Number(seconds);
  }
}

describe("after a restart", () => {
  // 5000 in the long run alone: the virtual clock is slow with so many timers.
  test.each(process.env["PORTICO_FUZZ_RUNS"] === undefined ? [500] : [500, 5000])(
    "EPC-WS-08d %i browsers at once are all in within a minute, at the pace of the core",
    async (count) => {
      const clock = new VirtualClock();
      const random = new SeededRandom(count);
      const registrationsPerSecond = count / 25;
      const admission = new Admission({ clock, random, registrationsPerSecond });
      const admitted: number[] = [];
      const browser = async (): Promise<void> => {
        const seconds = await knock(admission);
        if (seconds === undefined) return void admitted.push(clock.now());
        // As the SDK does: Retry-After, and half a second to a second of its own (WIC-15a).
        const own = 500 + 500 * (Number.parseInt(random.token(4), 36) / 36 ** 4);
        clock.setTimer(seconds * 1000 + own, () => void browser());
      };
      // They notice the restart within two seconds.
      for (let at = 0; at < count; at += 1) clock.setTimer((2000 * at) / count, () => void browser());
      let second = 0;
      const perSecond: number[] = [];
      for (; admitted.length < count && second < 120; second += 1) {
        const before = admitted.length;
        await clock.settle(1000);
        perSecond.push(admitted.length - before);
      }
      expect(second).toBeLessThanOrEqual(60);
      expect(Math.max(...perSecond)).toBeLessThanOrEqual(1.25 * registrationsPerSecond + 1);
      expect(clock.pending).toBe(0);
    },
  );

  test("EPC-WS-08d who is told to come back is told another time than the others", async () => {
    const admission = new Admission({
      clock: new VirtualClock(),
      random: new SeededRandom(1),
      registrationsPerSecond: 10,
    });
    const times: number[] = [];
    for (let at = 0; at < 300; at += 1)
      void knock(admission).then((seconds) => seconds !== undefined && times.push(seconds));
    await Promise.resolve().then(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    // 42 have a turn within 4 s; the others have work for 26 s among them.
    expect(times.length).toBeGreaterThan(250);
    expect(new Set(times).size).toBeGreaterThan(10);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...times)).toBeLessThanOrEqual(31);
  });
});

test("EPC-WS-08d a new registration beyond the pace gets 503 with Retry-After; refreshes do not count", async () => {
  const rig = await openRig({ registrationsPerSecond: 0.2 });
  try {
    const first = await rig.connect();
    const token = await rig.token();
    expect((await first.register(token)).status).toBe(200);
    const second = await rig.connect();
    const refused = await second.register(await rig.token(), {
      contact:
        '<sip:u0042@other.invalid;transport=ws>;reg-id=1;+sip.instance="<urn:uuid:8e2f3c60-5d0b-4c79-9d7b-0a9c2f5e1b78>"',
    });
    expect(refused.status).toBe(503);
    expect(Number(refused.get("Retry-After"))).toBeGreaterThanOrEqual(5);
    for (let at = 0; at < 5; at += 1) expect((await first.register(token)).status).toBe(200);
    expect(rig.core.got.filter(({ method }) => method === "REGISTER")).toHaveLength(6);
  } finally {
    await rig.close();
  }
});
