/** Counts what owners have at once. What is added several times counts once, until it is removed as often. */
export class Tally {
  /** By owner: how often each thing was added. */
  readonly #things = new Map<string, Map<string, number>>();

  add(owner: string, thing: string): void {
    this.#change(owner, thing, 1);
  }

  remove(owner: string, thing: string): void {
    this.#change(owner, thing, -1);
  }

  /** Things at once if this one is among them. */
  with(owner: string, thing: string): number {
    const things = this.#things.get(owner);
    if (things === undefined) return 1;
    return things.has(thing) ? things.size : things.size + 1;
  }

  /** Things at once. */
  of(owner: string): number {
    return this.#things.get(owner)?.size ?? 0;
  }

  #change(owner: string, thing: string, by: number): void {
    const things = this.#things.get(owner) ?? new Map<string, number>();
    const times = (things.get(thing) ?? 0) + by;
    if (times > 0) things.set(thing, times);
    else things.delete(thing);
    if (things.size > 0) this.#things.set(owner, things);
    else this.#things.delete(owner);
  }
}
