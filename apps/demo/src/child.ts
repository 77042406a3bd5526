import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** A launcher that is killed leaves no child behind. */
const endWithParent = new URL("../../../bin/endWithParent.mjs", import.meta.url).href;

/** A program of the demo in a process of its own. */
export class Child {
  readonly name: string;
  readonly #process: ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #said: string[] = [];

  /** Runs a TypeScript entry point. It is ready when it prints `NAME ready …`. @param onExit it ended unasked. */
  constructor(
    name: string,
    script: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
    onExit: (why: string) => void,
  ) {
    this.name = name;
    this.#process = spawn(process.execPath, ["--conditions=source", `--import=${endWithParent}`, script, ...args], {
      // A process group of its own: Ctrl-C reaches the launcher alone, which then ends its children in order.
      detached: process.platform !== "win32",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { ...env, PORTICO_PARENT: String(process.pid) },
    });
    const { stdout, stderr } = this.#process;
    if (stdout !== null) createInterface({ input: stdout }).on("line", (line) => this.#line(line));
    if (stderr !== null) createInterface({ input: stderr }).on("line", (line) => this.#line(line));
    this.#process.on("exit", () => {
      this.#ended.resolve();
      this.#ready.reject(new Error(this.#lastWords()));
      onExit(this.#lastWords());
    });
  }

  /** @throws Error with the last line the program said, when it ends before it is ready. */
  ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill("SIGTERM");
    const force = setTimeout(() => this.#process.kill("SIGKILL"), 6000);
    await this.#ended.promise;
    clearTimeout(force);
  }

  #line(line: string): void {
    if (line.startsWith(`${this.name} ready`)) this.#ready.resolve();
    else {
      this.#said.push(line);
      if (this.#said.length > 20) this.#said.shift();
      if (line.includes('"alarm":true')) console.error(`${this.name}: ${line}`);
    }
  }

  #lastWords(): string {
    const words = this.#said.findLast((line) => line.trim() !== "") ?? "it ended without a word";
    return words.startsWith(`${this.name}:`) ? words : `${this.name}: ${words}`;
  }
}
