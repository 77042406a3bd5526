import type { Random } from "../ports.ts";
import type { TransactionTable } from "./storage.ts";

interface Entry<T> {
  readonly key: string;
  readonly hash: number;
  value: T;
  next: Entry<T> | undefined;
}

/** A number for each octet, known to nobody outside: a peer can't choose keys that meet in one slot. */
export type TableSecret = Int32Array;

export function tableSecret(random: Random): TableSecret {
  return Int32Array.from({ length: 256 }, () => Number.parseInt(random.token(6), 36));
}

const fewest = 64;

/**
 * A table for transactions that come and go by thousands a second.
 *
 * No `Map`: it enters each key into V8's table of all strings, of which a key that is seen once makes old garbage, and keeps
 * what stood in it when it is rebuilt until the next full collection. That cost more than all else a transaction does.
 */
export class HashedTable<T> implements TransactionTable<T> {
  readonly #secret: TableSecret;
  #slots: (Entry<T> | undefined)[] = emptySlots(fewest);
  #size = 0;

  constructor(secret: TableSecret) {
    this.#secret = secret;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): T | undefined {
    const hash = this.#hash(key);
    let entry = this.#slots[hash & (this.#slots.length - 1)];
    while (entry !== undefined && (entry.hash !== hash || entry.key !== key)) entry = entry.next;
    return entry?.value;
  }

  set(key: string, value: T): void {
    const hash = this.#hash(key);
    let entry = this.#slots[hash & (this.#slots.length - 1)];
    while (entry !== undefined && (entry.hash !== hash || entry.key !== key)) entry = entry.next;
    if (entry !== undefined) {
      entry.value = value;
      return;
    }
    if (this.#size >= this.#slots.length) this.#grow();
    const slot = hash & (this.#slots.length - 1);
    this.#slots[slot] = { key, hash, value, next: this.#slots[slot] };
    this.#size += 1;
  }

  delete(key: string): void {
    const hash = this.#hash(key);
    const slot = hash & (this.#slots.length - 1);
    let before: Entry<T> | undefined;
    let entry = this.#slots[slot];
    while (entry !== undefined && (entry.hash !== hash || entry.key !== key)) {
      before = entry;
      entry = entry.next;
    }
    if (entry === undefined) return;
    if (before === undefined) this.#slots[slot] = entry.next;
    else before.next = entry.next;
    this.#size -= 1;
  }

  clear(): void {
    this.#slots = emptySlots(fewest);
    this.#size = 0;
  }

  values(): T[] {
    const all: T[] = [];
    for (const first of this.#slots)
      for (let entry = first; entry !== undefined; entry = entry.next) all.push(entry.value);
    return all;
  }

  #hash(key: string): number {
    const secret = this.#secret;
    let hash = key.length;
    for (let i = 0; i < key.length; i++) {
      hash = Math.imul(hash ^ (secret[key.charCodeAt(i) & 0xff] ?? 0), 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #grow(): void {
    const slots = emptySlots<T>(this.#slots.length * 2);
    for (const first of this.#slots)
      for (let entry = first; entry !== undefined;) {
        const { next } = entry;
        const slot = entry.hash & (slots.length - 1);
        entry.next = slots[slot];
        slots[slot] = entry;
        entry = next;
      }
    this.#slots = slots;
  }
}

function emptySlots<T>(count: number): (Entry<T> | undefined)[] {
  return Array.from({ length: count }, () => undefined);
}
