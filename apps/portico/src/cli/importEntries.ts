import { readFileSync } from "node:fs";
import type { AdminClient } from "./adminClient.ts";
import { CliError } from "./cliError.ts";
import type { Output } from "./output.ts";

/** Identities that are sent in one request. */
const part = 5000;

/**
 * `portico block import`: sends the identities of a file in parts, and says how far it is.
 * @throws CliError that says how many are in, when a part is refused
 */
export async function importEntries(
  api: AdminClient,
  out: Output,
  [tenant = "", block = "", file = ""]: readonly string[],
): Promise<void> {
  const parts = partsOf(file);
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const path = `/tenants/${encodeURIComponent(tenant)}/blocks/${encodeURIComponent(block)}/entries`;
  const progress = out.interactive ? (await import("@clack/prompts")).progress({ max: total }) : undefined;
  progress?.start(`importing ${total} identities`);
  let added = 0;
  let seen = 0;
  for (const { count, body } of parts) {
    try {
      const answer = await api.ask<{ added: number }>(
        "POST",
        path,
        typeof body === "string" ? { csv: body } : { body },
      );
      added += answer.body.added;
    } catch (error) {
      progress?.stop("stopped");
      if (!(error instanceof CliError) || seen === 0) throw error;
      const where = `the ${seen} identities before are in, of those after it none; in this part, which begins with number ${seen + 1}: `;
      throw new CliError("failed", where + error.message, error.remedy);
    }
    seen += count;
    progress?.advance(count, `${seen} of ${total}`);
    if (progress === undefined && parts.length > 1) out.note(`${seen} of ${total}`);
  }
  progress?.stop(`${added} added`);
  out.print(out.json ? JSON.stringify({ added }, null, 2) : `${out.style("green", "ok")} ${added} identities added`);
}

interface Part {
  readonly count: number;
  /** CSV text with its head, or JSON. */
  readonly body: string | readonly unknown[];
}

function partsOf(file: string): Part[] {
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch {
    throw new CliError("usage", `${file} cannot be read`, "Name a CSV or JSON file, or - for standard input.");
  }
  const items = text.trimStart().startsWith("[")
    ? jsonItems(text, file)
    : text.split(/\r?\n/).filter((line) => line !== "");
  const [head, ...lines] = items;
  const json = typeof head !== "string";
  const rows = json ? items : lines;
  if (rows.length === 0)
    throw new CliError("usage", `${file} has no identities`, "A CSV has a head, and a line an identity.");
  const parts: Part[] = [];
  for (let at = 0; at < rows.length; at += part) {
    const some = rows.slice(at, at + part);
    parts.push({ count: some.length, body: json ? some : [head, ...some].join("\n") });
  }
  return parts;
}

function jsonItems(text: string, file: string): unknown[] {
  try {
    return JSON.parse(text) as unknown[];
  } catch {
    throw new CliError("usage", `${file} is no JSON`, "Write an array of objects with impu, impi and tel.");
  }
}
