/** What a command ends with; scripts may rely on them. */
export const exitCodes = {
  ok: 0,
  /** The command ran, and what it was to do did not succeed. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The configuration is wrong. */
  configuration: 3,
  /** The portal, or what a command needs, is not reached. */
  unreachable: 4,
  /** The portal does not know who asks, or does not let her. */
  refused: 5,
} as const;

/** A command has said everything, and ends with a code of its own. */
export class Ended extends Error {
  override readonly name = "Ended";
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("ended");
    this.exitCode = exitCode;
  }
}

/** A command cannot go on: what is wrong, and what to do about it. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  readonly remedy: string;

  constructor(kind: keyof typeof exitCodes, message: string, remedy: string) {
    super(message);
    this.exitCode = exitCodes[kind];
    this.remedy = remedy;
  }
}
