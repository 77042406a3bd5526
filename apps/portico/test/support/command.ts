import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { run } from "../../src/cli/program.ts";

/** What a command said and ended with. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a `portico` command line in this process, without a terminal. */
export async function portico(...words: string[]): Promise<Ended> {
  let [out, err] = ["", ""];
  const code = await run(words, (json) => ({
    json,
    interactive: false,
    print: (text) => void (out += `${text}\n`),
    note: (text) => void (err += `${text}\n`),
    style: (_, text) => text,
  }));
  return { code, out, err };
}

/** A folder that goes with the test. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "portico-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
