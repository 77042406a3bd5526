import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { evaluate } from "./conformance/evaluate.ts";
import type { Evaluation } from "./conformance/evaluate.ts";
import { formatReport, summaryOf, trustReport } from "./conformance/report.ts";
import { readRequirements } from "./conformance/requirements.ts";
import { readResults } from "./conformance/results.ts";
import type { TestResult } from "./conformance/results.ts";

const target = "docs/conformance.md";
export const resultsFile = ".cache/test-results.json";

/** Evaluates the requirements as docs/requirements.md has them now. */
function judge(results: readonly TestResult[]): Evaluation {
  return evaluate(readRequirements(readFileSync("docs/requirements.md", "utf8")), results);
}

/** What is wrong with docs/conformance.md after a run of the whole suite; nothing when it is current. */
export function checkReport(results: readonly TestResult[]): string[] {
  const report = existsSync(target) ? readFileSync(target, "utf8").replaceAll("\r\n", "\n") : "";
  const evaluation = judge(trustReport(report, results));
  if (evaluation.errors.length > 0) return evaluation.errors;
  return formatReport(evaluation) === report
    ? []
    : [`${target} is out of date: run npm run conformance and commit ${target}`];
}

function main(): number {
  const { values } = parseArgs({ options: { json: { type: "boolean" }, check: { type: "boolean" } } });
  if (!existsSync(resultsFile)) {
    console.error(`There is no ${resultsFile}: run npm test first (the whole suite).`);
    return 1;
  }
  const results = readResults(readFileSync(resultsFile, "utf8"), process.cwd());
  if (values.check) {
    const complaints = checkReport(results);
    for (const complaint of complaints) console.error(complaint);
    return complaints.length === 0 ? 0 : 1;
  }
  const evaluation = judge(results);
  for (const text of [...evaluation.errors, ...evaluation.notices]) console.error(text);
  if (evaluation.errors.length > 0) return 1;
  if (values.json) {
    console.log(JSON.stringify(evaluation.rows, undefined, 2));
    return 0;
  }
  writeFileSync(target, formatReport(evaluation));
  for (const line of summaryOf(evaluation.rows)) console.log(line);
  return 0;
}

if (import.meta.main) process.exitCode = main();
