import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { evaluate } from "../conformance/evaluate.ts";
import type { RowVerdict } from "../conformance/evaluate.ts";
import { formatReport, summaryOf, trustReport } from "../conformance/report.ts";
import { prios, readRequirements } from "../conformance/requirements.ts";
import { countTests, readResults } from "../conformance/results.ts";
import type { TestResult } from "../conformance/results.ts";

// Ids of the examples are put together here, so that no title of this file names one.
const whole = "AB-CD-01";
const split = "AB-CD-02";
const table = `
## Section

| id | requirement | source | basis | prio |
|---|---|---|---|---|
| ${whole} | one thing | - | D | must |
| ${split} | two \\| things | - | D | must (more: bey) |
| XY-01 | far | - | D | exp |

Clauses:

- ${split}a: the first
- ${split}b: the second
`;
const requirements = readRequirements(table);

function result(
  title: string,
  status: TestResult["status"] = "passed",
  file = "packages/x/test/x.test.ts",
): TestResult {
  return { file, title, status };
}

function rowOf(id: string, ...results: TestResult[]): RowVerdict {
  const row = evaluate(requirements, results).rows.find((verdict) => verdict.id === id);
  if (!row) throw new Error(`no row ${id}`);
  return row;
}

describe("a row", () => {
  test("is done by a passed test that names it, wherever in the name", () => {
    expect(rowOf(whole, result(`${whole} works`))).toMatchObject({ state: "done", evidence: "unit" });
    expect(rowOf(whole, result(`group of (${whole}): works`)).state).toBe("done");
  });

  test("is not done by failed, skipped or foreign tests", () => {
    for (const status of ["failed", "skipped"] as const)
      expect(rowOf(whole, result(whole, status)).state).toBe("not yet");
    expect(rowOf(whole, result("XY-01 works")).state).toBe("not yet");
    expect(rowOf(whole).tests).toEqual([]);
  });

  test("is not done when any test that names it failed", () => {
    const row = rowOf(whole, result(`${whole} here`), result(`${whole} there`, "failed"));
    expect(row.state).toBe("not yet");
    expect(row.evidence).toBeUndefined();
  });

  test("is not named by a longer word", () => {
    for (const title of [`${whole}1`, `X${whole}`, `${whole}-7`, `${whole}bc`]) {
      expect(rowOf(whole, result(title)).state).toBe("not yet");
    }
  });
});

describe("a split row", () => {
  test("is done when each clause is, partly when some are", () => {
    expect(rowOf(split, result(`${split}a works`)).state).toBe("partly");
    expect(rowOf(split, result(`${split}a works`), result(`${split}b works`)).state).toBe("done");
    expect(rowOf(split, result(`${split}a works`), result(`${split}b works`, "skipped")).state).toBe("partly");
    expect(rowOf(split, result(`${split}a works`), result(`${split}b works`, "failed")).state).toBe("partly");
  });

  test("is never done by its bare id, but held back by it", () => {
    const { rows, notices } = evaluate(requirements, [result(`${split} works`)]);
    expect(rows.find(({ id }) => id === split)?.state).toBe("not yet");
    expect(notices[0]).toContain(`"${split} works"`);
    const clauses = [result(`${split}a works`), result(`${split}b works`)];
    expect(rowOf(split, ...clauses, result(`${split} works`, "failed")).state).toBe("partly");
  });
});

describe("evidence", () => {
  const lab = "tests/call.test.ts";
  const core = "tests/kamailio/call.test.ts";

  test("is that of the strongest test", () => {
    expect(rowOf(whole, result(whole, "passed", lab)).evidence).toBe("lab");
    expect(rowOf(whole, result(whole, "passed", "packages/lab/test/hss.test.ts")).evidence).toBe("lab");
    expect(rowOf(whole, result(whole), result(whole, "passed", core), result(whole, "passed", lab)).evidence).toBe(
      "core",
    );
  });

  test("is a real core's where a suite for several cores says so", () => {
    const file = "tests/core/registration.test.ts";
    expect(rowOf(whole, result(`registration with lab over TCP ${whole}`, "passed", file)).evidence).toBe("lab");
    expect(rowOf(whole, result(`registration with Kamailio over TCP ${whole}`, "passed", file)).evidence).toBe("core");
    expect(rowOf(whole, result(`${whole} takes what Kamailio sends`)).evidence).toBe("unit");
  });

  test("is that of the weakest clause", () => {
    expect(rowOf(split, result(`${split}a`, "passed", core), result(`${split}b`)).evidence).toBe("unit");
  });
});

describe("names of tests", () => {
  test("an unknown id is an error that names the test, also when the test is skipped", () => {
    for (const id of ["AB-CD-99", `${whole}a`, `${split}c`, "QQ-01"]) {
      const { errors } = evaluate(requirements, [result(`${id} works`, "skipped")]);
      expect(errors).toEqual([expect.stringContaining(`packages/x/test/x.test.ts: "${id} works" names ${id}`)]);
    }
  });

  test("more than three ids are an error", () => {
    const { errors } = evaluate(requirements, [result(`${whole} XY-01 ${split}a ${split}b`)]);
    expect(errors).toEqual([expect.stringContaining("names 4 ids")]);
  });
});

describe("names of clauses", () => {
  test("an abbreviated second clause is an error", () => {
    for (const title of [`${split}a,b works`, `${split}a/b: works`]) {
      expect(evaluate(requirements, [result(title)]).errors).toEqual([expect.stringContaining("write each in full")]);
    }
    expect(evaluate(requirements, [result(`${split}a, ${split}b and a word`)]).errors).toEqual([]);
  });
});

describe("the table", () => {
  test.each([
    ["a row twice", table.replace("| XY-01 |", `| ${whole} |`)],
    ["a row without prio", table.replace("| exp |", "| soon |")],
    ["a bare bar in a cell", table.replace("one thing", "one | thing")],
    ["a clause without row", `${table}- XY-02a: stray\n`],
    ["a clause out of turn", `${table}- ${split}d: late\n`],
    ["a single clause", `${table}- XY-01a: alone\n`],
    ["a clause without words", `${table}- ${split}c:\n`],
  ])("%s is refused", (_, markdown) => {
    expect(() => readRequirements(markdown)).toThrow("docs/requirements.md");
  });

  test("of the project has all its rows", () => {
    const rows = readRequirements(readFileSync("docs/requirements.md", "utf8"));
    expect(prios.map((prio) => rows.filter((row) => row.prio === prio).length)).toEqual([160, 49, 19]);
  });
});

describe("the report", () => {
  const results = [
    result(`${whole} a *bold* | name`),
    result(`${split}a on a core`, "passed", "tests/kamailio/x.test.ts"),
  ];

  test("lists rows, clauses and tests, and counts", () => {
    const evaluation = evaluate(requirements, results);
    expect(summaryOf(evaluation.rows)).toEqual(["must: 1 of 2 done", "exp: 0 of 1 done", "bey: 0 of 0 done"]);
    const report = formatReport(evaluation);
    expect(report).toContain(
      `| ${whole} | must | done | unit | packages/x/test/x.test.ts: ${whole} a \\*bold\\* \\| name |`,
    );
    expect(report).toContain(`| ${split} | must | partly |  |  |`);
    expect(report).toContain(`| ${split}a |  | done | core | tests/kamailio/x.test.ts: ${split}a on a core |`);
    expect(report).toContain(`| ${split}b |  | not yet |  |  |`);
  });

  test("does not depend on the order of tests", () => {
    const more = [...results, result(`${whole} another`)];
    expect(formatReport(evaluate(requirements, more))).toBe(formatReport(evaluate(requirements, more.toReversed())));
  });

  test("is believed about tests skipped here, and about nothing else", () => {
    const report = formatReport(evaluate(requirements, results));
    const again = (...here: TestResult[]): boolean =>
      formatReport(evaluate(requirements, trustReport(report, here))) === report;
    const first = result(results[0]?.title ?? "", "skipped");
    const second = result(results[1]?.title ?? "", "skipped", results[1]?.file);
    expect(again(first, second)).toBe(true);
    expect(again(first)).toBe(false);
    expect(again(first, result(second.title, "failed", second.file))).toBe(false);
    expect(again(first, second, result("XY-01 new"))).toBe(false);
    expect(again(first, second, result("XY-01 new", "skipped"))).toBe(true);
  });
});

const oneTest = (fullName: string, status: string): object => ({ fullName, status });
const oneFile = (name: string, status: string, ...assertionResults: object[]): object => ({
  name,
  status,
  assertionResults,
});
const read = (...testResults: object[]): TestResult[] => readResults(JSON.stringify({ testResults }), "/root/repo");

describe("vitest's report", () => {
  test("every state but passed and failed is skipped", () => {
    const states = ["passed", "failed", "skipped", "todo", "pending", "disabled"];
    const results = read(
      oneFile("/root/repo/a/b.test.ts", "failed", ...states.map((status) => oneTest("does  it", status))),
    );
    expect(results.map(({ status }) => status)).toEqual([
      "passed",
      "failed",
      "skipped",
      "skipped",
      "skipped",
      "skipped",
    ]);
    expect(results[0]).toEqual({ file: "a/b.test.ts", title: "does it", status: "passed" });
    expect(countTests(results)).toBe("1 passed, 1 failed, 4 skipped");
  });

  test("a file that did not load is a failed test", () => {
    const results = read(
      oneFile("/root/repo/a.test.ts", "failed"),
      oneFile("/root/repo/b.test.ts", "passed", oneTest("x", "passed")),
    );
    expect(countTests(results)).toBe("1 passed, 1 failed, 0 skipped");
  });
});
