import type { Head } from "./head.ts";
import { headerId, sameName } from "./headerNames.ts";

/**
 * Names of header fields that are looked for together, with one look at each line of a message, however many they are. Made
 * once, for many messages.
 *
 * @example
 * const identities = new HeaderSet(["P-Asserted-Identity", "P-Preferred-Identity"]);
 * invite.removeAll(identities);
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

  #has(head: Head, position: number): boolean {
    const id = head.idAt(position);
    if (id !== 0) return this.#numbered[id] === true;
    const name = head.nameAt(position);
    for (const other of this.#others) if (sameName(name, 0, name.length, other)) return true;
    return false;
  }

  /** What `Message.removeAll` does. */
  removeFrom(head: Head): void {
    for (let at = head.size - 1; at >= 0; at--) if (this.#has(head, at)) head.drop(at);
  }

  /** What `Message.excerpt` does. */
  excerptOf(head: Head): string {
    let text = "";
    for (let at = 0; at < head.size; at++) if (this.#has(head, at)) text += head.octetsAt(at);
    return text;
  }
}
