import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document } from "yaml";
import type { Finding, Path } from "./examine.ts";
import { ConfigError, type Complaint } from "./complaint.ts";

/** A YAML text whose values are known by line and column. */
export class ConfigDocument {
  readonly #document: Document;
  readonly #lines = new LineCounter();
  /** The whole text as plain values. */
  readonly value: unknown;

  /** @throws ConfigError with every place where the text is no YAML. */
  constructor(source: string, file: string) {
    this.#document = parseDocument(source, { lineCounter: this.#lines, prettyErrors: false });
    const complaints = this.#document.errors.map(({ code, message, pos }) =>
      this.#complaint(pos[0], sentence(message), remedies[code] ?? "correct the YAML"),
    );
    if (complaints.length === 0) complaints.push(...this.#badAliases());
    if (complaints.length > 0) throw new ConfigError(file, complaints);
    try {
      this.value = this.#document.toJS();
    } catch {
      // A few lines of aliases to aliases stand for more than any memory holds.
      throw ConfigError.ofFile(file, "is no YAML: its aliases stand for too much", "write out what they name");
    }
  }

  #complaint(offset: number, problem: string, remedy: string): Complaint {
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col, path: "", problem, remedy };
  }

  /** Aliases that stand for nothing, or for what they are in themselves. */
  #badAliases(): Complaint[] {
    const document = this.#document;
    const found: Complaint[] = [];
    visit(document, {
      Alias: (_, alias, ancestors) => {
        const [named, at] = [alias.resolve(document), alias.range?.[0] ?? 0];
        if (named === undefined) {
          const remedy = `set the anchor &${alias.source} before it, or put the text in quotation marks`;
          found.push(this.#complaint(at, `is no YAML: there is no anchor for *${alias.source}`, remedy));
        } else if (ancestors.includes(named)) {
          found.push(this.#complaint(at, `is no YAML: *${alias.source} stands in what it names`, "write it out"));
        }
      },
    });
    return found;
  }

  /** A finding with its place: that of the key or value, else of the group that lacks it. */
  locate({ path, at, problem, remedy }: Finding): Complaint {
    const { line, col } = this.#lines.linePos(this.#offset(path, at));
    return { line, column: col, path: path.join("."), problem, remedy };
  }

  #offset(path: Path, at: Finding["at"]): number {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const here = path.slice(0, depth);
      const parent = this.#document.getIn(here.slice(0, -1), true);
      const last = here.at(-1);
      const pair = isMap(parent)
        ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last))
        : undefined;
      const value = this.#document.getIn(here, true);
      const node = pair !== undefined && (at === "key" || depth < path.length || !isNode(value)) ? pair.key : value;
      if (isNode(node) && node.range) return node.range[0];
    }
    const { contents } = this.#document;
    return isNode(contents) && contents.range ? contents.range[0] : 0;
  }
}

const remedies: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: "keep one of the two",
  TAB_AS_INDENT: "indent with spaces",
  BAD_INDENT: "give settings of one group the same indentation",
  MULTIPLE_DOCS: "keep one configuration a file",
};

const sentence = (message: string): string => `is no YAML: ${message.split("\n", 1)[0]?.toLowerCase()}`;
