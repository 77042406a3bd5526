import fc from "fast-check";
import { expect, test } from "vitest";
import { anyStep, Model, type Step } from "./support/lifeCycle.ts";

/** `npm run test:long` asks for thousands of rounds of much less, other ones each time; a short run has always the same. */
const long = process.env["PORTICO_FUZZ_RUNS"] !== undefined;
const rounds = Math.ceil(Number(process.env["PORTICO_FUZZ_RUNS"] ?? 300) / 50);

async function faultsAfter(steps: readonly Step[]): Promise<string[]> {
  const model = new Model();
  try {
    await model.open();
    for (const step of steps) {
      await model.run(step);
      const faults = await model.check();
      if (faults.length > 0) return faults;
    }
    return await model.end();
  } finally {
    await model.close();
  }
}

test(
  "EPC-DER-06 WWSF-04a whatever happens in whatever order: one holder for each identity, and in the end nothing is left anywhere",
  async () => {
    const sequences = fc.array(anyStep, { minLength: 8, maxLength: 25 });
    const holds = fc.asyncProperty(sequences, async (steps) => {
      expect(await faultsAfter(steps)).toEqual([]);
    });
    await expect(fc.assert(holds, { numRuns: rounds, ...(long ? {} : { seed: 1 }) })).resolves.toBeUndefined();
  },
  60_000 + rounds * 10_000,
);
