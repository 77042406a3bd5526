import { styleText } from "node:util";

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

/** Where commands write: results to standard output, all else to standard error. */
export interface Output {
  /** Results are JSON for programs. */
  readonly json: boolean;
  /** Somebody may be asked and shown progress. */
  readonly interactive: boolean;
  readonly print: (text: string) => void;
  readonly note: (text: string) => void;
  /** Colours, where the stream has them (NO_COLOR and pipes are heeded). */
  readonly style: (style: Style, text: string) => string;
}

/** Where a command writes, once it is known whether to a program. */
export type OpenOutput = (json: boolean) => Output;

/** The process's own streams. */
export const processOutput: OpenOutput = (json) => ({
  json,
  interactive: !json && process.stdout.isTTY && process.stdin.isTTY,
  print: (text) => void process.stdout.write(`${text}\n`),
  note: (text) => void process.stderr.write(`${text}\n`),
  style: (style, text) => styleText(style, text, { stream: process.stdout }),
});
