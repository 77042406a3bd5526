import { relative, sep } from "node:path";

/** One test of the last run. */
export interface TestResult {
  /** Path from the root of the repository, with slashes. */
  file: string;
  /** Titles of its describe blocks and its own, joined by blanks. */
  title: string;
  status: "passed" | "failed" | "skipped";
}

/** The part of vitest's JSON report that is read here. */
interface Report {
  testResults: {
    name: string;
    status: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

/** Reads vitest's JSON report. A file that failed without a failed test (it did not load) is a failed test itself. */
export function readResults(json: string, root: string): TestResult[] {
  const { testResults }: Report = JSON.parse(json);
  const results: TestResult[] = [];
  for (const { name, status, assertionResults } of testResults) {
    const file = relative(root, name).split(sep).join("/");
    for (const test of assertionResults) {
      const known = test.status === "passed" || test.status === "failed" ? test.status : "skipped";
      results.push({ file, title: test.fullName.replaceAll(/\s+/g, " ").trim(), status: known });
    }
    const explained = assertionResults.some((test) => test.status === "failed");
    if (status === "failed" && !explained) results.push({ file, title: "(the file itself)", status: "failed" });
  }
  return results;
}

/** "N passed, M failed, K skipped" */
export function countTests(results: readonly TestResult[]): string {
  const count = (status: TestResult["status"]): number => results.filter((test) => test.status === status).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}
