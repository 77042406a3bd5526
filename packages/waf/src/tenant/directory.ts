import { isDeepStrictEqual } from "node:util";
import type { StoredTenant, Tables, TenantSource } from "@portico/store";
import { Emitter } from "../emitter.ts";
import { WafError } from "../errors.ts";
import type { Fetch } from "../keys/guardedFetch.ts";
import { type PublicKeys, publicKeys } from "../keys/publicKeys.ts";
import type { ClientDocument, ProviderDocument, TenantDocument } from "./document.ts";

/** A WWSF of a tenant. */
export interface KnownClient {
  readonly tenant: TenantDocument;
  readonly document: ClientDocument;
  /** Keys of its assertions or certificates; undefined: it has none, but a name in a certificate. */
  readonly keys: PublicKeys | undefined;
  /** Keys of the JWTs in which it vouches for users; undefined: it may not. */
  readonly subjectKeys: PublicKeys | undefined;
}

/** An identity provider whose word the WAF takes for a tenant's users. */
export interface KnownProvider {
  readonly document: ProviderDocument;
  readonly keys: PublicKeys;
}

/** Whether a tenant may use the service, and if not, why. */
export type Standing = "active" | "suspended" | "contract_not_begun" | "contract_ended";

/** A tenant as it is managed. */
export interface TenantRecord {
  readonly id: string;
  /** Changes with every change of the document; never given twice. */
  readonly version: number;
  /** What the configuration file defines can be suspended at run time, but not changed. */
  readonly source: TenantSource;
  readonly standing: Standing;
  readonly document: TenantDocument;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

interface Known {
  readonly stored: Omit<StoredTenant, "document">;
  readonly document: TenantDocument;
  /** By a command, whatever the document says. */
  readonly suspended: boolean;
  readonly providers: ReadonlyMap<string, KnownProvider>;
}

/**
 * The tenants of the store as this process knows them, for look-ups by id and by client. Keys fetched for a tenant are
 * kept until its document changes.
 */
export class Directory {
  readonly #fetch: Fetch;
  readonly #store: Pick<Tables, "tenants" | "suspensions" | "changes">;
  readonly #changed = new Emitter<string>();
  /** Changes of the store that are in this picture of it. */
  #seen = { tenants: -1, suspensions: -1 };
  #reading: Promise<void> | undefined;
  #byId: ReadonlyMap<string, Known> = new Map();
  #byClient: ReadonlyMap<string, KnownClient> = new Map();

  constructor(store: Pick<Tables, "tenants" | "suspensions" | "changes">, fetcher: Fetch) {
    this.#store = store;
    this.#fetch = fetcher;
  }

  /** Reads the tenants again if any was changed since. Concurrent callers share one reading. */
  async refresh(): Promise<void> {
    while (this.#reading !== undefined) await this.#reading;
    const seen = await countsOf(this.#store);
    if (isDeepStrictEqual(seen, this.#seen)) return;
    this.#reading ??= this.#read(seen).finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  /** True when this picture has all that the transaction sees. */
  async isCurrent(tables: Tables): Promise<boolean> {
    return isDeepStrictEqual(await countsOf(tables), this.#seen);
  }

  /** Told the id of a tenant that was made, changed, suspended, resumed or removed, by whatever process. @returns ends it */
  onChanged(listener: (id: string) => void): () => void {
    return this.#changed.on(listener);
  }

  async #read(seen: { tenants: number; suspensions: number }): Promise<void> {
    const suspended = new Set(await this.#store.suspensions.all());
    const former = this.#byId;
    const byId = new Map<string, Known>();
    const byClient = new Map<string, KnownClient>();
    for (const { document: text, ...stored } of await this.#store.tenants.all()) {
      const old = former.get(stored.id);
      const same = old?.stored.version === stored.version ? old : undefined;
      const document = same?.document ?? (JSON.parse(text) as TenantDocument);
      const providers = same?.providers ?? this.#providers(document);
      byId.set(stored.id, { stored, document, suspended: suspended.has(stored.id), providers });
      for (const client of document.clients) {
        const kept = same && this.#byClient.get(client.clientId);
        byClient.set(client.clientId, kept ?? this.#client(document, client));
      }
    }
    this.#byId = byId;
    this.#byClient = byClient;
    this.#seen = seen;
    for (const id of new Set([...former.keys(), ...byId.keys()])) {
      const [was, is] = [former.get(id), byId.get(id)];
      if (was?.stored.version !== is?.stored.version || was?.suspended !== is?.suspended) this.#changed.emit(id);
    }
  }

  /** All tenants by id, as far as they are known here. */
  records(now: number): TenantRecord[] {
    return [...this.#byId.values()].map((known) => recordOf(known, now));
  }

  record(id: string, now: number): TenantRecord | undefined {
    const known = this.#byId.get(id);
    return known && recordOf(known, now);
  }

  get(id: string): TenantDocument | undefined {
    return this.#byId.get(id)?.document;
  }

  all(): TenantDocument[] {
    return [...this.#byId.values()].map(({ document }) => document);
  }

  client(clientId: string): KnownClient | undefined {
    return this.#byClient.get(clientId);
  }

  provider(tenant: string, issuer: string): KnownProvider | undefined {
    return this.#byId.get(tenant)?.providers.get(issuer);
  }

  /** The tenant, if it may use the service now. */
  active(id: string, now: number): TenantDocument | undefined {
    const known = this.#byId.get(id);
    return known !== undefined && standing(known, now) === "active" ? known.document : undefined;
  }

  #providers(document: TenantDocument): Map<string, KnownProvider> {
    const providers = document.identityProviders.map((provider): [string, KnownProvider] => {
      const { jwks, jwksUri, issuer } = provider;
      const discover = provider.discovery === undefined ? undefined : issuer;
      return [issuer, { document: provider, keys: this.#keys(document.id, { jwks, jwksUri, discover }) }];
    });
    return new Map(providers);
  }

  #client(tenant: TenantDocument, document: ClientDocument): KnownClient {
    const { authentication, subjectTokens } = document;
    const keyless = authentication.method === "tls_client_auth";
    return {
      tenant,
      document,
      keys: keyless ? undefined : this.#keys(tenant.id, authentication),
      subjectKeys: subjectTokens && this.#keys(tenant.id, subjectTokens),
    };
  }

  #keys(id: string, origin: Parameters<typeof publicKeys>[0]): PublicKeys {
    try {
      return publicKeys(origin, this.#fetch);
    } catch {
      throw new WafError("configuration", `tenant ${id}: jwks is no JWK Set`);
    }
  }
}

async function countsOf({ changes }: Pick<Tables, "changes">): Promise<{ tenants: number; suspensions: number }> {
  const { tenants, suspensions } = await changes.counts();
  return { tenants, suspensions };
}

function recordOf({ stored, document, suspended }: Known, now: number): TenantRecord {
  return { ...stored, document, standing: standing({ document, suspended }, now) };
}

function standing({ document, suspended }: Pick<Known, "document" | "suspended">, now: number): Standing {
  if (suspended || document.state === "suspended") return "suspended";
  const { from, until } = document.contract ?? {};
  if (from !== undefined && now < Date.parse(from)) return "contract_not_begun";
  return until !== undefined && Date.parse(until) <= now ? "contract_ended" : "active";
}
