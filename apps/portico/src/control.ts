import { chmodSync, rmSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { join } from "node:path";
import type { Log } from "@portico/epcscf";
import { ConfigError } from "./config/complaint.ts";
import type { Reloaded } from "./reload.ts";

/** The socket in the data folder by which commands on the same machine reach the process: who may enter the folder may. */
const socketOf = (data: string): string => join(data, "control.sock");

/** Answer to a command: what was done, or why nothing was. */
export type ControlAnswer = { readonly ok: Reloaded } | { readonly error: string };

/**
 * Listens for `reload`. Without the socket the portal runs all the same: SIGHUP does the same.
 * @returns a function that ends it
 */
export async function openControl(data: string, reload: () => Promise<Reloaded>, log: Log): Promise<() => void> {
  const path = socketOf(data);
  const server = createServer((asked, response) => {
    asked.resume();
    if (asked.method !== "POST" || asked.url !== "/reload") {
      response.writeHead(404).end();
      return;
    }
    reload()
      .then(
        (ok): ControlAnswer => ({ ok }),
        (error: unknown): ControlAnswer => ({ error: error instanceof Error ? error.message : String(error) }),
      )
      .then((answer) => response.setHeader("Content-Type", "application/json").end(JSON.stringify(answer)))
      .catch(() => response.destroy());
  });
  // One that a killed process left behind.
  rmSync(path, { force: true });
  try {
    await listening(server, path);
    chmodSync(path, 0o600);
  } catch (error) {
    log.warn("control.unavailable", { code: (error as NodeJS.ErrnoException).code ?? "unknown" });
    return () => undefined;
  }
  return () => {
    server.close();
    server.closeAllConnections();
    rmSync(path, { force: true });
  };
}

/** Asks the process that runs on this data folder to read its configuration again. @throws Error of the system when none does */
export async function askToReload(data: string): Promise<ControlAnswer> {
  const asked = request({ socketPath: socketOf(data), method: "POST", path: "/reload", timeout: 30_000 });
  return await new Promise((resolve, reject) => {
    asked.on("error", reject);
    asked.on("timeout", () => asked.destroy(new Error("the portal does not answer")));
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(JSON.parse(text) as ControlAnswer));
    });
    asked.end();
  });
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** What a failed reload says in the log: the complaints, or the error. */
export const reloadFailure = (error: unknown): string =>
  error instanceof ConfigError ? error.message.slice(0, 1900) : error instanceof Error ? error.message : String(error);
