/** Longest JSON of what many may have alike: what a browser makes longer is not kept for others. */
const longest = 2000;

/** Values that many have alike: each is kept once, and the oldest goes first. */
export class Interned<Of> {
  readonly #most: number;
  /** By their JSON. */
  readonly #known = new Map<string, Of>();

  constructor(most: number) {
    this.#most = most;
  }

  /** @returns the value, or an equal one that came before it */
  one(value: Of): Of {
    const text = JSON.stringify(value);
    if (text.length > longest) return value;
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= this.#most) this.#known.delete(this.#known.keys().next().value ?? "");
    this.#known.set(text, value);
    return value;
  }
}
