import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Commands, CommonCommands, Order, Report } from "./serve.ts";

/** A process under test, alone with what is measured; the load comes from this one. */
export class Subject<C extends Commands> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #count = 0;
  #closing = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (report: Report) => {
      const waiting = this.#waiting.get(report.id);
      this.#waiting.delete(report.id);
      if ("failure" in report) waiting?.reject(new Error(`in the process under test: ${report.failure}`));
      else waiting?.resolve(report.result);
    });
    child.on("exit", (code, signal) => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error(`the process under test ended by itself (${signal ?? code})`));
      }
      this.#waiting.clear();
    });
  }

  /**
   * Starts a program that calls `serve` with commands `C`.
   * @param log descriptor of a file for its standard error
   */
  static async start<C extends Commands>(
    program: URL,
    args: readonly string[] = [],
    log?: number,
  ): Promise<Subject<C>> {
    const execArgv = ["--conditions=source", "--expose-gc"];
    const stdio = ["ignore", "inherit", log ?? "inherit", "ipc"] as const;
    const child = fork(fileURLToPath(program), args, { execArgv, stdio: [...stdio] });
    const subject = new Subject<C>(child);
    await new Promise((resolve, reject) => subject.#waiting.set(0, { resolve, reject }));
    return subject;
  }

  async ask<K extends keyof C & string>(
    command: K,
    ...[argument]: Parameters<C[K]>
  ): Promise<Awaited<ReturnType<C[K]>>> {
    // The type of a result is that of the command's function, which JSON does not change.
    return (await this.#order(command, argument)) as Awaited<ReturnType<C[K]>>;
  }

  /** CPU microseconds the process spends while `work` goes on. */
  async cpuDuring(work: () => Promise<void>): Promise<number> {
    const before = await this.#number("cpu");
    await work();
    return (await this.#number("cpu")) - before;
  }

  /** Octets the process holds after garbage collection. */
  memory(): Promise<number> {
    return this.#number("memory");
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, "exit");
    this.#child.disconnect();
    await exit;
  }

  async #number(command: keyof CommonCommands): Promise<number> {
    return Number(await this.#order(command, null));
  }

  #order(command: string, argument: unknown): Promise<unknown> {
    const id = (this.#count += 1);
    const order: Order = { id, command, argument };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send(order, (error) => error && reject(error));
    });
  }
}
