import type { RegistrationUse, SubscriptionFact } from "@portico/epcscf";
import { openStore, type Store } from "@portico/store";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CallRecords } from "../src/callRecords.ts";

const node = "192.0.2.1:5060";
const alarms: string[] = [];
const log = { info: () => undefined, warn: () => undefined, alarm: (event: string) => void alarms.push(event) };
const served = { tenant: "acme", clientId: "c", impu: "sip:a@b", impi: "a@b" };
const began: RegistrationUse = { ...served, id: "r1", icid: "i1", beganAt: 1000, renewedAt: 1000, registers: 1 };
const ended: RegistrationUse = {
  ...served,
  id: "r1",
  beganAt: 1000,
  renewedAt: 7000,
  registers: 4,
  end: { at: 9000, reason: "token-expired" },
};
const subscribed = (id: string): SubscriptionFact => ({
  ...served,
  id,
  direction: "outgoing",
  remote: "sip:a@b",
  event: "reg",
  expires: 600,
  icid: "i",
  at: 2000,
  status: 200,
});

let store: Store;
let transactions = 0;
let records: CallRecords;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  alarms.length = 0;
  transactions = 0;
  store = await openStore({ sqlite: ":memory:" });
  records = new CallRecords(counted(store), log, () => 5000);
  await records.begin(node, 0);
});
afterEach(async () => {
  vi.useRealTimers();
  await records.close();
  await store.close();
});

const counted = (of: Store): Store => ({
  ...of,
  transaction: (work) => {
    transactions += 1;
    return of.transaction(work);
  },
});
const rows = (): ReturnType<Store["registrationRecords"]["page"]> => store.registrationRecords.page({}, 10);
const whole = { ...served, node, id: "r1", icid: "i1", beganAt: 1000, renewedAt: 7000, registers: 4 };

test("CHG-02c records wait for each other and are written together, what begins and ends meanwhile once", async () => {
  records.softState.registration(began);
  records.softState.subscription(subscribed("s1"));
  records.softState.registration(ended);
  records.softState.subscription(subscribed("s2"));
  await vi.advanceTimersByTimeAsync(9999);
  expect(transactions).toBe(0);
  await vi.advanceTimersByTimeAsync(1);
  await records.softState.flush();
  expect(transactions).toBe(1);
  expect(await rows()).toEqual([{ ...whole, endedAt: 9000, endReason: "token-expired" }]);
  expect((await store.subscriptionRecords.page({ tenant: "acme" }, 10)).map(({ id }) => id)).toEqual(["s2", "s1"]);
});

test("CHG-02c an end that comes later completes the row; a node that closes writes what waits", async () => {
  records.softState.registration(began);
  await records.softState.flush();
  expect(await rows()).toMatchObject([{ id: "r1", registers: 1, endedAt: undefined }]);
  records.softState.registration(ended);
  await records.close();
  expect(await rows()).toEqual([{ ...whole, endedAt: 9000, endReason: "token-expired" }]);
});

test("CHG-02c a node that died has its registrations ended at its next start", async () => {
  records.softState.registration(began);
  await records.softState.flush();
  const next = new CallRecords(store, log, () => 6000);
  await next.begin(node, 6000);
  await next.close();
  expect(await rows()).toMatchObject([{ id: "r1", registers: 1, endedAt: 6000, endReason: "interrupted" }]);
});

/** Has the database refuse that many writes. @param meanwhile what comes while one is under way */
function refuse(writes: number, meanwhile: () => void = () => undefined): void {
  const failing = vi.spyOn(store.registrationRecords.constructor.prototype as Store["registrationRecords"], "save");
  for (let n = 0; n < writes; n += 1)
    failing.mockImplementationOnce(async () => {
      meanwhile();
      throw new Error("disk full");
    });
}

test("CHG-02c what cannot be written is an alarm, waits, and is written with what comes after", async () => {
  refuse(1, () => {
    records.softState.registration(ended);
    records.softState.subscription(subscribed("s2"));
  });
  records.softState.registration(began);
  records.softState.subscription(subscribed("s1"));
  await records.softState.flush();
  expect(alarms).toEqual(["usage.not-written"]);
  await vi.advanceTimersByTimeAsync(10_000);
  await records.softState.flush();
  expect(await rows()).toEqual([{ ...whole, endedAt: 9000, endReason: "token-expired" }]);
  expect((await store.subscriptionRecords.page({ tenant: "acme" }, 10)).map(({ id }) => id)).toEqual(["s2", "s1"]);
  expect(alarms).toHaveLength(1);
});

test("CHG-02c what the database never takes is given up after a minute, and what comes after is written", async () => {
  refuse(6);
  records.softState.subscription(subscribed("s1"));
  for (let n = 0; n < 6; n += 1) {
    await vi.advanceTimersByTimeAsync(10_000);
    await records.softState.flush();
  }
  expect(alarms).toHaveLength(6);
  records.softState.registration(ended);
  await records.softState.flush();
  expect(await rows()).toMatchObject([{ id: "r1", icid: "", registers: 4, endReason: "token-expired" }]);
  expect(await store.subscriptionRecords.page({ tenant: "acme" }, 10)).toEqual([]);
});
