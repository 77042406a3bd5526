import type { EntryState, ListedEntry, Store } from "@portico/store";
import { WafError } from "../errors.ts";
import type { Leasing } from "../leasing.ts";
import type { Now } from "../ports.ts";
import type { Directory } from "../tenant/directory.ts";
import type { By } from "../tenant/tenants.ts";
import type { BlockDocument } from "./definition.ts";
import { firstImported } from "./entries.ts";
import { readImport } from "./import.ts";
import { registeredAs, sharedSubscription, wildcardsOf } from "./wildcard.ts";
import { forms, type ProvisioningFormat } from "./provisioning.ts";

/** Use of a block, in entries. */
export interface BlockUse {
  readonly id: string;
  readonly size: number;
  /** Held by a user. */
  readonly assigned: number;
  /** In quarantine, or waiting for a token or registration to end. */
  readonly resting: number;
  readonly free: number;
  /** Share of entries that are not free, percent, rounded down; 0 for an empty block. */
  readonly usedPercent: number;
  /** Use at which the operator is told. */
  readonly warnAtPercent: number;
}

interface Options {
  readonly store: Store;
  readonly directory: Directory;
  readonly leasing: Leasing;
  readonly homeDomain: string;
  /** Name of this WAF. */
  readonly issuer: string;
  readonly now: Now;
}

/** Entries read in one go. */
const pageSize = 1000;
/** {@link BlockDocument.warnAtPercent} where it is absent. */
const defaultWarnAtPercent = 90;

/** The blocks of the tenants as they are managed; their definitions are part of the tenants' documents. */
export class BlockTable {
  readonly #o: Options;

  constructor(o: Options) {
    this.#o = o;
  }

  /** Use of each block of a tenant, in the order of its document. @throws WafError `tenant_unknown` */
  async usage(tenant: string): Promise<BlockUse[]> {
    const { blocks } = await this.#document(tenant);
    const counts = await this.#o.store.blocks.usage(tenant, this.#o.now());
    return blocks.map(({ id, warnAtPercent = defaultWarnAtPercent }) => {
      const { size = 0, held: assigned = 0, free = 0 } = counts.get(id) ?? {};
      const usedPercent = size === 0 ? 0 : Math.floor((100 * (size - free)) / size);
      return { id, size, assigned, resting: size - assigned - free, free, usedPercent, warnAtPercent };
    });
  }

  /**
   * Entries of a tenant by block and place.
   * @param o.after IMPU of the last entry seen
   * @param o.limit 1 to 1000
   */
  async entries(
    tenant: string,
    o: { readonly block?: string; readonly state?: EntryState; readonly after?: string; readonly limit: number },
  ): Promise<ListedEntry[]> {
    const page = { ...o, limit: Math.min(o.limit, pageSize), now: this.#o.now() };
    const document = this.#o.directory.get(tenant);
    const all = await this.#o.store.blocks.page(tenant, page);
    return all.map((entry) => registeredAs(entry, document, this.#o.homeDomain));
  }

  /**
   * Adds entries out of a CSV or JSON text to a block (ADM-03): all, or none when any is wrong.
   * @returns how many were read
   * @throws WafError `tenant_unknown`, `block_unknown`, `import_refused` with every problem by its row
   */
  async import(
    tenant: string,
    block: string,
    text: string,
    o: By & { readonly format: ProvisioningFormat },
  ): Promise<number> {
    const definition = await this.#definition(tenant, block);
    const { homeDomain, now } = this.#o;
    const read = readImport(text, o.format, { tenant, block: definition, homeDomain });
    await this.#o.leasing.write(async (tables, ended) => {
      const first = await tables.blocks.nextPlace(tenant, block, firstImported);
      const entries = read.map(({ impu, impi, tel }, n) => ({ tenant, block, ordinal: first + n, impu, impi, tel }));
      const clashes = new Set(await tables.blocks.add(entries));
      const problems = read
        .filter(({ impu }) => clashes.has(impu))
        .map(({ place, impu }) => ({ path: place, problem: `${impu}, its IMPI or its number is another entry's` }));
      if (problems.length > 0) throw new WafError("import_refused", undefined, { problems: problems.slice(0, 100) });
      const detail = { block, entries: entries.length };
      ended.records.push({ tenant, at: now(), actor: o.by, action: "block.import", subject: tenant, detail });
    });
    return read.length;
  }

  /**
   * Takes imported entries out of their block. Whoever holds one loses it first: her sessions end, and then the entry.
   * @returns how many were in a block
   * @throws WafError `entry_of_document` when one is defined by the tenant's document
   */
  async withdraw(tenant: string, impus: readonly string[], o: By): Promise<number> {
    const { leasing, now } = this.#o;
    return await leasing.write(async (tables, ended) => {
      const own: string[] = [];
      for (const impu of new Set(impus)) {
        const entry = await tables.blocks.find(impu);
        // Another tenant's is as unknown as none (WAF-08).
        if (entry?.tenant !== tenant) continue;
        if (entry.ordinal < firstImported) throw new WafError("entry_of_document", impu);
        own.push(impu);
      }
      for (const impu of own) await leasing.release(tables, ended, impu, "entry_withdrawn", o.by);
      const count = await tables.blocks.withdraw(own);
      const detail = { entries: own };
      ended.records.push({ tenant, at: now(), actor: o.by, action: "block.withdraw", subject: tenant, detail });
      return count;
    });
  }

  /**
   * The subscriptions of all blocks, or of one tenant's, for provisioning the HSS (ADM-03), piece by piece: a page of them is
   * in memory at a time. A wildcarded block is one (ADM-04).
   */
  async *export(format: ProvisioningFormat, o: { readonly tenant?: string } = {}): AsyncGenerator<string> {
    const { begin, between, end, write } = forms[format];
    const { homeDomain } = this.#o;
    const tenants = o.tenant === undefined ? this.#o.directory.all().map(({ id }) => id) : [o.tenant];
    yield begin;
    let some = false;
    for (const tenant of tenants.toSorted()) {
      // ADM-05: this WAF and the tenant's WWSFs may have its identities registered, and nobody else.
      const { clients = [], blocks = [] } = this.#o.directory.get(tenant) ?? {};
      const shared = new Map(blocks.filter(({ wildcard }) => wildcard !== undefined).map((block) => [block.id, block]));
      /** By block: numbers that a wildcard is to stand for. */
      const numbers = new Map<string, string[]>([...shared.keys()].map((id) => [id, []]));
      const allowed = [this.#o.issuer, ...clients.map(({ clientId }) => clientId)];
      let after: string | undefined;
      for (;;) {
        const page = await this.entries(tenant, { limit: pageSize, ...(after === undefined ? {} : { after }) });
        const own = page.filter(({ block }) => !shared.has(block));
        for (const { block, tel } of page) if (tel !== undefined) numbers.get(block)?.push(tel);
        if (own.length > 0) {
          yield `${some ? between : ""}${own.map((entry) => write(entry, allowed)).join(between)}`;
          some = true;
        }
        after = page.at(-1)?.impu;
        if (page.length < pageSize) break;
      }
      for (const [id, block] of shared) {
        const subscription = sharedSubscription(tenant, block, homeDomain);
        if (subscription === undefined) continue;
        const wildcards = wildcardsOf(block, homeDomain, numbers.get(id) ?? []);
        yield `${some ? between : ""}${write({ tenant, block: id, ...subscription, wildcards }, allowed)}`;
        some = true;
      }
    }
    yield end;
  }

  async #document(tenant: string): Promise<{ readonly blocks: readonly BlockDocument[] }> {
    await this.#o.directory.refresh();
    const document = this.#o.directory.get(tenant);
    if (document === undefined) throw new WafError("tenant_unknown");
    return document;
  }

  async #definition(tenant: string, block: string): Promise<BlockDocument> {
    const found = (await this.#document(tenant)).blocks.find(({ id }) => id === block);
    if (found === undefined) throw new WafError("block_unknown");
    return found;
  }
}
