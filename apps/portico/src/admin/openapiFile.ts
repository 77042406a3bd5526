import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { access, roles } from "./access.ts";
import { endpoints } from "./endpoints.ts";
import { openApiDocument } from "./openapi.ts";

const docs = (name: string): string => fileURLToPath(new URL(`../../../../docs/${name}`, import.meta.url));

/** Where the document is kept for those who read it without a portal. */
export const openApiFile: string = docs("openapi.json");
/** Where the table of endpoints and roles is told. */
export const adminApiFile: string = docs("admin-api.md");

/** The document as its file has it. */
export const openApiText = (): string => `${JSON.stringify(openApiDocument(), null, 2)}\n`;

/** The text of {@link adminApiFile} with the table as it is now. */
export function adminApiText(): string {
  const [begin, end] = ["<!-- endpoints: written by npm run docs -->", "<!-- /endpoints -->"];
  const rows = endpoints.map(({ id, method, path, summary }) => {
    const reach = roles.map((role) => access[id][role]).join(" | ");
    return `| \`${method} ${path}\` | ${summary} | ${reach} |`;
  });
  const head = [`| endpoint | what it does | ${roles.join(" | ")} |`, `|---|---|${roles.map(() => "---|").join("")}`];
  const text = readFileSync(adminApiFile, "utf8");
  return text.replace(new RegExp(`${begin}[^]*${end}`), () => [begin, "", ...head, ...rows, "", end].join("\n"));
}
