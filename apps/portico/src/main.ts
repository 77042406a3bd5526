import { run } from "./cli/program.ts";

// Whoever reads a list through `head` has read enough, and a portal outlives the terminal it was started from.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

process.exitCode = await run(process.argv.slice(2));
