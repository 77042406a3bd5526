import type { Prio, Requirement } from "./requirements.ts";
import type { TestResult } from "./results.ts";

type State = "done" | "partly" | "not yet";

/**
 * What a proof stands on: `unit` the code of one room, `lab` a run against the lab's simulated core or the lab itself,
 * `core` a run against a real IMS core.
 */
type Evidence = "unit" | "lab" | "core";

/** A row, or a clause of a row, and what the last run says of it. */
export interface Verdict {
  id: string;
  state: State;
  /** The weakest of its clauses, each by the strongest of its tests. Absent until done. */
  evidence?: Evidence;
  /** The passed tests that name it, and the failed ones, which keep it from being done. */
  tests: { file: string; title: string; status: "passed" | "failed" }[];
}

export interface RowVerdict extends Verdict {
  prio: Prio;
  section: string;
  clauses: Verdict[];
}

export interface Evaluation {
  rows: RowVerdict[];
  /** Mistakes in test names, each naming its test. Nothing is to be published while there is one. */
  errors: string[];
  /** Tests that name a split row instead of a clause and so prove nothing. */
  notices: string[];
}

const strength: readonly Evidence[] = ["unit", "lab", "core"];
const idPattern = /(?<![A-Za-z0-9-])[A-Z]{2,4}(?:-[A-Z]{2,4})?-\d{2}[a-z]?(?![A-Za-z0-9-])/g;
/** "EPC-REG-03a,b": the b would be lost without a word. */
const shorthand = /-\d{2}[a-z]\s?[,/&+]\s?[a-z](?![A-Za-z])/;
const mostIds = 3;

/** Judges every row by the tests that name it. Skipped tests count for nothing. */
export function evaluate(requirements: readonly Requirement[], results: readonly TestResult[]): Evaluation {
  const known = new Map(requirements.flatMap((row) => [row.id, ...row.clauses].map((id) => [id, row] as const)));
  const named = new Map<string, Verdict["tests"]>();
  const errors: string[] = [];
  const notices: string[] = [];
  for (const { file, title, status } of results) {
    const ids = new Set(title.match(idPattern));
    const unknown = [...ids].filter((id) => !known.has(id));
    if (unknown.length > 0)
      errors.push(`${file}: "${title}" names ${unknown.join(", ")}, which docs/requirements.md has not`);
    if (ids.size > mostIds) errors.push(`${file}: "${title}" names ${ids.size} ids; ${mostIds} are the most`);
    if (shorthand.test(title)) errors.push(`${file}: "${title}" abbreviates an id: write each in full`);
    for (const id of ids) {
      if (known.get(id)?.id === id && known.get(id)?.clauses.length) {
        notices.push(`${file}: "${title}" names ${id}, which is split: name the clause`);
      }
      if (status !== "skipped") named.set(id, [...(named.get(id) ?? []), { file, title, status }]);
    }
  }
  const rows = requirements.map((row) => judgeRow(row, (id) => judge(id, named.get(id) ?? [])));
  return { rows, errors, notices };
}

function judge(id: string, tests: Verdict["tests"]): Verdict {
  const done = tests.length > 0 && tests.every(({ status }) => status === "passed");
  if (!done) return { id, state: "not yet", tests };
  return {
    id,
    state: "done",
    evidence: pick(tests.map(evidenceOf), Math.max),
    tests,
  };
}

function judgeRow(row: Requirement, judgeId: (id: string) => Verdict): RowVerdict {
  const own = judgeId(row.id);
  const base = { prio: row.prio, section: row.section };
  const clauses = row.clauses.map(judgeId);
  if (clauses.length === 0) return { ...own, ...base, clauses };
  // A split row is done by its clauses alone; a test of its bare id can only hold it back.
  const failed = own.tests.filter(({ status }) => status === "failed");
  const proven = clauses.flatMap(({ evidence }) => evidence ?? []);
  const shared = { id: row.id, ...base, clauses, tests: failed };
  if (proven.length === clauses.length && failed.length === 0) {
    return { ...shared, state: "done", evidence: pick(proven, Math.min) };
  }
  return { ...shared, state: proven.length > 0 ? "partly" : "not yet" };
}

function pick(all: readonly Evidence[], choose: (...ranks: number[]) => number): Evidence {
  return strength[choose(...all.map((evidence) => strength.indexOf(evidence)))] ?? "unit";
}

/**
 * tests/kamailio runs against a real core, and so do the cases of other folders whose titles name it; the rest of tests/ and the lab's own
 * tests know the simulated one only.
 */
function evidenceOf({ file, title }: Verdict["tests"][number]): Evidence {
  if (!file.startsWith("tests/")) return file.startsWith("packages/lab/") ? "lab" : "unit";
  return file.startsWith("tests/kamailio/") || title.includes("Kamailio") ? "core" : "lab";
}
