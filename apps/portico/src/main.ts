import { exitCodes } from "./cli/cliError.ts";
import { run } from "./cli/program.ts";

// Whoever reads a list through `head` has read enough, and what a command does goes on when nobody reads what it says of it. A
// portal outlives the terminal it was started from.
process.stderr.on("error", () => undefined);
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE" || process.stdout.isTTY) return;
  // A file that lacks its end would be taken for the result.
  process.stderr.write(
    `portico: the result could not be written: ${error.message}\n  Make room, or write it elsewhere.\n`,
  );
  process.exitCode = exitCodes.failed;
});

const code = await run(process.argv.slice(2));
process.exitCode ??= code;
