import { expect, test } from "vitest";
import type { CallRecord, Store } from "../../src/index.ts";

const begun = Date.parse("2027-03-01T23:59:00Z");

const call = (id: string, more: Partial<CallRecord> = {}): CallRecord => ({
  id,
  node: "n1",
  tenant: "acme",
  clientId: "web",
  impu: "sip:u0001@acme.test",
  impi: "u0001@ims.test",
  remote: "tel:+12025550110",
  direction: "outgoing",
  icid: `icid-${id}`,
  beganAt: begun,
  answeredAt: begun + 3000,
  endedAt: undefined,
  endedBy: undefined,
  status: undefined,
  ...more,
});
const ended = (id: string, more: Partial<CallRecord> = {}): CallRecord & { endedAt: number } => {
  return { ...call(id, { endedBy: "access", status: 200, ...more }), endedAt: more.endedAt ?? begun + 63_500 };
};
const days = { from: "2027-03-01", until: "2027-04-01" };

export function callsTests(open: () => Promise<Store>): void {
  test("CHG-02a CHG-03 a record begins with the answer, ends once, and is added once to the day it ended", async () => {
    const store = await open();
    await store.calls.answered(call("a"));
    expect(await store.calls.page({}, 10)).toEqual([call("a")]);
    await Promise.all([store.calls.ended(ended("a")), store.calls.ended(ended("a", { status: 503 }))]);
    await store.calls.answered(call("a"));
    const [record] = await store.calls.page({ tenant: "acme" }, 10);
    expect(record).toMatchObject({ id: "a", endedAt: begun + 63_500 });
    // 60.5 s are 61; the day is that of the end.
    const line = { tenant: "acme", clientId: "web", day: "2027-03-02", registrations: 0, messages: 0 };
    expect(await store.usage.between(days)).toEqual([{ ...line, calls: 1, answered: 1, seconds: 61 }]);
    await store.calls.ended(ended("b", { answeredAt: undefined, status: 486 }));
    await store.usage.add({ tenant: "acme", clientId: "web" }, begun + 63_500, { registrations: 2, messages: 3 });
    expect(await store.usage.between(days, "acme")).toEqual([
      { ...line, calls: 2, answered: 1, seconds: 61, registrations: 2, messages: 3 },
    ]);
    expect(await store.usage.between({ from: "2027-03-01", until: "2027-03-02" })).toEqual([]);
    expect(await store.usage.between(days, "other")).toEqual([]);
    await store.close();
  });

  test("CHG-02a what a dead node has left open ends when it was last seen alive, and only that", async () => {
    const store = await open();
    for (const id of ["a", "b"]) await store.calls.answered(call(id));
    await store.calls.answered(call("elsewhere", { node: "n2" }));
    await store.calls.ended(ended("b"));
    await store.calls.seen("n1", begun + 120_000);
    await store.calls.answered(call("young", { answeredAt: begun + 500_000 }));
    expect(await store.calls.endInterrupted("n1", begun + 400_000)).toBe(1);
    expect(await store.calls.endInterrupted("n1", begun + 400_000)).toBe(0);
    const records = new Map((await store.calls.page({}, 10)).map((one) => [one.id, one]));
    expect(records.get("a")).toMatchObject({ endedAt: begun + 120_000, endedBy: "interrupted" });
    expect(records.get("b")).toMatchObject({ endedAt: begun + 63_500, endedBy: "access" });
    expect(records.get("young")?.endedAt).toBeUndefined();
    expect(records.get("elsewhere")?.endedAt).toBeUndefined();
    expect(await store.usage.between(days)).toMatchObject([{ calls: 2, seconds: 61 + 117 }]);
    await store.close();
  });

  test("PRV-03 records are read page by page, and erased of persons without changing what is charged", async () => {
    const store = await open();
    for (const n of [1, 2, 3, 4]) {
      await store.calls.ended(ended(`c${n}`, { beganAt: begun + Math.floor(n / 2), impu: `sip:u${n % 2}@acme.test` }));
    }
    const first = await store.calls.page({ tenant: "acme" }, 2);
    expect(first.map(({ id }) => id)).toEqual(["c4", "c3"]);
    const { beganAt = 0, id = "" } = first.at(-1) ?? {};
    const rest = await store.calls.page({ tenant: "acme", before: { at: beganAt, id } }, 10);
    expect(rest.map((one) => one.id)).toEqual(["c2", "c1"]);
    expect((await store.calls.page({ from: begun + 1, until: begun + 2 }, 10)).map((one) => one.id)).toEqual([
      "c3",
      "c2",
    ]);
    const before = await store.usage.between(days);
    expect(await store.calls.erase("sip:u1@acme.test", begun, begun + 1)).toBe(1);
    const erased = (await store.calls.page({}, 10)).filter(({ impu }) => impu === "");
    expect(erased).toMatchObject([{ id: "c1", impi: "", remote: "", tenant: "acme" }]);
    expect(await store.usage.between(days)).toEqual(before);
    await store.calls.purge(begun + 63_501);
    expect(await store.calls.page({}, 10)).toEqual([]);
    expect(await store.usage.between(days)).toEqual(before);
    await store.close();
  });
}
