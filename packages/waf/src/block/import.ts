import { Compile } from "typebox/compile";
import { WafError } from "../errors.ts";
import { type Problem, problemsOf } from "../problems.ts";
import { csvRecords } from "./csv.ts";
import { type BlockDocument, domainOf, type EntryDocument, entrySchema } from "./definition.ts";
import { userOf } from "./entries.ts";

/** Most entries of one import. */
const maxRows = 100_000;
/** Most problems told at once. */
const maxProblems = 100;

/** An entry of an import with where it stands: `/row/7` in CSV, by its line, `/7` in JSON, by its index. */
export interface ImportedEntry {
  readonly place: string;
  readonly impu: string;
  readonly impi: string;
  readonly tel: string | undefined;
}

const check = Compile(entrySchema);

/**
 * Reads entries for a block: JSON, an array of objects with impu, impi and tel; or CSV with these as the names of its
 * columns, `alias` with a tel URI in the place of tel, as the export writes it.
 *
 * @throws WafError `import_refused` with every problem by its row
 */
export function readImport(
  text: string,
  format: "csv" | "json",
  o: { readonly tenant: string; readonly block: BlockDocument; readonly homeDomain: string },
): ImportedEntry[] {
  const domain = domainOf(o.block, o.homeDomain);
  const problems: Problem[] = [];
  const entries: ImportedEntry[] = [];
  const names = new Map<string, string>();
  for (const { place, value } of format === "csv" ? csvRows(text) : jsonRows(text)) {
    if (entries.length >= maxRows) refuse([{ path: place, problem: `is beyond the ${maxRows} entries of one import` }]);
    const found = [...rowProblems(value, place, domain, o.block.wildcard?.impu)];
    if (found.length === 0 && check.Check(value)) {
      const { impu, impi = `${userOf(impu)}.${o.tenant}@${o.homeDomain}`, tel } = value;
      for (const name of [impu, impi, ...(tel === undefined ? [] : [tel])]) {
        const first = names.get(name);
        if (first === undefined) names.set(name, place);
        else found.push({ path: place, problem: `has ${name}, which is in ${first} already` });
      }
      entries.push({ place, impu, impi, tel });
    }
    problems.push(...found);
    if (problems.length >= maxProblems) break;
  }
  if (problems.length > 0) refuse(problems.slice(0, maxProblems));
  if (entries.length === 0) refuse([{ path: "", problem: "holds no entry" }]);
  return entries;
}

function refuse(problems: readonly Problem[]): never {
  throw new WafError("import_refused", undefined, { problems });
}

/** @param shared the identity that is registered for a wildcarded block */
function* rowProblems(value: unknown, place: string, domain: string, shared: string | undefined): Generator<Problem> {
  const complaints = problemsOf(entrySchema, check.Errors(value));
  for (const { path, problem } of complaints) yield { path: `${place}${path}`, problem };
  if (complaints.length > 0) return;
  const { impu } = value as EntryDocument;
  if (!impu.endsWith(`@${domain}`)) yield { path: `${place}/impu`, problem: `must be in the block's domain ${domain}` };
  if (impu === shared) yield { path: `${place}/impu`, problem: "is registered for the whole block; it is no user's" };
}

interface Row {
  readonly place: string;
  readonly value: unknown;
}

function* jsonRows(text: string): Generator<Row> {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    refuse([{ path: "", problem: "is no JSON" }]);
  }
  if (!Array.isArray(list)) refuse([{ path: "", problem: "must be an array of entries" }]);
  for (const [n, value] of list.entries()) yield { place: `/${n}`, value };
}

function* csvRows(text: string): Generator<Row> {
  const records = csvRecords(text.replace(/^\uFEFF/, ""));
  const header = read(records);
  const columns = header?.fields.map((name) => name.toLowerCase()) ?? [];
  if (!columns.includes("impu")) refuse([{ path: "/row/1", problem: "must name the columns, impu among them" }]);
  for (let record = read(records); record !== undefined; record = read(records)) {
    const place = `/row/${record.line}`;
    if (record.fields.length > columns.length) refuse([{ path: place, problem: "has more fields than the header" }]);
    const fields = new Map(columns.map((name, n) => [name, record?.fields[n] ?? ""]));
    const tel = fields.get("tel") ?? fields.get("alias")?.replace(/^tel:/, "");
    const impi = fields.get("impi");
    yield { place, value: { impu: fields.get("impu"), ...(impi ? { impi } : {}), ...(tel ? { tel } : {}) } };
  }
}

function read<T>(records: Generator<T>): T | undefined {
  try {
    const { done, value } = records.next();
    return done === true ? undefined : value;
  } catch (error) {
    return refuse([{ path: "", problem: error instanceof Error ? error.message : "is no CSV" }]);
  }
}
