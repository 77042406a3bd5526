/** One thing wrong with a configuration: where, what, and how to mend it. */
export interface Complaint {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** Setting, for example `tenants.0.blocks.0.count`; empty: the file itself. */
  readonly path: string;
  readonly problem: string;
  readonly remedy: string;
}

/** A configuration that cannot be used; the message has one line for each complaint: `file:line:column: setting …`. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly file: string;
  readonly complaints: readonly Complaint[];

  constructor(file: string, complaints: readonly Complaint[]) {
    super(complaints.map((complaint) => oneLine(file, complaint)).join("\n"));
    this.file = file;
    this.complaints = complaints;
  }

  /** A complaint about a file as a whole: it is absent, damaged, or of the wrong kind. */
  static ofFile(file: string, problem: string, remedy: string): ConfigError {
    return new ConfigError(file, [{ line: 1, column: 1, path: "", problem, remedy }]);
  }
}

function oneLine(file: string, { line, column, path, problem, remedy }: Complaint): string {
  return path === "" && line === 1 && column === 1
    ? `${file}: ${problem}; ${remedy}`
    : `${file}:${line}:${column}: ${path === "" ? "" : `${path} `}${problem}; ${remedy}`;
}
