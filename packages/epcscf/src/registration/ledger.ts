import type { Clock } from "@portico/sip";
import type { Log } from "../ports.ts";
import type { Binding, RegistrationStore } from "./binding.ts";

export interface LedgerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly store: RegistrationStore;
  /** Name of this node. */
  readonly node: string;
}

/** How long a refresh may wait to be written, ms: all it changes is when the binding ends. */
const batchMs = 10_000;

/**
 * Writes the bindings of this node to its store. What comes while a write is under way goes out together in the next one,
 * so that a thousand browsers that come at once do not wait for a thousand writes.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  /** By key; undefined: to be removed. */
  #pending = new Map<string, Binding | undefined>();
  /** By key: REGISTERs on their way to the core. */
  readonly #held = new Map<string, number>();
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** Resolves once it is written; never fails: an alarm tells what could not be written. */
  async save(binding: Binding): Promise<void> {
    this.#pending.set(binding.key, binding);
    await this.flush();
  }

  /** Writes it with the next batch. */
  touch(binding: Binding): void {
    this.#pending.set(binding.key, binding);
    this.#stopTimer ??= this.#options.clock.setTimer(batchMs, () => void this.flush());
  }

  /** A REGISTER is on its way: the row stays, whatever else is learnt of the key, until its answer decides. */
  hold(key: string): void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
  }

  /** True while one is. */
  holds(key: string): boolean {
    return this.#held.has(key);
  }

  /** The answer has come. */
  release(key: string): void {
    const count = (this.#held.get(key) ?? 0) - 1;
    if (count > 0) this.#held.set(key, count);
    else this.#held.delete(key);
  }

  remove(key: string): void {
    if (this.#held.has(key)) return;
    this.#pending.set(key, undefined);
    void this.flush();
  }

  /** Resolves when all that has come until now is written. */
  async flush(): Promise<void> {
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined;
      this.#writing = this.#write();
      return this.#writing;
    });
    await this.#next;
  }

  async #write(): Promise<void> {
    const { store, node, log } = this.#options;
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const pending = this.#pending;
    if (pending.size === 0) return;
    this.#pending = new Map();
    const saved = [...pending.values()].filter((binding) => binding !== undefined);
    const removed = [...pending].flatMap(([key, binding]) => (binding === undefined ? [key] : []));
    try {
      await store.write(node, { saved, removed });
    } catch (error) {
      // Calls matter more than this: all that is lost is the early end of these bindings after a crash.
      log.alarm("registration.not-written", { message: error instanceof Error ? error.message : "unknown" });
    }
  }
}
