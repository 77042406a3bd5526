import type { Log } from "@portico/epcscf";
import { LineWriter } from "./lineWriter.ts";

/** Least that is written. */
export type LogLevel = "info" | "warn" | "silent";

/** Where lines go; `flush` sends what waits. */
export interface LogDestination {
  write(line: string): unknown;
  flush?(): void;
}

type Facts = Readonly<Record<string, string | number | boolean>>;

const standardError = 2;

/** Numbers of the levels, as readers of such logs know them (bunyan, pino). */
const numbers = { info: 30, warn: 40, alarm: 50 } as const;
/** Least number that is written. */
const least: Readonly<Record<LogLevel, number>> = { info: 30, warn: 40, silent: Infinity };

/**
 * Structured log, one JSON object a line; an alarm is an error line with `alarm: true`, and leaves at once. Whoever logs gives
 * no secrets; what has the form of one is masked all the same.
 * @param to standard error unless given
 */
export function openLog(
  level: LogLevel,
  to: LogDestination = new LineWriter(standardError),
): Log & { level: LogLevel } {
  const write = (kind: keyof typeof numbers, event: string, facts: Facts | undefined): void => {
    if (numbers[kind] >= least[log.level]) to.write(lineOf(numbers[kind], event, kind === "alarm", facts));
  };
  const log: Log & { level: LogLevel } = {
    level,
    info: (event, facts) => write("info", event, facts),
    warn: (event, facts) => write("warn", event, facts),
    alarm: (event, facts) => {
      write("alarm", event, facts);
      to.flush?.();
    },
  };
  return log;
}

/** Names of facts whose value is a secret whatever it looks like. */
const secretName = /token$|assertion|password|secret|authorization|cookie|impi$|body|sdp/i;

function lineOf(level: number, event: string, alarm: boolean, facts: Facts = {}): string {
  const line: Record<string, string | number | boolean> = { level, time: Date.now() };
  for (const name of Object.keys(facts)) {
    const value = facts[name] ?? "";
    line[name] = typeof value !== "string" ? value : secretName.test(name) ? "[masked]" : maskText(value);
  }
  if (alarm) line["alarm"] = true;
  line["msg"] = event;
  return `${JSON.stringify(line)}\n`;
}

/** What stands in a text, for example in the message of an error of a library, and must not be in a log. */
const secrets: readonly (readonly [RegExp, string])[] = [
  // A signed or encrypted token (RFC 7515, RFC 7516).
  [/\beyJ[\w-]{8,}(?:\.[\w-]*){2,4}/g, "[token]"],
  [/\b(Bearer|Basic|Digest)\s+[^\s,]+[^\r\n]*/gi, "$1 [masked]"],
  // User and password of a URL.
  [/\b([a-z][a-z+]*:\/\/)[^\s/@]+@/gi, "$1[masked]@"],
  // Users of the IMS, and of a web site.
  [/\b(sips?:|tel:)[^\s@;>,"]+/gi, "$1[masked]"],
  [/[\w.+-]+@(?=[\w-]+\.[\w.-]+)/g, "[masked]@"],
  // A session description.
  [/v=0\r?\n[\s\S]*/g, "[body]"],
];

/** What no secret is without; a plain word costs one look. */
const suspicious = /[@:\s]|eyJ/;

/** The text without what has the form of a secret or of somebody's identity. */
export function maskText(text: string): string {
  if (!suspicious.test(text)) return text;
  return secrets.reduce((masking, [form, instead]) => masking.replaceAll(form, instead), text.slice(0, 2000));
}
