import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { build, minifySync, type Rolldown } from "vite";

// What packages/sip and packages/sdp add to a page that uses packages/wic: its bundle is made twice, with them and with
// both left outside. The difference, minified and compressed, has a budget.

const budget = 20 * 1024;
const ground = ["@portico/sip", "@portico/sdp"];
const entry = fileURLToPath(new URL("../packages/wic/src/index.ts", import.meta.url));

const [whole, wicAlone] = await Promise.all([bundle([]), bundle(ground)]);
const size = gzipSize(whole.code) - gzipSize(wicAlone.code);

// Each module minified by itself: a little more than its part of the whole, which shares names and repeats.
const modules = Object.entries(whole.modules)
  .map(([id, { code }]) => ({ path: /packages\/((?:sip|sdp)\/.*)$/.exec(id)?.[1], size: minified(code ?? "") }))
  .filter((module) => module.path !== undefined && module.size > 0)
  .toSorted((a, b) => b.size - a.size);
for (const one of process.argv.includes("--all") ? modules : modules.slice(0, 8))
  console.log(`${kilo(one.size).padStart(8)} minified  ${one.path}`);
console.log(
  `${kilo(gzipSize(whole.code))} gzip of wic, sip and sdp; ${kilo(size)} of it sip and sdp, budget ${kilo(budget)}`,
);
if (size > budget) process.exitCode = 1;

async function bundle(external: string[]): Promise<Rolldown.OutputChunk> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    build: {
      write: false,
      target: "es2024",
      minify: true,
      modulePreload: false,
      rolldownOptions: {
        input: entry,
        external,
        preserveEntrySignatures: "strict",
        output: { codeSplitting: false },
      },
    },
  });
  const [first] = Array.isArray(result) ? result : [result];
  if (first === undefined || !("output" in first)) throw new Error("the bundler gave no output");
  return first.output[0];
}

function minified(code: string): number {
  return minifySync("module.js", code, { module: false, compress: false }).code.length;
}

function gzipSize(code: string): number {
  return gzipSync(code, { level: 9 }).length;
}

function kilo(bytes: number): string {
  return `${(bytes / 1024).toFixed(2)} kB`;
}
