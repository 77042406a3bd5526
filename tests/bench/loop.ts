import type { Contender, Figure } from "./figure.ts";
import { Subject } from "./subject.ts";

/** A program that does one task over and over when told to `run` for so many ms. */
export interface Loop {
  readonly name: string;
  readonly program: URL;
  readonly args: readonly string[];
}

type LoopCommands = { run: (ms: number) => number };

// On a busy machine the compiler needs a second for what it does in a quarter of one otherwise.
const warmUpMs = 1500;
const roundMs = 120;

/** CPU microseconds of a task that waits for nothing. */
export function loopFigure(loops: readonly [Loop, ...Loop[]]): Figure {
  return {
    unit: "us",
    rounds: 7,
    open: async () => {
      const [ours, ...peers] = loops;
      const opened: [Contender, ...Contender[]] = [await openLoop(ours)];
      for (const peer of peers) opened.push(await openLoop(peer));
      return opened;
    },
  };
}

async function openLoop({ name, program, args }: Loop): Promise<Contender> {
  const subject = await Subject.start<LoopCommands>(program, args);
  return {
    name,
    warmUp: async () => void (await subject.ask("run", warmUpMs)),
    round: async () => {
      let count = 0;
      const cpu = await subject.cpuDuring(async () => void (count = await subject.ask("run", roundMs)));
      return cpu / count;
    },
    close: () => subject.close(),
  };
}
