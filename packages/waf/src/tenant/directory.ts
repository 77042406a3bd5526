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

interface Known {
  readonly version: number;
  readonly document: TenantDocument;
  readonly suspended: boolean;
  readonly providers: ReadonlyMap<string, KnownProvider>;
}

/** What the directory is told of a tenant. */
export interface Listed {
  readonly document: TenantDocument;
  readonly version: number;
  /** Suspended by a command, whatever the document says. */
  readonly suspended: boolean;
}

/**
 * The tenants as this process knows them, for look-ups by id and by client. Keys fetched for a tenant are kept until
 * its document changes.
 */
export class Directory {
  readonly #fetch: Fetch;
  #byId: ReadonlyMap<string, Known> = new Map();
  #byClient: ReadonlyMap<string, KnownClient> = new Map();

  constructor(fetcher: Fetch) {
    this.#fetch = fetcher;
  }

  /**
   * Takes over what there is now.
   * @throws WafError `configuration` when two tenants have the same client, or keys are none
   */
  set(tenants: readonly Listed[]): void {
    const byId = new Map<string, Known>();
    const byClient = new Map<string, KnownClient>();
    for (const { document, version, suspended } of tenants) {
      const former = this.#byId.get(document.id);
      const same = former?.version === version;
      byId.set(
        document.id,
        same ? { ...former, suspended } : { document, version, suspended, providers: this.#providers(document) },
      );
      for (const client of document.clients) {
        if (byClient.has(client.clientId)) {
          throw new WafError(
            "configuration",
            `tenant ${document.id}: another tenant has the client ${client.clientId}`,
          );
        }
        const kept = same ? this.#byClient.get(client.clientId) : undefined;
        byClient.set(client.clientId, kept ?? this.#client(document, client));
      }
    }
    this.#byId = byId;
    this.#byClient = byClient;
  }

  /** Notes that a command has suspended the tenant, or has taken that back. */
  suspend(id: string, suspended: boolean): void {
    const known = this.#byId.get(id);
    if (known !== undefined) this.#byId = new Map(this.#byId).set(id, { ...known, suspended });
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

/** Whether a tenant may use the service, and if not, why. */
type Standing = "active" | "suspended" | "contract_not_begun" | "contract_ended";

function standing(
  { document, suspended }: { readonly document: TenantDocument; readonly suspended: boolean },
  now: number,
): Standing {
  if (suspended || document.state === "suspended") return "suspended";
  const { from, until } = document.contract ?? {};
  if (from !== undefined && now < Date.parse(from)) return "contract_not_begun";
  return until !== undefined && Date.parse(until) <= now ? "contract_ended" : "active";
}
