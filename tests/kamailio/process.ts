import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** A program that a fixture runs; what it says goes to a file. */
export interface FixtureProcess {
  readonly running: boolean;
  readonly pid: number | undefined;
  /** Its standard output and error so far. */
  log(): string;
  /** SIGTERM, then SIGKILL after three seconds. Idempotent. */
  close(): Promise<void>;
  /** SIGKILL to it and to all that it has started: it crashes. */
  crash(): Promise<void>;
}

const patience = 3000;

/**
 * Starts a program that does not outlive the test, not even one that crashes: the kernel ends it with its parent
 * (`PR_SET_PDEATHSIG`, by way of `setpriv`).
 * @param logFile where its output goes
 */
export function startProcess(command: string, args: readonly string[], logFile: string): FixtureProcess {
  const log = openSync(logFile, "w");
  const child = spawn("/usr/bin/setpriv", ["--pdeathsig", "TERM", command, ...args], {
    stdio: ["ignore", log, log],
    // The leader of a group: its own children are killed with it.
    detached: true,
  });
  closeSync(log);
  let running = true;
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  }).then(() => (running = false));
  return {
    pid: child.pid,
    get running() {
      return running;
    },
    log: () => readFileSync(logFile, "utf8"),
    async close() {
      if (!running) return;
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), patience);
      await ended;
      clearTimeout(timer);
    },
    async crash() {
      if (running && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      await ended;
    },
  };
}
