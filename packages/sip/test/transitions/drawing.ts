import { readFileSync } from "node:fs";

/** What a drawing of a state machine says. */
export interface Drawing {
  /** `from -> to`, each once; `start` is where lines without a beginning come from. */
  readonly edges: ReadonlySet<string>;
  /** The texts beside and on the lines, parted at semicolons. */
  readonly events: ReadonlySet<string>;
}

/**
 * Reads the drawing in the doc comment of a class: states are words or boxes, lines are made of `- | + . ' \``, arrowheads of
 * `> < v ^`. All ends of one line that carry an arrowhead are reached from all ends that carry none. Lines cross where one simply
 * passes through the other; a text between single spaces may interrupt a horizontal one.
 */
export function readDrawing(file: URL, className: string, states: readonly string[]): Drawing {
  return new Tracer(drawingOf(readFileSync(file, "utf8"), className), states).drawing();
}

/** The doc comment above a class, from its first to its last line that is drawn. */
export function drawingOf(source: string, className: string): string[] {
  const at = source.search(new RegExp(`^export (?:abstract )?class ${className}\\b`, "m"));
  const comment = source.slice(source.lastIndexOf("/**", at), at).split("\n");
  const lines = comment.map((line) => line.replace(/^ \*\/?/, ""));
  // Drawn lines are indented by three spaces at least; text and examples are not.
  const end = lines.findIndex((line) => line.includes("@example"));
  return lines.slice(0, end < 0 ? undefined : end).filter((line) => line.startsWith("   "));
}

const right = [0, 1] as const;
const left = [0, -1] as const;
const down = [1, 0] as const;
const up = [-1, 0] as const;
type Step = readonly [rows: number, columns: number];

/** Where each character leads. */
const leads: Readonly<Record<string, readonly Step[]>> = {
  "-": [left, right],
  "|": [up, down],
  "+": [left, right, up, down],
  ".": [left, right, down],
  "'": [left, right, up],
  "`": [left, right, up],
  ">": [left, right],
  "<": [left, right],
  v: [up, down],
  "^": [up, down],
};
const heads: Readonly<Record<string, Step>> = { ">": right, "<": left, v: down, "^": up };

class Tracer {
  readonly #grid: string[][];
  /** The state a cell belongs to: its word, the blanks beside it, its box. */
  readonly #owner: (string | undefined)[][];
  readonly #used: boolean[][];
  readonly #events = new Set<string>();
  readonly #edges = new Set<string>();

  constructor(lines: readonly string[], states: readonly string[]) {
    const width = Math.max(0, ...lines.map((line) => line.length)) + 2;
    this.#grid = lines.map((line) => line.padEnd(width).split(""));
    this.#owner = this.#grid.map((row) => row.map(() => undefined));
    this.#used = this.#grid.map((row) => row.map(() => false));
    for (const [row, line] of lines.entries())
      for (const state of states)
        for (const found of line.matchAll(new RegExp(`(?<![\\w-])${state}(?=(?: |$)(?:[^\\w]|$))`, "g")))
          this.#claim(state, row, found.index);
  }

  drawing(): Drawing {
    for (const [row, owners] of this.#owner.entries())
      for (const [column, owner] of owners.entries())
        if (owner !== undefined)
          for (const step of [left, right, up, down]) {
            const [r, c] = [row + step[0], column + step[1]];
            if (this.#isLine(r, c, step) && this.#used[r]?.[c] !== true) this.#net(r, c);
          }
    for (const [row, chars] of this.#grid.entries()) {
      const rest = chars.map((char, column) =>
        this.#used[row]?.[column] === true || this.#owner[row]?.[column] !== undefined ? " \0 " : char,
      );
      for (const text of rest.join("").split(/ {2,}|\0/)) this.#note(text);
    }
    return { edges: this.#edges, events: this.#events };
  }

  #note(text: string): void {
    for (const part of text.split(";")) if (/[\w]/.test(part)) this.#events.add(part.trim());
  }

  #claim(state: string, row: number, column: number): void {
    const [from, to] = [column - 1, column + state.length];
    let [top, bottom, first, last] = [row, row, from, to];
    const line = this.#grid[row] ?? [];
    // A box: bars beside the word with corners above and below them.
    let [l, r] = [from, to];
    while (line[l] === " ") l--;
    while (line[r] === " ") r++;
    const corner = (at: number): boolean => this.#grid[row - 1]?.[at] === "+" && this.#grid[row + 1]?.[at] === "+";
    if (line[l] === "|" && line[r] === "|" && corner(l) && corner(r))
      [top, bottom, first, last] = [row - 1, row + 1, l, r];
    for (let y = top; y <= bottom; y++)
      for (let x = first; x <= last; x++) {
        const owners = this.#owner[y];
        if (owners && x >= 0 && (this.#grid[y]?.[x] === " " || y !== row || x > from || first !== from))
          owners[x] = state;
      }
  }

  /** The cell is part of a line that can be entered by this step. */
  #isLine(row: number, column: number, step: Step): boolean {
    if (this.#owner[row]?.[column] !== undefined) return false;
    const char = this.#grid[row]?.[column] ?? " ";
    const lead = leads[char];
    if (lead === undefined || !lead.some(([r, c]) => r === -step[0] && c === -step[1])) return false;
    const head = heads[char];
    if (head === undefined) return true;
    // An arrowhead stands at a state, and is met from behind or at its point.
    return this.#owner[row + head[0]]?.[column + head[1]] !== undefined;
  }

  /** Follows one line to all its ends. */
  #net(row: number, column: number): void {
    const sources = new Set<string>();
    const targets = new Set<string>();
    const todo: [number, number][] = [[row, column]];
    for (let next = todo.pop(); next; next = todo.pop()) {
      const [y, x] = next;
      if (this.#used[y]?.[x] === true) continue;
      (this.#used[y] ?? [])[x] = true;
      const char = this.#grid[y]?.[x] ?? "";
      for (const step of leads[char] ?? []) {
        const [r, c] = [y + step[0], x + step[1]];
        const owner = this.#owner[r]?.[c];
        if (owner !== undefined) {
          const head = heads[char];
          if (head === undefined) sources.add(owner);
          else if (head === step) targets.add(owner);
        } else if (this.#isLine(r, c, step)) todo.push([r, c]);
        else this.#leap(y, x, step, todo);
      }
    }
    if (targets.size === 0)
      throw new Error(`a line from ${[...sources].join(", ")} leads nowhere (row ${row + 1}, column ${column + 1})`);
    for (const to of targets) {
      if (sources.size === 0) this.#edges.add(`start -> ${to}`);
      for (const from of sources) this.#edges.add(`${from} -> ${to}`);
    }
  }

  /** Over a line that crosses, or over a text on the line. */
  #leap(row: number, column: number, step: Step, todo: [number, number][]): void {
    const [r, c] = [row + 2 * step[0], column + 2 * step[1]];
    const between = this.#grid[row + step[0]]?.[column + step[1]];
    if (between === (step[0] === 0 ? "|" : "-") && this.#isLine(r, c, step)) {
      todo.push([r, c]);
      return;
    }
    if (step[0] !== 0 || this.#grid[row]?.[column] !== "-" || between !== " ") return;
    const line = (this.#grid[row] ?? []).join("");
    const text =
      step === right
        ? /^ (\S+(?: \S+)*?) (?=[-+]|> )/.exec(line.slice(column + 1))
        : / (\S+(?: \S+)*?) $/.exec(
            line.slice(Math.max(0, /.*[-+](?= \S+(?: \S+)* $)/.exec(line.slice(0, column))?.[0].length ?? 0), column),
          );
    if (text?.[1] === undefined) return;
    const beyond = step === right ? column + 1 + text[0].length : column - text[0].length - 1;
    if (!this.#isLine(row, beyond, step)) return;
    todo.push([row, beyond]);
    const from = Math.min(column, beyond);
    for (let x = from + 1; x < from + text[0].length + 1; x++) (this.#used[row] ?? [])[x] = true;
    this.#note(text[1]);
  }
}
