import { expect, test } from "vitest";
import { readDrawing } from "./drawing.ts";

const root = new URL("../../src/", import.meta.url);

/** One transition, as it is drawn. */
export interface Row<M> {
  /** `start` for the line that has no beginning. */
  readonly from: string;
  readonly to: string;
  /** The texts of the drawing for it, put together: `timer B, no way: tell`. */
  readonly on: string;
  /** How the machine comes to `from`; {@link Machine.reach} if left out. */
  readonly reach?: () => M | Promise<M>;
  /** What happens, and what must be seen of it beside the new state. */
  readonly run: (machine: M) => void | Promise<void>;
}

export interface Machine<M> {
  /** Of the sources. */
  readonly file: string;
  readonly className: string;
  readonly states: readonly string[];
  /** A machine in this state; `start` is before its first. */
  readonly reach: (state: string) => M | Promise<M>;
  readonly state: (machine: M) => string | undefined;
  readonly rows: readonly Row<M>[];
}

/**
 * A test for each transition, from the drawing's own state to the drawing's own state, and one that holds drawing and rows
 * against each other: no line and no text of the drawing without a row, no row that is not drawn.
 */
export function machine<M>(m: Machine<M>): void {
  const drawing = readDrawing(new URL(m.file, root), m.className, m.states);

  test(`${m.className}: the drawing and its transitions are the same`, () => {
    const edges = new Set(m.rows.map(({ from, to }) => `${from} -> ${to}`));
    expect([...edges].toSorted()).toEqual([...drawing.edges].toSorted());
    const texts = [...drawing.events].toSorted((a, b) => b.length - a.length);
    expect(texts.filter((text) => !m.rows.some(({ on }) => on.includes(text)))).toEqual([]);
    for (const { on } of m.rows) {
      let rest = on;
      for (const text of texts) rest = rest.replace(text, "");
      expect(rest.trim(), `drawn text of "${on}"`).toBe("");
    }
  });

  for (const { from, to, on, reach, run } of m.rows)
    test(`${m.className}: ${from} -> ${to} (${on})`, async () => {
      const one = await (reach ?? (() => m.reach(from)))();
      expect(from === "start" ? from : m.state(one)).toBe(from);
      await run(one);
      expect(m.state(one)).toBe(to);
    });
}
