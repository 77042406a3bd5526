import { hostileText, useHostile } from "../../../packages/sdp/test/hostileText.ts";
import { hostileWork } from "../../../packages/sip/test/hostileWork.ts";
import { serve } from "../serve.ts";

/** CPU microseconds of one operation, in the order of the lengths. */
export type Cost = readonly number[];

export interface Question {
  readonly input: string;
  /** Octets. */
  readonly lengths: readonly number[];
  readonly rounds: number;
}

export type Commands = { inputs: () => string[]; cost: (question: Question) => Cost };

// Process under test: hostile input of the packages' own tests.
const works: Readonly<Record<string, (size: number) => () => void>> = {
  ...hostileWork,
  ...Object.fromEntries(
    Object.entries(hostileText).map(([name, make]) => [
      `SDP: ${name}`,
      (size: number) => {
        const text = make(size);
        return (): void => useHostile(text);
      },
    ]),
  ),
};

/** The least of its rounds: trouble on the machine only adds. Lengths take turns. */
function cost({ input, lengths, rounds }: Question): Cost {
  const make = works[input];
  if (make === undefined) throw new Error(`no such input: ${input}`);
  const runs = lengths.map((length) => make(length));
  const least = runs.map(() => Infinity);
  for (const run of runs) once(run);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, run] of runs.entries()) least[index] = Math.min(least[index] ?? 0, once(run));
  }
  return least;
}

/** Runs for some milliseconds of CPU. */
function once(run: () => void): number {
  const start = process.threadCpuUsage();
  let count = 0;
  for (;;) {
    run();
    count += 1;
    const { user, system } = process.threadCpuUsage(start);
    if (user + system >= 8000) return (user + system) / count;
  }
}

serve({ inputs: () => Object.keys(works), cost });
