import type { StoredEntry, Tables } from "@portico/store";

/** Entries kept; the oldest goes first. */
const most = 20_000;

/**
 * Entries of blocks that were asked for, kept until {@link notice} finds that a block has changed: a REGISTER that refreshes asks for the same as the last
 * one did, and a query of a database costs several times what all else of it does.
 */
export class KnownEntries {
  readonly #store: Pick<Tables, "blocks" | "changes">;
  #known = new Map<string, StoredEntry>();
  /** Changes of the store that what is kept has seen. */
  #seen = -1;

  constructor(store: Pick<Tables, "blocks" | "changes">) {
    this.#store = store;
  }

  /** The entry that holds the IMPU, if it was found before. */
  kept(impu: string): StoredEntry | undefined {
    return this.#known.get(impu);
  }

  /** The entry that holds the IMPU, if any does now. */
  async find(impu: string): Promise<StoredEntry | undefined> {
    const known = this.#known;
    const entry = await this.#store.blocks.find(impu);
    if (entry === undefined) return undefined;
    if (known.size >= most) known.delete(known.keys().next().value ?? "");
    // What a change has made void in the meantime goes to the map that it has made void.
    known.set(impu, entry);
    return entry;
  }

  /** Forgets all if a block was changed since, by whatever process. */
  async notice(): Promise<void> {
    const { blocks } = await this.#store.changes.counts();
    if (blocks === this.#seen) return;
    this.#seen = blocks;
    this.#known = new Map();
  }
}
