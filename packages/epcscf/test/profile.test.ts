import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const read = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");

test("docs/profile.md: each rule of TS 24.229 names rows that exist, or says why it is left out", () => {
  const requirements = read("requirements.md");
  const known = new Set([
    ...[...requirements.matchAll(/^\| ([A-Z]+(?:-[A-Z]+)?-\d+) \|/gm)].map(([, id]) => id),
    ...[...requirements.matchAll(/^- ([A-Z]+(?:-[A-Z]+)?-\d+[a-z]):/gm)].map(([, id]) => id),
  ]);
  const rules = read("profile.md").match(/^\| §.*$/gm) ?? [];
  expect(rules.length).toBeGreaterThan(40);
  const faulty = rules.filter((rule) => {
    const [, , , kept = ""] = rule.split("|");
    const ids = kept.match(/[A-Z]+(?:-[A-Z]+)?-\d+[a-z]?/g) ?? [];
    return ids.some((id) => !known.has(id)) || (ids.length === 0 && !/left out: .{10}/.test(kept));
  });
  expect(faulty).toEqual([]);
});
