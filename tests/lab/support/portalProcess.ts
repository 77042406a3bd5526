import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../../apps/portico/src/main.ts", import.meta.url));

/** A portal in a process of its own, to be killed. */
export class PortalProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  /** Resolves when it is ready. @param config file. @param log is told what it writes to standard error; absent: shown. */
  static async start(config: string, log?: (text: string) => void): Promise<PortalProcess> {
    const child = spawn(process.execPath, ["--conditions=source", main, "serve", config], {
      stdio: ["ignore", "pipe", log === undefined ? "inherit" : "pipe"],
    });
    child.stderr?.on("data", (bytes: Buffer) => log?.(bytes.toString()));
    const portal = new PortalProcess(child);
    let said = "";
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      said += chunk.toString();
      if (said.includes("portal ready")) return portal;
    }
    throw new Error(`the portal ended before it was ready: ${said}`);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, "exit");
  }

  /** Sends the signal and waits for the end. Idempotent. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }
}
