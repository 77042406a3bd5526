import { fileURLToPath } from "node:url";
import ts from "typescript";

/** A package entry whose exports are public. */
export interface Entry {
  /** As imported: "@portico/sdp". */
  readonly name: string;
  /** Its source file, from the root of the repository. */
  readonly path: string;
}

type SymbolKind = "function" | "class" | "constant" | "type";

/** One exported symbol. */
export interface PublicSymbol {
  readonly name: string;
  readonly kind: SymbolKind;
  /** The text of its TSDoc comment, "" without one. */
  readonly summary: string;
  /** Block tags in order: throws, param, returns … without examples. */
  readonly tags: readonly { readonly name: string; readonly text: string }[];
  readonly examples: readonly string[];
  /** Its declaration as other packages see it: without bodies and private members. */
  readonly signature: string;
  /** Where it is declared, from the root of the repository, with its line. */
  readonly place: string;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** As packages are compiled; the DOM is there for what examples and wic use of it. */
export const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  lib: ["lib.es2024.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  customConditions: ["source"],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
};

/** The public symbols of each entry, by name. */
export function publicApi(entries: readonly Entry[]): Map<Entry, PublicSymbol[]> {
  const program = ts.createProgram(
    entries.map(({ path }) => root + path),
    { ...compilerOptions, declaration: true, emitDeclarationOnly: true, rootDir: root, outDir: root },
  );
  const checker = program.getTypeChecker();
  const declared = new Map<string, string>();
  return new Map(
    entries.map((entry) => {
      const source = program.getSourceFile(root + entry.path);
      const exported = source && checker.getSymbolAtLocation(source);
      if (!exported) throw new Error(`${entry.path} exports nothing`);
      const symbols = checker
        .getExportsOfModule(exported)
        .map((symbol) => describe(symbol, program, checker, declared));
      return [entry, symbols.toSorted((a, b) => a.name.localeCompare(b.name, "en"))];
    }),
  );
}

/** Other symbols whose examples show this one in use: it stands in the example, or in the signature of what the example is of. */
export function shownBy({ name }: PublicSymbol, all: readonly PublicSymbol[]): PublicSymbol[] {
  const word = new RegExp(`\\b${name}\\b`);
  return all.filter(
    (other) =>
      other.name !== name && other.examples.length > 0 && word.test([other.signature, ...other.examples].join("\n")),
  );
}

function describe(
  symbol: ts.Symbol,
  program: ts.Program,
  checker: ts.TypeChecker,
  declared: Map<string, string>,
): PublicSymbol {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const declaration = target.declarations?.[0];
  if (!declaration) throw new Error(`${symbol.name} is declared nowhere`);
  const tags = target.getJsDocTags(checker).map((tag) => ({ name: tag.name, text: ts.displayPartsToString(tag.text) }));
  const file = declaration.getSourceFile();
  const line = file.getLineAndCharacterOfPosition(declaration.getStart()).line + 1;
  return {
    name: symbol.name,
    kind: kindOf(target),
    summary: ts.displayPartsToString(target.getDocumentationComment(checker)).trim(),
    tags: tags.filter(({ name }) => name !== "example"),
    examples: [
      ...tags.filter(({ name }) => name === "example").map(({ text }) => text),
      ...memberExamples(declaration),
    ],
    signature: signatureOf(target.name, file, program, declared),
    place: `${file.fileName.slice(root.length)}:${line}`,
  };
}

function kindOf({ flags }: ts.Symbol): SymbolKind {
  if (flags & ts.SymbolFlags.Class) return "class";
  if (flags & ts.SymbolFlags.Function) return "function";
  return flags & ts.SymbolFlags.Variable ? "constant" : "type";
}

function memberExamples(declaration: ts.Declaration): string[] {
  if (!ts.isClassDeclaration(declaration) && !ts.isInterfaceDeclaration(declaration)) return [];
  return declaration.members.flatMap((member) =>
    ts
      .getJSDocTags(member)
      .filter((tag) => tag.tagName.text === "example")
      .map((tag) => ts.getTextOfJSDocComment(tag.comment) ?? ""),
  );
}

/** What the compiler writes into the .d.ts for that name. */
function signatureOf(name: string, file: ts.SourceFile, program: ts.Program, declared: Map<string, string>): string {
  let text = declared.get(file.fileName);
  if (text === undefined) {
    text = "";
    program.emit(file, (_, written) => (text = written), undefined, true);
    declared.set(file.fileName, text);
  }
  const statements = ts.createSourceFile("x.d.ts", text, ts.ScriptTarget.ES2024, true).statements;
  const found = statements.filter((statement) =>
    ts.isVariableStatement(statement)
      ? statement.declarationList.declarations.some((one) => one.name.getText() === name)
      : "name" in statement && (statement.name as ts.Identifier | undefined)?.text === name,
  );
  return found.map((statement) => statement.getText().replaceAll(/^export (declare )?/g, "")).join("\n");
}
