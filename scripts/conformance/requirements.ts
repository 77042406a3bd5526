/** One row of docs/requirements.md. */
export interface Requirement {
  id: string;
  section: string;
  prio: Prio;
  /** Empty for a row that is proven as a whole. */
  clauses: string[];
}

export const prios = ["must", "exp", "bey"] as const;
export type Prio = (typeof prios)[number];

const row = /^\| ([A-Z]{2,4}(?:-[A-Z]{2,4})?-\d{2}) \|/;
const clause = /^- ([A-Z]{2,4}(?:-[A-Z]{2,4})?-\d{2})([a-z]): ./;

/** Reads the rows and clauses of docs/requirements.md; throws an Error that names the line it cannot make sense of. */
export function readRequirements(markdown: string): Requirement[] {
  const rows = new Map<string, Requirement>();
  let section = "";
  for (const line of markdown.split("\n")) {
    if (line.startsWith("## ")) section = line.slice(3);
    const [, rowId] = row.exec(line) ?? [];
    if (rowId !== undefined) {
      const cells = line
        .trim()
        .split(/(?<!\\)\|/)
        .slice(1, -1);
      const prio = prios.find((name) => cells[4]?.trim().startsWith(name));
      if (cells.length !== 5 || !prio)
        throw new Error(`docs/requirements.md: ${rowId} needs five cells, the last a prio`);
      if (rows.has(rowId)) throw new Error(`docs/requirements.md: ${rowId} stands there twice`);
      rows.set(rowId, { id: rowId, section, prio, clauses: [] });
    }
    const [, owner, letter] = clause.exec(line) ?? [];
    if (owner !== undefined) addClause(rows.get(owner), `${owner}${letter}`);
    else if (/^- [A-Z]+-/.test(line)) throw new Error(`docs/requirements.md: no clause can be read in "${line}"`);
  }
  for (const { id, clauses } of rows.values()) {
    if (clauses.length === 1)
      throw new Error(`docs/requirements.md: ${id} has one clause; a split row has two or more`);
  }
  return [...rows.values()];
}

function addClause(owner: Requirement | undefined, id: string): void {
  if (!owner) throw new Error(`docs/requirements.md: clause ${id} has no row above it`);
  const expected = `${owner.id}${String.fromCodePoint(97 + owner.clauses.length)}`;
  if (id !== expected) throw new Error(`docs/requirements.md: clause ${id} stands where ${expected} is due`);
  owner.clauses.push(id);
}
