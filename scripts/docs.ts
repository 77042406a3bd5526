import { mkdirSync, writeFileSync } from "node:fs";
import { adminApiFile, adminApiText, openApiFile, openApiText } from "../apps/portico/src/admin/openapiFile.ts";
import { sdp, sip, sipTesting, wic } from "./api/entries.ts";
import { publicApi, shownBy, type PublicSymbol } from "./api/publicApi.ts";

// npm run docs: writes docs/api, one file for each package entry, from the TSDoc of its public symbols, and
// docs/openapi.json and the table of docs/admin-api.md from the endpoints of the Admin API.

const files = new Map([
  [sip, "sip.md"],
  [sipTesting, "sip-testing.md"],
  [sdp, "sdp.md"],
  [wic, "wic.md"],
]);
const folder = "docs/api";
const headings = { function: "Functions", class: "Classes", constant: "Constants", type: "Types" } as const;

mkdirSync(folder, { recursive: true });
for (const [entry, symbols] of publicApi([...files.keys()])) {
  const parts = [`# ${entry.name}`, `Written by \`npm run docs\` from ${entry.path}.`];
  for (const kind of ["function", "class", "constant", "type"] as const) {
    const some = symbols.filter((symbol) => symbol.kind === kind);
    if (some.length > 0) parts.push(`## ${headings[kind]}`, ...some.flatMap((symbol) => sectionOf(symbol, symbols)));
  }
  writeFileSync(`${folder}/${files.get(entry)}`, `${parts.join("\n\n")}\n`);
  console.log(`${folder}/${files.get(entry)}: ${symbols.length} symbols`);
}

writeFileSync(openApiFile, openApiText());
writeFileSync(adminApiFile, adminApiText());

function sectionOf(symbol: PublicSymbol, all: readonly PublicSymbol[]): string[] {
  const { name, summary, tags, examples, signature, place } = symbol;
  const [path] = place.split(":");
  const parts = [`### ${name}`, fenced(signature), linked(summary)];
  if (tags.length > 0)
    parts.push(tags.map((tag) => `- ${tag.name === "param" ? parameter(tag.text) : labelled(tag)}`).join("\n"));
  parts.push(...examples.map((example) => (example.includes("```") ? example : fenced(example))));
  const elsewhere = examples.length === 0 ? shownBy(symbol, all) : [];
  if (elsewhere.length > 0)
    parts.push(
      `In use: the examples of ${elsewhere.map((other) => `[${other.name}](#${other.name.toLowerCase()})`).join(", ")}.`,
    );
  parts.push(`[${path}](../../${path})`);
  return parts.filter((part) => part !== "");
}

function labelled({ name, text }: { name: string; text: string }): string {
  return `${name}: ${linked(text)}`.replaceAll("\n", " ");
}

/** "limit most octets of …" becomes "`limit`: most octets of …". */
function parameter(text: string): string {
  const blank = text.search(/\s/);
  return blank < 0
    ? `\`${text}\``
    : `\`${text.slice(0, blank)}\`: ${linked(text.slice(blank).trim())}`.replaceAll("\n", " ");
}

/** `{@link Name}` becomes a link to that heading; what Markdown would take for a tag is escaped. */
function linked(text: string): string {
  return text
    .replaceAll(/\{@link (\w+)[^}]*\}/g, (_, name: string) => `[${name}](#${name.toLowerCase()})`)
    .replaceAll("<", "&lt;");
}

function fenced(code: string): string {
  return `\`\`\`ts\n${code.trim()}\n\`\`\``;
}
