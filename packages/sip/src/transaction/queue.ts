import type { Clock } from "../ports.ts";
import type { Waiting, TransactionQueue } from "./storage.ts";

interface Entry {
  readonly due: number;
  readonly one: Waiting;
  before: Entry | undefined;
  next: Entry | undefined;
}

/** All wait equally long, so that one timer does for all: under load they are tens of thousands, and most leave early. */
export class LinkedQueue implements TransactionQueue {
  readonly #clock: Clock;
  readonly #ms: number;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  add(one: Waiting): () => void {
    const entry: Entry = { due: this.#clock.now() + this.#ms, one, before: this.#last, next: undefined };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#stopTimer ??= this.#clock.setTimer(this.#ms, () => this.#expire());
    return () => this.#remove(entry);
  }

  clear(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    // Who is told later that it need not wait finds itself in no list.
    for (let entry = this.#first; entry !== undefined;) {
      const { next } = entry;
      entry.before = entry.next = undefined;
      entry = next;
    }
    this.#first = this.#last = undefined;
  }

  #remove(entry: Entry): void {
    const { before, next } = entry;
    // It has been taken out, alone or with all others.
    if (before?.next !== entry && this.#first !== entry) return;
    if (before === undefined) this.#first = next;
    else before.next = next;
    if (next === undefined) this.#last = before;
    else next.before = before;
    if (this.#first === undefined) this.clear();
  }

  #expire(): void {
    const now = this.#clock.now();
    this.#stopTimer = undefined;
    for (let entry = this.#first; entry !== undefined && entry.due <= now; entry = this.#first) {
      this.#remove(entry);
      entry.one.expire();
    }
    // The first that waits now may be another than the one the timer was for.
    if (this.#first !== undefined) {
      this.#stopTimer ??= this.#clock.setTimer(this.#first.due - now, () => this.#expire());
    }
  }
}
