import type { Random } from "./ports.ts";

/** A whole number from `least` to `most`, both included. */
export function pick(random: Random, least: number, most: number): number {
  const fraction = Number.parseInt(random.token(9), 36) / 36 ** 9;
  return least + Math.floor(fraction * (most - least + 1));
}
