import { expect, test } from "vitest";
import type { RegistrationRecord, Store, SubscriptionRecord } from "../../src/index.ts";

const at = Date.parse("2027-03-01T12:00:00Z");
const served = {
  node: "n1",
  tenant: "acme",
  clientId: "web",
  impu: "sip:u0001@acme.test",
  impi: "u0001@ims.test",
};
const registration = (id: string, more: Partial<RegistrationRecord> = {}): RegistrationRecord => ({
  ...served,
  id,
  icid: `icid-${id}`,
  beganAt: at,
  renewedAt: at,
  registers: 1,
  endedAt: undefined,
  endReason: undefined,
  ...more,
});
const end = { renewedAt: at + 600_000, registers: 3, endedAt: at + 700_000, endReason: "logout" };
const subscription = (id: string, more: Partial<SubscriptionRecord> = {}): SubscriptionRecord => ({
  ...served,
  id,
  remote: served.impu,
  direction: "outgoing",
  event: "reg",
  expires: 600,
  icid: `icid-${id}`,
  at,
  status: 200,
  ...more,
});

export function softStateTests(open: () => Promise<Store>): void {
  test("CHG-02c a registration is one row from its begin to its end, and an end stays", async () => {
    const store = await open();
    const { registrationRecords: records } = store;
    await records.save([registration("a"), registration("x", { tenant: "other" })]);
    expect(await records.page({ tenant: "acme" }, 10)).toEqual([registration("a")]);
    await records.save([registration("a", { ...end, icid: "" }), registration("b", { beganAt: at + 1, ...end })]);
    const ended = [registration("b", { beganAt: at + 1, ...end }), registration("a", end)];
    expect(await records.page({ tenant: "acme" }, 10)).toEqual(ended);
    await records.save([registration("a", { endedAt: at + 1, endReason: "revoked" })]);
    expect(await records.page({ tenant: "acme" }, 10)).toEqual(ended);
    await store.close();
  });

  test("CHG-02c what a dead run of a node has left open ends when the node is back; of others and of the present run nothing", async () => {
    const store = await open();
    const { registrationRecords: records } = store;
    const now = at + 1000;
    const present = registration("now", { beganAt: now });
    await records.save([
      registration("dead"),
      registration("ended", end),
      registration("far", { node: "n2" }),
      present,
    ]);
    expect(await records.endInterrupted("n1", now)).toBe(1);
    expect(await records.endInterrupted("n1", now)).toBe(0);
    expect(await records.page({ tenant: "acme" }, 10)).toEqual([
      present,
      registration("far", { node: "n2" }),
      registration("ended", end),
      registration("dead", { endedAt: now, endReason: "interrupted" }),
    ]);
    await store.close();
  });

  test("CHG-02c PRV-03 more records than one statement takes are written, read page by page, erased of persons, forgotten", async () => {
    const store = await open();
    const { registrationRecords, subscriptionRecords } = store;
    const many = Array.from({ length: 2500 }, (_, n) => String(n).padStart(4, "0"));
    await registrationRecords.save(many.map((id, n) => registration(id, { beganAt: at + n, ...end })));
    await subscriptionRecords.add(
      many.map((id, n) => subscription(id, { at: at + n, ...(n === 7 ? { expires: undefined } : {}) })),
    );
    for (const records of [registrationRecords, subscriptionRecords]) {
      const page = await records.page({ tenant: "acme", before: { at: at + 10, id: "0010" } }, 3);
      expect(page.map(({ id }) => id)).toEqual(["0009", "0008", "0007"]);
      await records.erase(served.impu, at, at + 2);
      const erased = await records.page({ tenant: "acme", until: at + 3 }, 10);
      expect(erased.map(({ impu, impi }) => [impu, impi])).toEqual([
        [served.impu, served.impi],
        ["", ""],
        ["", ""],
      ]);
      expect(await records.page({ tenant: "other" }, 10)).toEqual([]);
    }
    const some = await subscriptionRecords.page({ tenant: "acme", impu: served.impu, from: at + 6, until: at + 8 }, 10);
    expect(some).toEqual([
      subscription("0007", { at: at + 7, expires: undefined }),
      subscription("0006", { at: at + 6 }),
    ]);
    await subscriptionRecords.purge(at + 2499);
    expect((await subscriptionRecords.page({ tenant: "acme" }, 10)).map(({ id }) => id)).toEqual(["2499"]);
    await registrationRecords.save([registration("open")]);
    await registrationRecords.purge(end.endedAt + 1);
    expect((await registrationRecords.page({ tenant: "acme" }, 10)).map(({ id }) => id)).toEqual(["open"]);
    await store.close();
  });
}
