import { median } from "./median.ts";

/** Something that does the job of a figure, in a process of its own. */
export interface Contender {
  /** What does it, with its version and what it leaves out. */
  readonly name: string;
  /** Lets compilers and caches settle; not counted. */
  warmUp(): Promise<void>;
  /** One measured round. @returns the cost of one operation */
  round(): Promise<number>;
  close(): Promise<void>;
}

/** One number of the bench: always a cost, so less is better. */
export interface Figure {
  /** `us`: CPU microseconds an operation; `bytes`: octets a connection; `ms`: milliseconds. */
  readonly unit: "us" | "bytes" | "ms";
  readonly rounds: number;
  /** Ours first; then peers that do the same job, if there are any. */
  open(): Promise<readonly [Contender, ...Contender[]]>;
}

export interface Measured {
  readonly name: string;
  readonly unit: Figure["unit"];
  /** Median of the rounds. */
  readonly ours: number;
  /** The cheapest peer's. */
  readonly peer: number | null;
  readonly peerName: string | null;
  /** Ours to the peer's: the median of what the rounds give, each by itself. */
  readonly ratio: number | null;
  readonly rounds: number;
}

export interface Cost {
  readonly name: string;
  readonly cost: number;
  readonly ratio: number;
}

/** Measures all contenders in turns, so that what disturbs the machine disturbs them alike. */
export async function measure(name: string, figure: Figure): Promise<{ measured: Measured; peers: Cost[] }> {
  const contenders = await figure.open();
  try {
    const costs = contenders.map((): number[] => []);
    for (const contender of contenders) await contender.warmUp();
    for (let round = 0; round < figure.rounds; round += 1) {
      for (const [index, contender] of contenders.entries()) costs[index]?.push(await contender.round());
    }
    const [ours = [], ...rest] = costs;
    const peers = contenders
      .slice(1)
      .map((peer, index) => compared(peer.name, ours, rest[index] ?? []))
      .toSorted((a, b) => a.cost - b.cost);
    const [best] = peers;
    const { unit, rounds } = figure;
    return {
      measured: {
        name,
        unit,
        ours: rounded(median(ours)),
        peer: best === undefined ? null : rounded(best.cost),
        peerName: best?.name ?? null,
        ratio: best === undefined ? null : rounded(best.ratio),
        rounds,
      },
      peers,
    };
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

/** What disturbs the machine for a while disturbs both sides of a round. */
function compared(name: string, ours: readonly number[], theirs: readonly number[]): Cost {
  const ratios = theirs.map((cost, round) => (ours[round] ?? Number.NaN) / cost);
  return { name, cost: median(theirs), ratio: median(ratios) };
}

/** Three digits say all there is to say. */
const rounded = (value: number): number => Number(value.toPrecision(3));
