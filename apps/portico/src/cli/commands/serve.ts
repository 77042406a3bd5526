import { readConfig } from "../../config/config.ts";
import { openControl, reloadFailure } from "../../control.ts";
import { openLog } from "../../log.ts";
import { tuneEngine } from "../../engine.ts";
import { startPortal } from "../../portal.ts";
import type { Reloaded } from "../../reload.ts";
import { CliError } from "../cliError.ts";
import type { Output } from "../output.ts";

/** `portico serve`: runs a portal until it is told to end. @throws ConfigError, CliError */
export async function serve(file: string, { print }: Output): Promise<void> {
  const config = readConfig(file);
  const log = openLog(config.log?.level ?? "info");
  tuneEngine();
  const portal = await startPortal(config, log).catch((error: unknown) => {
    throw explainedStart(error);
  });
  const reload = async (): Promise<Reloaded> => {
    try {
      const { applied, restart } = await portal.reload(readConfig(file));
      log.info("config.reloaded", { applied: applied.join(" "), restart: restart.join(" ") });
      return { applied, restart };
    } catch (error) {
      log.alarm("config.not-reloaded", { message: reloadFailure(error) });
      throw error;
    }
  };
  const closeControl = await openControl(config.data, reload, log);
  let closing = false;
  const close = async (): Promise<void> => {
    // A terminal and the launcher both send the signal.
    if (closing) return;
    closing = true;
    closeControl();
    // A core that does not answer must not keep the process: what is left there ends with its granted time.
    setTimeout(() => process.exit(1), 5000).unref();
    await portal.close();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void close());
  process.on("SIGHUP", () => void reload().catch(() => undefined));
  // Last: who reads it may send a signal at once.
  print(`portal ready ${portal.url}`);
  await new Promise(() => undefined);
}

/** A start that failed, with the address it failed at. */
function explainedStart(error: unknown): unknown {
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const at = `${address}:${port}`;
  if (code === "EADDRINUSE")
    return new CliError("failed", `${at} is in use`, "End the other program or choose another port.");
  if (code === "EACCES") return new CliError("failed", `no permission to listen on ${at}`, "Choose a port above 1023.");
  if (code === "EADDRNOTAVAIL") {
    return new CliError("failed", `${address} is no address of this machine`, "Correct the configuration.");
  }
  return error;
}
