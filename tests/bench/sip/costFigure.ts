import type { GrowthFigure } from "../growth.ts";
import { Subject } from "../subject.ts";
import type { Commands, Cost } from "./costProcess.ts";

const rounds = 5;
const lengths = [4000, 8000, 16_000, 32_000];

/** What hostile SIP and SDP costs at lengths up to what a description may have (32 KiB). */
export const costFigure: GrowthFigure = {
  unit: "exponent",
  rounds,
  lengths,
  async measure() {
    const subject = await Subject.start<Commands>(new URL("costProcess.ts", import.meta.url));
    try {
      const costs = new Map<string, Cost>();
      for (const input of await subject.ask("inputs")) {
        costs.set(input, await subject.ask("cost", { input, lengths, rounds }));
      }
      return costs;
    } finally {
      await subject.close();
    }
  },
};
