import { expect, test } from "vitest";
import { growthTable, measureGrowth } from "./growth.ts";

test("the figure is the power of the length that the worst input grows with", async () => {
  const measured = await measureGrowth("some.cost", {
    unit: "exponent",
    rounds: 5,
    lengths: [1000, 2000, 4000, 8000],
    measure: async () =>
      new Map([
        ["linear", [3, 6, 12, 24]],
        ["square", [1, 4, 16, 64]],
        ["nothing at all", [5, 5, 5, 5]],
      ]),
  });
  expect(measured.growth.map(({ input, exponent }) => [input, exponent])).toEqual([
    ["linear", 1],
    ["square", 2],
    ["nothing at all", 0],
  ]);
  expect(measured).toMatchObject({ name: "some.cost", unit: "exponent", ours: 2, peer: null, ratio: null, rounds: 5 });
  expect(growthTable(measured)).toMatch(/^some\.cost +2 exponent[^]*\n {2}square +1 +4 +16 +64 +2\n/);
});
