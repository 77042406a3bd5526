import { isDeepStrictEqual } from "node:util";
import type { ListedEntry, Tables } from "@portico/store";
import { blockEntries, type BlockEntry, firstImported } from "../block/entries.ts";
import { WafError } from "../errors.ts";
import type { Ended, Leasing } from "../leasing.ts";
import type { Now } from "../ports.ts";
import { tenantOf } from "./check.ts";
import type { Directory, Standing, TenantRecord } from "./directory.ts";
import type { TenantDocument } from "./document.ts";
import { refuseForeign } from "./foreign.ts";

/** Who changes something: an id such as that of an API key, never a name. It stands in the audit. */
export interface By {
  readonly by: string;
}

interface Options {
  readonly directory: Directory;
  readonly leasing: Leasing;
  readonly homeDomain: string;
  readonly now: Now;
}

/** Entries read in one go. */
const pageSize = 1000;

/**
 * The tenants of the operator, changed at run time (ADM-01, ADM-02). Each change is one transaction with its audit
 * record and with the end of what the tenant may no longer have; other processes on the same store notice it by
 * {@link Tenants.notice}.
 */
export class Tenants {
  readonly #o: Options;
  /** Tenants that were active at the last {@link Tenants.notice}. */
  #active = new Set<string>();

  constructor(o: Options) {
    this.#o = o;
  }

  /** All tenants, by id. */
  async list(): Promise<TenantRecord[]> {
    await this.#o.directory.refresh();
    return this.#o.directory.records(this.#o.now());
  }

  /** @throws WafError `tenant_unknown` */
  async get(id: string): Promise<TenantRecord> {
    await this.#o.directory.refresh();
    const record = this.#o.directory.record(id, this.#o.now());
    if (record === undefined) throw new WafError("tenant_unknown");
    return record;
  }

  /** @throws WafError `tenant_invalid`, `tenant_exists` */
  async create(value: unknown, { by }: By): Promise<TenantRecord> {
    const document = tenantOf(value);
    const { id } = document;
    await this.#o.leasing.write(async (tables, ended) => {
      const row = { id, source: "api" as const, document: JSON.stringify(document) };
      const version = await tables.tenants.insert(row, this.#o.now());
      if (version === undefined) throw new WafError("tenant_exists", `${id} is the id of another tenant`);
      await refuseForeign(tables, document, this.#o.homeDomain);
      await this.#define(tables, document);
      this.#audit(ended, by, "tenant.create", id, { version });
    });
    return await this.get(id);
  }

  /**
   * Puts a new document in the place of the old one. Identities that are no longer in a block lose their users.
   * @param o.version the version the change was made from
   * @throws WafError `tenant_invalid`, `tenant_unknown`, `tenant_changed`, `tenant_of_file`, `tenant_exists`
   */
  async replace(id: string, value: unknown, o: By & { readonly version: number }): Promise<TenantRecord> {
    const document = tenantOf(value);
    if (document.id !== id) {
      throw new WafError("tenant_invalid", undefined, { problems: [{ path: "/id", problem: `must be ${id}` }] });
    }
    await this.#o.leasing.write(async (tables, ended) => {
      await changeable(tables, id);
      const version = await tables.tenants.replace(id, o.version, JSON.stringify(document), this.#o.now());
      if (version === undefined) throw new WafError("tenant_changed");
      await refuseForeign(tables, document, this.#o.homeDomain);
      await this.#withdraw(tables, ended, document);
      await this.#define(tables, document);
      await this.#endClients(tables, ended, document);
      this.#audit(ended, o.by, "tenant.replace", id, { version });
    });
    return await this.get(id);
  }

  /**
   * Removes a tenant with all it has; the history of its identities stays.
   * @throws WafError `tenant_unknown`, `tenant_changed`, `tenant_of_file`
   */
  async remove(id: string, o: By & { readonly version: number }): Promise<void> {
    await this.#o.leasing.write(async (tables, ended) => {
      await changeable(tables, id);
      await this.#clear(tables, ended, id);
      if (!(await tables.tenants.remove(id, o.version))) throw new WafError("tenant_changed");
      await tables.suspensions.remove(id);
      this.#audit(ended, o.by, "tenant.remove", id, {});
    });
    await this.#o.directory.refresh();
  }

  /**
   * Suspends a tenant, across restarts, and ends all its sessions (ADM-02). Assignments that are sticky stay.
   * @throws WafError `tenant_unknown`
   */
  async suspend(id: string, { by, reason = "" }: By & { readonly reason?: string }): Promise<TenantRecord> {
    await this.#o.leasing.write(async (tables, ended) => {
      if ((await tables.tenants.get(id)) === undefined) throw new WafError("tenant_unknown");
      await tables.suspensions.add(id, this.#o.now());
      await this.#o.leasing.endAll(tables, ended, id, "tenant_suspended");
      this.#audit(ended, by, "tenant.suspend", id, { reason });
    });
    return await this.get(id);
  }

  /**
   * Takes a suspension back; sessions it ended stay ended, and a document that itself says suspended goes on to.
   * @throws WafError `tenant_unknown`
   */
  async resume(id: string, { by, reason = "" }: By & { readonly reason?: string }): Promise<TenantRecord> {
    await this.#o.leasing.write(async (tables, ended) => {
      if ((await tables.tenants.get(id)) === undefined) throw new WafError("tenant_unknown");
      await tables.suspensions.remove(id);
      this.#audit(ended, by, "tenant.resume", id, { reason });
    });
    return await this.get(id);
  }

  /** Told the id of a tenant that was made, changed, suspended, resumed or removed, by whatever process. @returns ends it */
  onChanged(listener: (id: string) => void): () => void {
    return this.#o.directory.onChanged(listener);
  }

  /**
   * Makes the store say what the configuration file says.
   * @throws WafError `configuration`, `tenant_exists`
   */
  async defineFile(documents: readonly TenantDocument[]): Promise<void> {
    const wanted = new Map(documents.map((document) => [document.id, document]));
    if (wanted.size < documents.length) throw new WafError("configuration", "two tenants have the same id");
    await this.#o.leasing.write(async (tables, ended) => {
      const now = this.#o.now();
      const stored = new Map((await tables.tenants.all()).map((tenant) => [tenant.id, tenant]));
      for (const { id, source, version } of stored.values()) {
        if (source !== "file" || wanted.has(id)) continue;
        await this.#clear(tables, ended, id);
        await tables.tenants.remove(id, version);
      }
      for (const document of documents) {
        const former = stored.get(document.id);
        if (former?.source === "api") {
          throw new WafError(
            "configuration",
            `tenant ${document.id} is defined by the Admin API; remove one of the two`,
          );
        }
        const text = JSON.stringify(document);
        if (former === undefined) await tables.tenants.insert({ id: document.id, source: "file", document: text }, now);
        else if (!isDeepStrictEqual(JSON.parse(former.document), JSON.parse(text))) {
          await tables.tenants.replace(document.id, former.version, text, now);
        }
        await this.#withdraw(tables, ended, document);
        await this.#endClients(tables, ended, document);
      }
      for (const document of documents) await refuseForeign(tables, document, this.#o.homeDomain);
      const entries = documents.flatMap((document) => this.#entries(document));
      const [clash] = await tables.blocks.define(entries);
      if (clash !== undefined) throw new WafError("configuration", `${clash} clashes with another entry of the table`);
    });
    await this.#o.directory.refresh();
  }

  /** Reads again what other processes have changed, and ends here what a tenant may no longer have. */
  async notice(): Promise<void> {
    await this.#o.directory.refresh();
    const before = this.#active;
    const records = this.#o.directory.records(this.#o.now());
    this.#active = new Set(records.flatMap(({ id, standing }) => (standing === "active" ? [id] : [])));
    for (const { id, standing } of records) {
      if (standing !== "active") await this.#o.leasing.endTenant(id, endReason(standing), { isNews: before.has(id) });
      before.delete(id);
    }
    for (const id of before) await this.#o.leasing.endTenant(id, "tenant_removed", { isNews: true });
  }

  #entries({ id, blocks }: TenantDocument): BlockEntry[] {
    return blocks.flatMap((block) => blockEntries(id, block, this.#o.homeDomain));
  }

  /** @throws WafError `tenant_exists` */
  async #define(tables: Tables, document: TenantDocument): Promise<void> {
    const [clash] = await tables.blocks.add(this.#entries(document));
    if (clash !== undefined) throw new WafError("tenant_exists", `${clash} or its IMPI or number is another's already`);
  }

  /** Ends the use of identities that the document no longer has, then takes them out of their blocks. */
  async #withdraw(tables: Tables, ended: Ended, document: TenantDocument): Promise<void> {
    const wanted = new Set(this.#entries(document).map(({ impu }) => impu));
    const blocks = new Set(document.blocks.map(({ id }) => id));
    const kept = ({ impu, block, ordinal }: ListedEntry): boolean =>
      wanted.has(impu) || (ordinal >= firstImported && blocks.has(block));
    await this.#withdrawUnless(tables, ended, document.id, kept);
  }

  async #withdrawUnless(
    tables: Tables,
    ended: Ended,
    tenant: string,
    kept: (entry: ListedEntry) => boolean,
  ): Promise<void> {
    const gone: string[] = [];
    let after: string | undefined;
    for (;;) {
      const o = { now: this.#o.now(), limit: pageSize, ...(after === undefined ? {} : { after }) };
      const page = await tables.blocks.page(tenant, o);
      for (const entry of page) {
        if (kept(entry)) continue;
        if (entry.state === "held") await this.#o.leasing.release(tables, ended, entry.impu, "entry_withdrawn");
        gone.push(entry.impu);
      }
      after = page.at(-1)?.impu;
      if (page.length < pageSize) break;
    }
    if (gone.length > 0) await tables.blocks.withdraw(gone);
  }

  /** Ends the sessions of clients that are no longer there or disabled. */
  async #endClients(tables: Tables, ended: Ended, document: TenantDocument): Promise<void> {
    const good = new Set(document.clients.filter(({ state }) => state !== "disabled").map(({ clientId }) => clientId));
    await this.#o.leasing.endAll(tables, ended, document.id, "client_disabled", ({ clientId }) => !good.has(clientId));
    if (document.state === "suspended") await this.#o.leasing.endAll(tables, ended, document.id, "tenant_suspended");
  }

  async #clear(tables: Tables, ended: Ended, tenant: string): Promise<void> {
    await this.#o.leasing.endAll(tables, ended, tenant, "tenant_removed");
    await this.#withdrawUnless(tables, ended, tenant, () => false);
  }

  #audit(ended: Ended, actor: string, action: string, tenant: string, detail: Record<string, string | number>): void {
    ended.records.push({ tenant, at: this.#o.now(), actor, action, subject: tenant, detail });
  }
}

const endReason = (standing: Exclude<Standing, "active">): string =>
  standing === "suspended" ? "tenant_suspended" : standing;

/** @throws WafError `tenant_unknown`, `tenant_of_file` */
async function changeable(tables: Tables, id: string): Promise<void> {
  const stored = await tables.tenants.get(id);
  if (stored === undefined) throw new WafError("tenant_unknown");
  if (stored.source === "file") throw new WafError("tenant_of_file");
}
