import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { measure, type Measured } from "./figure.ts";
import { figures } from "./figures.ts";
import { growthTable, measureGrowth, type MeasuredGrowth } from "./growth.ts";
import { tableRow } from "./table.ts";

// npm run bench -- [NAME…] [--json FILE]: measures the named figures, by default all there are.
const { positionals, values } = parseArgs({ allowPositionals: true, options: { json: { type: "string" } } });
const names = Object.keys(figures);
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  console.error(`No such figure: ${unknown.join(", ")}. There are: ${names.join(", ")}.`);
  process.exit(1);
}

const results: (Measured | MeasuredGrowth)[] = [];
for (const name of names.filter((one) => positionals.length === 0 || positionals.includes(one))) {
  const figure = figures[name];
  if (figure === undefined) {
    console.log(`${name.padEnd(18)} not measured yet`);
    continue;
  }
  try {
    if (figure.unit === "exponent") {
      const measured = await measureGrowth(name, figure);
      results.push(measured);
      console.log(growthTable(measured));
      continue;
    }
    const { measured, peers } = await measure(name, figure);
    results.push(measured);
    console.log(tableRow(measured, peers));
  } catch (error) {
    console.error(`${name.padEnd(18)} could not be measured:`, error);
    process.exitCode = 1;
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
