import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";

const source = join(import.meta.dirname, "../src");

/** What the examples take for granted. */
const prelude = `
import * as sip from "../src/index.ts";
import * as testing from "../src/testing/index.ts";
declare global {
  const clock: testing.VirtualClock, random: sip.Random, hop: sip.Hop, wire: testing.Wire;
  const ua: sip.UserAgent, alice: sip.UserAgent, bob: sip.UserAgent, resolver: sip.Resolver, call: sip.InviteUsage, events: sip.InviteEvents;
  const invite: sip.SipRequest, request: sip.SipRequest, subscribe: sip.SipRequest, notify: sip.SipRequest;
  const response: sip.SipResponse, accepted: sip.SipResponse, lastOffer: sip.Body;
  const impu: string, sdp: string;
  function hopTo(target: sip.Target): sip.Hop;
}
`;

interface Example {
  file: string;
  code: string;
}

/** The files of the state machines, their test helpers and what they are given. */
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) =>
  /^(?:(?:dialog|userAgent|ports|reginfo)\.ts|(?:invite|session|subscription|target|testing|transaction)\/)/.test(name),
);

const examples = files
  .filter((name) => name.endsWith(".ts"))
  .flatMap((file): Example[] => {
    const text = readFileSync(join(source, file), "utf8");
    return [...text.matchAll(/@example\n([\s\S]*?)\*\//g)].map(([, block = ""]) => ({
      file,
      code: block.replaceAll(/^\s*\* ?/gm, ""),
    }));
  });

/** A module for the example: what it uses of the package is imported, the rest comes from the prelude. */
function moduleOf({ code }: Example): string {
  const names = (index: string): string[] => {
    const text = readFileSync(join(source, index), "utf8");
    return [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)]
      .flatMap(([, list = ""]) => list.split(","))
      .map((name) => name.trim())
      .filter((name) => name !== "" && new RegExp(`\\b${name}\\b`).test(code));
  };
  return [
    `import { ${names("index.ts").join(", ")} } from "../src/index.ts";`,
    `import { ${names("testing/index.ts").join(", ")} } from "../src/testing/index.ts";`,
    `export async function example(): Promise<void> {\n${code}\n}`,
  ].join("\n");
}

interface Findings {
  /** Of the compiler about the examples. */
  complaints: string[];
  /** Exported names without a word about them. */
  silent: string[];
}

function compile(): Findings {
  const modules = new Map([[join(source, "../test/prelude.ts"), prelude]]);
  for (const [index, example] of examples.entries()) {
    modules.set(join(source, `../test/example${index}.ts`), moduleOf(example));
  }
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    allowImportingTsExtensions: true,
    lib: ["lib.esnext.d.ts", "lib.dom.d.ts", "lib.dom.asynciterable.d.ts"],
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const readFile = host.readFile.bind(host);
  const fileExists = host.fileExists.bind(host);
  host.readFile = (name) => modules.get(name) ?? readFile(name);
  host.fileExists = (name) => modules.has(name) || fileExists(name);
  const getSourceFile = host.getSourceFile.bind(host);
  host.getSourceFile = (name, language, ...rest) => {
    const text = modules.get(name);
    return text === undefined ? getSourceFile(name, language, ...rest) : ts.createSourceFile(name, text, language);
  };
  const program = ts.createProgram([...modules.keys()], options, host);
  const complaints = [...modules.keys()].flatMap((name) =>
    [program.getSourceFile(name)].flatMap((file) =>
      [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
        ({ messageText }) =>
          `${examples[Number(/example(\d+)/.exec(name)?.[1] ?? -1)]?.file}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`,
      ),
    ),
  );
  const checker = program.getTypeChecker();
  const silent = ["index.ts", "testing/index.ts"].flatMap((index) => {
    const file = program.getSourceFile(join(source, index));
    const symbol = file && checker.getSymbolAtLocation(file);
    return (symbol ? checker.getExportsOfModule(symbol) : []).flatMap((each) => {
      const named = each.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(each) : each;
      const where = named.declarations?.[0]?.getSourceFile().fileName ?? "";
      const ours = files.some((name) => where === join(source, name));
      return ours && named.getDocumentationComment(checker).length === 0 ? [each.name] : [];
    });
  });
  return { complaints, silent };
}

test("every example of the state machines compiles, every public name is explained", { timeout: 60_000 }, () => {
  expect(examples.length).toBeGreaterThan(14);
  expect(compile()).toEqual({ complaints: [], silent: [] });
});
