import type { Measured } from "./figure.ts";

/** What one input costs at each length. */
interface Growth {
  readonly input: string;
  /** CPU microseconds at n, 2n, 4n and 8n octets. */
  readonly us: readonly number[];
  /** The cost grows with this power of the length: 1 is linear, 2 a square. */
  readonly exponent: number;
}

/** A figure of how costs grow with the length of hostile input. It has no peer. */
export interface GrowthFigure {
  readonly unit: "exponent";
  readonly rounds: number;
  /** Octets, each twice the one before. */
  readonly lengths: readonly number[];
  /** Costs of each input at each length. */
  measure(): Promise<ReadonlyMap<string, readonly number[]>>;
}

export interface MeasuredGrowth extends Omit<Measured, "unit"> {
  readonly unit: "exponent";
  readonly lengths: readonly number[];
  readonly growth: readonly Growth[];
}

/** The figure is the exponent of the input that grows most. */
export async function measureGrowth(name: string, figure: GrowthFigure): Promise<MeasuredGrowth> {
  const { unit, rounds, lengths } = figure;
  const growth = Array.from(await figure.measure(), ([input, us]): Growth => {
    return { input, us: us.map(rounded), exponent: rounded(slope(lengths, us)) };
  });
  const ours = Math.max(...growth.map(({ exponent }) => exponent));
  return { name, unit, ours, peer: null, peerName: null, ratio: null, rounds, lengths, growth };
}

/** A line for each input: its costs, and the power of the length they grow with. */
export function growthTable({ name, ours, lengths, growth }: MeasuredGrowth): string {
  return [
    `${name.padEnd(18)}${String(ours).padStart(9)} exponent of the input that grows most (1: with the length); us CPU:`,
    row("octets", [...lengths, "exponent"]),
    ...growth.map(({ input, us, exponent }) => row(input, [...us, exponent])),
  ].join("\n");
}

function row(input: string, cells: readonly (number | string)[]): string {
  return `  ${input.padEnd(38)}${cells.map((cell) => String(cell).padStart(9)).join("")}`;
}

/** Least squares through the logarithms. */
function slope(lengths: readonly number[], costs: readonly number[]): number {
  const [x, y] = [lengths, costs].map((values) => values.map(Math.log));
  const [meanX, meanY] = [x, y].map((values = []) => values.reduce((sum, value) => sum + value, 0) / values.length);
  let [above, below] = [0, 0];
  for (const [i, value = 0] of (x ?? []).entries()) {
    above += (value - (meanX ?? 0)) * ((y?.[i] ?? 0) - (meanY ?? 0));
    below += (value - (meanX ?? 0)) ** 2;
  }
  return above / below;
}

/** Three digits say all there is to say. */
const rounded = (value: number): number => Number(value.toPrecision(3));
