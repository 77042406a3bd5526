import { Command, CommanderError, Help } from "commander";
import { ConfigError } from "../config/complaint.ts";
import { CliError, Ended, exitCodes } from "./cliError.ts";
import { administrationCommands } from "./commands/administration.ts";
import { configurationCommands } from "./commands/configuration.ts";
import { type OpenOutput, type Output, processOutput } from "./output.ts";

/** Runs one command line. @returns the exit code. */
export async function run(words: readonly string[], open: OpenOutput = processOutput): Promise<number> {
  try {
    await portico(open).parseAsync(words, { from: "user" });
    return exitCodes.ok;
  } catch (error) {
    return tell(error, open(words.includes("--json")));
  }
}

/** The whole command line. */
function portico(open: OpenOutput): Command {
  const program = new Command("portico")
    .description("An open WebRTC portal to IMS: runs it, and works on one that runs.")
    .helpOption("-h, --help", "show this, or the help of a command")
    .helpCommand("help [command]", "show the help of a command")
    .showSuggestionAfterError()
    .configureHelp({ sortSubcommands: false, subcommandTerm: (command) => Help.prototype.subcommandTerm(command) })
    .configureOutput({
      writeOut: (text) => open(false).print(text.trimEnd()),
      writeErr: (text) => open(false).note(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, "portico: ")),
    })
    .exitOverride();
  configurationCommands(program, open);
  administrationCommands(program, open);
  return program;
}

/** One place where everything that ends a command is told. */
function tell(error: unknown, { json, note, print, style }: Output): number {
  // Commander has written already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof Ended) return error.exitCode;
  if (error instanceof ConfigError) {
    if (json) print(JSON.stringify({ file: error.file, complaints: error.complaints }, null, 2));
    else note(error.message);
    return exitCodes.configuration;
  }
  const { message, remedy, exitCode } = explained(error);
  if (json) print(JSON.stringify({ error: message, remedy }, null, 2));
  else note(`${style("red", "portico:")} ${message}${remedy === "" ? "" : `\n  ${remedy}`}`);
  return exitCode;
}

function explained(error: unknown): { message: string; remedy: string; exitCode: number } {
  if (error instanceof CliError) return error;
  const { message, remedy } = error as Error & { remedy?: unknown };
  // The catalogues of the rooms below give their errors a remedy.
  return { message, remedy: typeof remedy === "string" ? remedy : "", exitCode: exitCodes.failed };
}
