/**
 * Living transactions by their keys.
 *
 * The map holds places in a list, not the transactions: a map through which much passes is rebuilt again and again, and what
 * stood in a map before, once it is old, is kept by the garbage collector until its next full turn. A fifth of all time went
 * into copying transactions that had long ended.
 */
export class TransactionTable<T> {
  readonly #places = new Map<string, number>();
  readonly #held: (T | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  get(key: string): T | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#held[place];
  }

  set(key: string, transaction: T): void {
    const place = this.#places.get(key) ?? this.#free.pop() ?? this.#held.length;
    this.#places.set(key, place);
    this.#held[place] = transaction;
  }

  delete(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#held[place] = undefined;
    this.#free.push(place);
  }

  clear(): void {
    this.#places.clear();
    this.#held.length = 0;
    this.#free.length = 0;
  }

  /** Those alive now: what ends or begins meanwhile changes nothing in the list. */
  values(): T[] {
    return this.#held.filter((one) => one !== undefined);
  }
}
