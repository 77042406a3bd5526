import { SeededRandom } from "@portico/sip/testing";
import { expect, test } from "vitest";
import { HashedTable, tableSecret } from "../src/transaction/table.ts";

test("a table holds what a Map would hold, whatever comes and goes", () => {
  const random = new SeededRandom(11);
  const table = new HashedTable<number>(tableSecret(random));
  const model = new Map<string, number>();
  for (let turn = 0; turn < 20_000; turn += 1) {
    // Few keys, so that they come again, and enough for the table to grow.
    const key = `z9hG4bK${random.token(2)} b.invalid REGISTER`;
    const coin = random.token(1);
    if (coin < "c") {
      table.delete(key);
      model.delete(key);
    } else if (coin > "m") {
      table.set(key, turn);
      model.set(key, turn);
    }
    expect(table.get(key)).toBe(model.get(key));
    expect(table.size).toBe(model.size);
  }
  expect(new Set(table.values())).toEqual(new Set(model.values()));
  const all = table.values();
  table.clear();
  expect([table.size, table.values().length, all.length]).toEqual([0, 0, model.size]);
});

test("keys that differ at any one place are spread over the slots", () => {
  const table = new HashedTable<number>(tableSecret(new SeededRandom(5)));
  const keys = Array.from({ length: 30_000 }, (_, i) => `z9hG4bK${"A".repeat(40)}${i} WS b.invalid`);
  const began = performance.now();
  for (const [i, key] of keys.entries()) table.set(key, i);
  const found = keys.filter((key, i) => table.get(key) === i);
  // In one slot they would need many minutes.
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(found).toHaveLength(keys.length);
});
