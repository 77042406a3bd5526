import type { Evaluation, RowVerdict, Verdict } from "./evaluate.ts";
import { prios } from "./requirements.ts";
import type { TestResult } from "./results.ts";

/** "must: 3 of 160 done" and so on, a line each. */
export function summaryOf(rows: readonly RowVerdict[]): string[] {
  return prios.map((prio) => {
    const all = rows.filter((row) => row.prio === prio);
    return `${prio}: ${all.filter(({ state }) => state === "done").length} of ${all.length} done`;
  });
}

/** The text of docs/conformance.md. The same evaluation gives the same text. */
export function formatReport({ rows }: Evaluation): string {
  const parts = [
    "# Conformance",
    "Written by `npm run conformance` from [requirements.md](requirements.md) and the last run of the whole test suite; " +
      "`npm test` fails when it is out of date. A row is *done* when a test that names it passed and none failed, " +
      "*partly* when that holds for some of its clauses. Evidence: `unit` = tests of one room, `lab` = runs against the " +
      "simulated core of packages/lab only, `core` = runs against a real IMS core.",
    summaryOf(rows)
      .map((line) => `- ${line}`)
      .join("\n"),
  ];
  for (const section of new Set(rows.map((row) => row.section))) {
    const lines = rows.filter((row) => row.section === section).flatMap(tableLines);
    parts.push(
      `## ${section}`,
      ["| id | prio | state | evidence | tests |", "|---|---|---|---|---|", ...lines].join("\n"),
    );
  }
  return `${parts.join("\n\n")}\n`;
}

function tableLines(row: RowVerdict): string[] {
  return [tableLine(row, row.prio), ...row.clauses.map((clause) => tableLine(clause, ""))];
}

function tableLine({ id, state, evidence, tests }: Verdict, prio: string): string {
  const proofs = tests.map((test) => (test.status === "failed" ? `FAILED ${proofOf(test)}` : proofOf(test)));
  return `| ${[id, prio, state, evidence ?? "", proofs.toSorted().join("<br>")].join(" | ")} |`;
}

function proofOf({ file, title }: { file: string; title: string }): string {
  return `${file}: ${title.replaceAll(/[\\`*_[\]<>|]/g, String.raw`\$&`)}`;
}

/**
 * The results with each skipped test taken for passed where the report at hand lists it. A machine without Firefox or
 * without a real core cannot judge what those tests proved elsewhere; it can still judge all the rest.
 */
export function trustReport(report: string, results: readonly TestResult[]): TestResult[] {
  const proofs = new Set(
    report
      .split("\n")
      .flatMap((line) => (line.startsWith("| ") ? (line.split(" | ")[4] ?? "").replace(/ \|$/, "").split("<br>") : [])),
  );
  return results.map((test) =>
    test.status === "skipped" && proofs.has(proofOf(test)) ? { ...test, status: "passed" } : test,
  );
}
