import { write, writeSync } from "node:fs";

/** Octets of lines that are written together, and how long the first of them waits at the most, ms. */
const together = 12_288;
const longestWait = 1000;
/** How long after a failure it is tried again, ms. */
const retryAfter = 100;
/** Octets of lines that wait while they cannot be written; lines that come then are dropped. */
const most = 1_048_576;
/** How long the end of the process waits for a reader that is slow, ms. */
const lastPatience = 500;

/**
 * Writes lines to a file descriptor, many at once, since a system call costs ten times as much as a line. Who logs never waits
 * for who reads, and nothing ends because a disk is full or a reader is gone: what waits is written as soon as it can be,
 * or at the end of the process.
 */
export class LineWriter {
  readonly #fd: number;
  #lines: string[] = [];
  /** What is being written, or what could not be. */
  #part: Buffer = Buffer.alloc(0);
  /** Of all that waits. */
  #octets = 0;
  #writing = false;
  #failed = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    this.#fd = fd;
    process.on("exit", () => this.#end());
  }

  /** @param line with its line break */
  write(line: string): void {
    const octets = Buffer.byteLength(line);
    if (this.#octets + octets > most) return;
    this.#lines.push(line);
    this.#octets += octets;
    if (this.#octets >= together && !this.#failed) this.flush();
    else this.#later();
  }

  /** Writes what waits, without waiting for it. */
  flush(): void {
    this.#cancel();
    if (this.#writing || this.#octets === 0) return;
    this.#takeLines();
    this.#writing = true;
    const part = this.#part;
    write(this.#fd, part, 0, part.length, null, (error, written) => {
      this.#writing = false;
      this.#failed = error !== null;
      if (this.#failed) {
        this.#cancel();
        return this.#later(retryAfter);
      }
      this.#written(written);
      if (this.#part.length > 0 || this.#octets >= together) this.flush();
      else if (this.#octets > 0) this.#later();
    });
  }

  #later(ms = longestWait): void {
    this.#timer ??= setTimeout(() => this.flush(), ms).unref();
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #takeLines(): void {
    if (this.#part.length > 0) return;
    this.#part = Buffer.from(this.#lines.join(""));
    this.#lines = [];
  }

  #written(octets: number): void {
    this.#part = this.#part.subarray(octets);
    this.#octets -= octets;
  }

  /** The process ends: what waits is written now, or is lost. */
  #end(): void {
    // What is under way is ended by its thread.
    if (this.#writing) this.#written(this.#part.length);
    const until = performance.now() + lastPatience;
    while (this.#octets > 0) {
      this.#takeLines();
      try {
        this.#written(writeSync(this.#fd, this.#part));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN" || performance.now() > until) return;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
      }
    }
  }
}
