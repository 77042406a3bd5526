import type { BlockUse } from "./blocks.ts";

/** A block that runs out, told once, and once more when it no longer does. */
export interface Shortage {
  readonly block: string;
  /** True when it is over. */
  readonly cleared: boolean;
  readonly usedPercent: number;
}

/** Percent by which use must fall below the threshold, so that one user who comes and goes is not told each time. */
const slack = 5;

/** Notices when blocks run out, before they have. */
export class ShortageWatch {
  readonly #short = new Set<string>();

  /** @returns what is to be told of a tenant's blocks now */
  see(tenant: string, uses: readonly BlockUse[]): Shortage[] {
    const told: Shortage[] = [];
    for (const { id: block, size, usedPercent, warnAtPercent } of uses) {
      const key = `${tenant} ${block}`;
      const was = this.#short.has(key);
      // A small block could never fall below by whole entries otherwise.
      const over = usedPercent < Math.max(1, warnAtPercent - slack) || size === 0;
      if (!was && size > 0 && usedPercent >= warnAtPercent) {
        this.#short.add(key);
        told.push({ block, cleared: false, usedPercent });
      } else if (was && over) {
        this.#short.delete(key);
        told.push({ block, cleared: true, usedPercent });
      }
    }
    return told;
  }
}
