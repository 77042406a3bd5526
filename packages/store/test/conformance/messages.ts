import { expect, test } from "vitest";
import type { MessageRecord, Store } from "../../src/index.ts";

const at = Date.parse("2027-03-01T23:59:59Z");
const message = (id: string, more: Partial<MessageRecord> = {}): MessageRecord => ({
  id,
  node: "n1",
  tenant: "acme",
  clientId: "web",
  impu: "sip:u0001@acme.test",
  impi: "u0001@ims.test",
  remote: "tel:+12025550110",
  direction: "outgoing",
  icid: `icid-${id}`,
  at,
  status: 202,
  ...more,
});
const days = { from: "2027-03-01", until: "2027-04-01" };

export function messagesTests(open: () => Promise<Store>): void {
  test("CHG-02b CHG-03 each message has its record, and those accepted are in the usage of their tenant, client and day", async () => {
    const store = await open();
    const refused = message("b", { status: 404, direction: "incoming" });
    for (const one of [message("a"), refused, message("c", { at: at + 1000 }), message("x", { tenant: "other" })]) {
      await store.messages.add(one);
    }
    expect(await store.messages.page({ tenant: "acme" }, 10)).toEqual([
      message("c", { at: at + 1000 }),
      refused,
      message("a"),
    ]);
    expect(await store.usage.between(days, "acme")).toMatchObject([
      { day: "2027-03-01", clientId: "web", messages: 1, calls: 0 },
      { day: "2027-03-02", clientId: "web", messages: 1, calls: 0 },
    ]);
    await store.close();
  });

  test("CHG-02b PRV-03 records of messages are read page by page, and erased of persons without changing what is charged", async () => {
    const store = await open();
    for (const n of [1, 2, 3, 4]) {
      await store.messages.add(message(`m${n}`, { at: at + Math.floor(n / 2), impu: `sip:u${n % 2}@acme.test` }));
    }
    const first = await store.messages.page({ tenant: "acme" }, 2);
    expect(first.map(({ id }) => id)).toEqual(["m4", "m3"]);
    const last = first[1] ?? message("none");
    const rest = await store.messages.page({ tenant: "acme", before: { at: last.at, id: last.id } }, 10);
    expect(rest.map(({ id }) => id)).toEqual(["m2", "m1"]);
    const some = await store.messages.page(
      { tenant: "acme", from: at + 1, until: at + 2, impu: "sip:u1@acme.test" },
      10,
    );
    expect(some.map(({ id }) => id)).toEqual(["m3"]);
    const before = await store.usage.between(days);
    await store.messages.erase("sip:u1@acme.test", at, at + 1);
    const erased = (await store.messages.page({ tenant: "acme" }, 10)).filter(({ impu }) => impu === "");
    expect(erased).toMatchObject([{ id: "m1", impi: "", remote: "", status: 202 }]);
    await store.messages.purge(at + 2);
    expect((await store.messages.page({ tenant: "acme" }, 10)).map(({ id }) => id)).toEqual(["m4"]);
    expect(await store.usage.between(days)).toEqual(before);
    await store.close();
  });
}
