import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Acknowledgement, Order } from "./worker.ts";

/** A {@link Order} at work in a process of its own. */
export class Worker {
  readonly #child: ChildProcess;
  readonly said: Acknowledgement[] = [];
  #complaint = "";
  #heard: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #ended: Promise<unknown>;

  constructor(order: Order) {
    const program = fileURLToPath(new URL("worker.ts", import.meta.url));
    this.#child = spawn(process.execPath, ["--conditions=source", program, JSON.stringify(order)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error("a worker without pipes");
    stderr.on("data", (bytes: Buffer) => (this.#complaint += bytes.toString()));
    createInterface({ input: stdout }).on("line", (line) => {
      this.said.push(JSON.parse(line) as Acknowledgement);
      this.#heard.resolve();
    });
    this.#ended = once(this.#child, "close").then(() => this.#heard.resolve());
  }

  /** Waits until it has said so many things. */
  async hasSaid(count: number): Promise<void> {
    while (this.said.length < count) {
      this.#heard = Promise.withResolvers();
      if (this.#child.exitCode !== null) throw new Error(`a worker ended by itself: ${this.#complaint}`);
      await this.#heard.promise;
    }
  }

  /** Waits until it has done all it was told. */
  async isDone(): Promise<void> {
    await this.#ended;
    if (this.said.at(-1)?.did !== "done") throw new Error(`a worker failed: ${this.#complaint}`);
  }

  /** Kills it at once and takes in what it has said before. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
