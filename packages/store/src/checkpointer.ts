import { Worker } from "node:worker_threads";

/** Commits between two checkpoints: some megabytes of log. */
const commits = 200;

/**
 * Has a thread of its own move what the write-ahead log of an SQLite file holds into the file. By default the commit
 * that makes the log long does it, and with it everybody waits who shares its thread: two writes through to the disk
 * and a thousand pages between them. Whatever happens to the thread, the log stays as good, and is moved later.
 */
export class Checkpointer {
  readonly #path: string;
  #worker: Worker | undefined;
  #since = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Counts a commit. */
  committed(): void {
    this.#since += 1;
    if (this.#since < commits) return;
    this.#since = 0;
    this.#worker ??= this.#start();
    this.#worker.postMessage("checkpoint", []);
  }

  /** Waits until the thread has ended and closed the file. */
  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  #start(): Worker {
    const worker = new Worker(new URL("checkpointThread.ts", import.meta.url), { workerData: this.#path });
    worker.unref();
    worker.on("error", () => (this.#worker = undefined));
    return worker;
  }
}
