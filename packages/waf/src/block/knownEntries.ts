import type { StoredEntry, Tables } from "@portico/store";
import type { TenantDocument } from "../tenant/document.ts";
import type { Directory } from "../tenant/directory.ts";
import { registeredAs, type SharedSubscription } from "./wildcard.ts";

/** An entry of a block with the clients it belongs to. */
export interface OwnedEntry extends StoredEntry {
  readonly clientIds: readonly string[];
  /** The subscription of its block, where that has one for all (ADM-04): its IMPI is the entry's. */
  readonly shared?: SharedSubscription | undefined;
}

interface KnownEntriesOptions {
  readonly store: Pick<Tables, "blocks" | "changes">;
  readonly directory: Directory;
  readonly homeDomain: string;
}

/** Entries kept; the oldest goes first. */
const most = 20_000;

/**
 * Entries of blocks that were asked for, kept until a block or a tenant changes: a REGISTER that refreshes asks for the same as the
 * last one did, and a query of a database costs several times what all else of it does.
 */
export class KnownEntries {
  readonly #o: KnownEntriesOptions;
  #known = new Map<string, OwnedEntry>();
  /** Of each tenant, for all of its entries. */
  readonly #clientIds = new WeakMap<TenantDocument, readonly string[]>();
  /** Changes of the store that what is kept has seen. */
  #seen = -1;

  constructor(o: KnownEntriesOptions) {
    this.#o = o;
    o.directory.onChanged(() => this.#forget());
  }

  /** The entry that holds the IMPU, if it was found before. */
  kept(impu: string): OwnedEntry | undefined {
    return this.#known.get(impu);
  }

  /** The entry that holds the IMPU, if any does now. */
  async find(impu: string): Promise<OwnedEntry | undefined> {
    const known = this.#known;
    const stored = await this.#o.store.blocks.find(impu);
    const entry = stored && this.#owned(stored);
    if (entry === undefined) return undefined;
    if (known.size >= most) known.delete(known.keys().next().value ?? "");
    // What a change has made void in the meantime goes to the map that it has made void.
    known.set(entry.impu, entry);
    return entry;
  }

  /** Forgets all if a block was changed since, by whatever process. */
  async notice(): Promise<void> {
    const { blocks } = await this.#o.store.changes.counts();
    if (blocks === this.#seen) return;
    this.#seen = blocks;
    this.#forget();
  }

  #forget(): void {
    this.#known = new Map();
  }

  /** Undefined for an entry of no tenant that is known. */
  #owned(stored: StoredEntry): OwnedEntry | undefined {
    const { directory, homeDomain } = this.#o;
    const document = directory.get(stored.tenant);
    if (document === undefined) return undefined;
    const { block, ordinal, impu, impi, tel, shared } = registeredAs(stored, document, homeDomain);
    return { tenant: document.id, block, ordinal, impu, impi, tel, clientIds: this.#clientsOf(document), shared };
  }

  #clientsOf(document: TenantDocument): readonly string[] {
    let ids = this.#clientIds.get(document);
    if (ids === undefined) {
      ids = document.clients.map(({ clientId }) => clientId);
      this.#clientIds.set(document, ids);
    }
    return ids;
  }
}
