import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { drawingOf } from "./drawing.ts";

const root = new URL("../../src/", import.meta.url);
const sources = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));

/** Classes with a drawing, and those whose fields say that they are machines. */
function survey(): { drawings: string[]; machines: string[] } {
  const drawings: string[] = [];
  const machines: string[] = [];
  for (const path of sources) {
    const source = readFileSync(new URL(path, root), "utf8");
    for (const { 1: isAbstract, 2: name, index } of source.matchAll(/^export (abstract )?class (\w+)/gm)) {
      const body = source.slice(index, source.indexOf("\n}", index));
      if (drawingOf(source, name ?? "").some((line) => /-->|[|`]--/.test(line))) drawings.push(`${path} ${name}`);
      // The state of an abstract class is that of its subclasses.
      const holds = /^ {2}(?:readonly )?#(?:state|phase): (?!number)|: TimerBank</m.test(body);
      if (isAbstract === undefined && holds) machines.push(`${path} ${name}`);
    }
  }
  return { drawings, machines };
}

test("each class with states or timers is drawn, and each drawing has its table of transitions", () => {
  const tables = readdirSync(new URL(".", import.meta.url))
    .filter((name) => name.endsWith(".test.ts"))
    .flatMap((name) =>
      Array.from(
        readFileSync(new URL(name, import.meta.url), "utf8").matchAll(/file: "([^"]+)",\s*className: "(\w+)"/g),
      ),
    )
    .map(([, file, name]) => `${file} ${name}`);
  const { drawings, machines } = survey();
  expect(drawings.toSorted()).toEqual(tables.toSorted());
  expect(machines.filter((one) => !drawings.includes(one))).toEqual([]);
});
