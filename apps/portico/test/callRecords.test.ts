import { openStore } from "@portico/store";
import { expect, onTestFinished, test } from "vitest";
import { CallRecords } from "../src/callRecords.ts";

const node = "192.0.2.1:5060";
const quiet = { info: () => undefined, warn: () => undefined, alarm: () => undefined };

test("PRV-03 records of calls are forgotten when their time is over, and what is charged stays", async () => {
  const store = await openStore({ sqlite: ":memory:" });
  onTestFinished(() => store.close());
  const [now, day] = [Date.parse("2027-06-01T00:00:00Z"), 86_400_000];
  const call = {
    node,
    tenant: "acme",
    clientId: "c",
    impu: "sip:a@b",
    impi: "a@b",
    remote: "tel:+1",
    direction: "incoming",
    icid: "i",
  } as const;
  for (const [id, age] of [
    ["old", 31],
    ["young", 29],
  ] as const) {
    const endedAt = now - age * day;
    const times = { beganAt: endedAt - 5000, answeredAt: endedAt - 4000, endedAt };
    await store.calls.ended({ ...call, ...times, id, endedBy: "core", status: 200 });
  }
  const records = new CallRecords(store, quiet, () => now);
  await records.forgetAfter(30);
  await records.close();
  expect((await store.calls.page({ tenant: "acme" }, 10)).map(({ id }) => id)).toEqual(["young"]);
  const sums = await store.usage.between({ from: "2027-01-01", until: "2028-01-01" }, "acme");
  expect(sums.reduce((sum, { calls }) => sum + calls, 0)).toBe(2);
});
