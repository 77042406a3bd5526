import { headerId, sameName } from "./headerNames.ts";

/**
 * Names of header fields that are looked for together, with one look at each line of a message, however many they are. Made
 * once, for many messages.
 *
 * @example
 * const identities = new HeaderSet(["P-Asserted-Identity", "P-Preferred-Identity"]);
 * message.removeAll(identities);
 */
export class HeaderSet {
  /** By the numbers of those that have one. */
  readonly #numbered: readonly boolean[];
  /** The others, in lower case. */
  readonly #others: readonly string[];

  constructor(names: readonly string[]) {
    const numbered: boolean[] = Array.from({ length: 64 }, () => false);
    for (const name of names) numbered[headerId(name)] = true;
    this.#numbered = numbered;
    this.#others = names.filter((name) => headerId(name) === 0).map((name) => name.toLowerCase());
  }

  /** True for the header field with this number, or, where it has none, with the name that stands in `text` from `from` to `to`. */
  has(id: number, text: string, from: number, to: number): boolean {
    if (id !== 0) return this.#numbered[id] === true;
    for (const name of this.#others) if (sameName(text, from, to, name)) return true;
    return false;
  }
}
