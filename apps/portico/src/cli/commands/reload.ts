import { readConfig } from "../../config/config.ts";
import { askToReload } from "../../control.ts";
import { CliError } from "../cliError.ts";
import type { Output } from "../output.ts";

/** `portico reload`. @throws ConfigError, CliError when no portal runs or it refuses */
export async function reload(file: string, { json, print, style }: Output): Promise<void> {
  const { data } = readConfig(file);
  const answer = await askToReload(data).catch((error: unknown) => {
    const { message } = error as Error;
    throw new CliError("unreachable", `no portal is reached by ${data}: ${message}`, "Start it with portico serve.");
  });
  if ("error" in answer) {
    throw new CliError("failed", answer.error, "The portal runs on with the configuration it had.");
  }
  const { applied, restart } = answer.ok;
  if (json) return print(JSON.stringify(answer.ok, null, 2));
  print(applied.length === 0 ? "Nothing to apply at run time." : `${style("green", "applied")} ${applied.join(", ")}`);
  if (restart.length > 0) print(`${style("yellow", "needs a restart")} ${restart.join(", ")}`);
}
