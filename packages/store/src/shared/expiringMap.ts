/** A map whose entries end by themselves; what has ended is swept out as the map grows. */
export class ExpiringMap<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly until: number }>();
  readonly #now: () => number;
  #sweepAt = 1024;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(key: string): V | undefined {
    return this.entry(key)?.value;
  }

  /** With its end, milliseconds since the epoch. */
  entry(key: string): { readonly value: V; readonly until: number } | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.until > this.#now() ? entry : undefined;
  }

  set(key: string, value: V, until: number): void {
    this.#entries.set(key, { value, until });
    if (this.#entries.size < this.#sweepAt) return;
    for (const [name, entry] of this.#entries) if (entry.until <= this.#now()) this.#entries.delete(name);
    this.#sweepAt = Math.max(1024, this.#entries.size * 2);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  /** All that have not ended. */
  *live(): Generator<[key: string, value: V, until: number]> {
    for (const [key, { value, until }] of this.#entries) if (until > this.#now()) yield [key, value, until];
  }
}
