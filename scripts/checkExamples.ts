import { fileURLToPath } from "node:url";
import ts from "typescript";
import { sdp, sip, sipTesting } from "./api/entries.ts";
import { compilerOptions, publicApi, shownBy, type Entry, type PublicSymbol } from "./api/publicApi.ts";
import { scenery } from "./api/scenery.ts";

// Every public symbol has TSDoc and is seen in use: in an @example of its own or, for types and constants, in that of another
// symbol. Every example compiles: alone, with the names that it uses of the package imported, and those of api/scenery.ts there.

const root = fileURLToPath(new URL("../", import.meta.url));
const sceneryPath = `${root}packages/scenery.d.ts`;
const api = publicApi([sip, sipTesting, sdp]);

const complaints: string[] = [];
/** Source of each example by a path that does not exist, beside the sources so that packages are found. */
const examples = new Map<string, { symbol: PublicSymbol; source: string }>();
for (const [entry, symbols] of api) {
  for (const symbol of symbols) {
    const missing = symbol.summary === "" ? "TSDoc" : needsExample(symbol, symbols) ? "an @example" : undefined;
    if (missing) complaints.push(`${symbol.place} ${symbol.name} lacks ${missing}`);
    for (const [index, example] of symbol.examples.entries())
      examples.set(`${root}packages/example-${examples.size}-${symbol.name}-${index}.ts`, {
        symbol,
        source: moduleOf(example, entry),
      });
  }
}
complaints.push(...compile());

for (const complaint of complaints) console.log(complaint);
console.log(`${examples.size} examples, ${complaints.length} complaints`);
process.exitCode = complaints.length === 0 ? 0 : 1;

function needsExample(symbol: PublicSymbol, all: readonly PublicSymbol[]): boolean {
  if (symbol.examples.length > 0) return false;
  const stands = symbol.kind === "type" || symbol.kind === "constant";
  return !stands || shownBy(symbol, all).length === 0;
}

/** The code of an example as a module: fences off, imports of the package's names on, unless it imports itself. */
function moduleOf(example: string, entry: Entry): string {
  const blocks = [...example.matchAll(/^```(?:ts|typescript)?\n([^]*?)^```/gm)].map(([, code]) => code ?? "");
  const code = blocks.length > 0 ? blocks.join("\n") : example;
  if (/^import /m.test(code)) return code;
  const lines: string[] = [];
  const words = new Set(code.match(/[A-Za-z_]\w*/g));
  const taken = new Set<string>();
  // A testing entry is used together with what it tests.
  for (const from of entry === sipTesting ? [sipTesting, sip] : [entry]) {
    const used = (api.get(from) ?? []).filter(
      ({ name }) => words.has(name) && !taken.has(name) && !declares(code, name),
    );
    for (const { name } of used) taken.add(name);
    const names = used.map(({ name, kind }) => (kind === "type" ? `type ${name}` : name));
    if (names.length > 0) lines.push(`import { ${names.join(", ")} } from "${from.name}";`);
  }
  return [...lines, code, "export {};"].join("\n");
}

function declares(code: string, name: string): boolean {
  return new RegExp(`(?:const|let|function|class|interface|type) ${name}\\b`).test(code);
}

function compile(): string[] {
  const disk = ts.createCompilerHost(compilerOptions);
  const sourceOf = (path: string): string | undefined => (path === sceneryPath ? scenery : examples.get(path)?.source);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (path) => sourceOf(path) !== undefined || disk.fileExists(path),
    readFile: (path) => sourceOf(path) ?? disk.readFile(path),
    getSourceFile: (path, ...rest) => {
      const source = sourceOf(path);
      return source === undefined ? disk.getSourceFile(path, ...rest) : ts.createSourceFile(path, source, rest[0]);
    },
  };
  const program = ts.createProgram([sceneryPath, ...examples.keys()], { ...compilerOptions, noEmit: true }, host);
  return [...examples].flatMap(([path, { symbol }]) => {
    const file = program.getSourceFile(path);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map(
      ({ messageText }) =>
        `${symbol.place} example of ${symbol.name}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
    );
  });
}
