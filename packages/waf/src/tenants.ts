import type { JWTVerifyGetKey } from "jose";
import { WafError } from "./errors.ts";
import { type Fetch, keySource } from "./keySource.ts";
import { checkTenant, inContract, type TenantConfig } from "./tenant.ts";

interface Known {
  readonly config: TenantConfig;
  readonly clientKeys: JWTVerifyGetKey;
  readonly providerKeys: JWTVerifyGetKey;
}

/** The tenants of the configuration, and which of them are suspended. */
export class Tenants {
  readonly #byId = new Map<string, Known>();
  readonly #byClient = new Map<string, Known>();
  readonly #suspended: Set<string>;

  /**
   * @param suspended ids of tenants suspended at run time
   * @throws WafError `configuration`
   */
  constructor(configs: readonly TenantConfig[], suspended: readonly string[], fetcher: Fetch) {
    this.#suspended = new Set(suspended);
    for (const config of configs) {
      checkTenant(config);
      if (this.#byId.has(config.id) || this.#byClient.has(config.clientId)) {
        throw new WafError("configuration", `tenant ${config.id}: another tenant has the same id or clientId`);
      }
      const known = { config, ...keysOf(config, fetcher) };
      this.#byId.set(config.id, known);
      this.#byClient.set(config.clientId, known);
    }
  }

  get(id: string): TenantConfig | undefined {
    return this.#byId.get(id)?.config;
  }

  ofClient(clientId: string): TenantConfig | undefined {
    return this.#byClient.get(clientId)?.config;
  }

  clientKeys(clientId: string): JWTVerifyGetKey | undefined {
    return this.#byClient.get(clientId)?.clientKeys;
  }

  providerKeys(id: string): JWTVerifyGetKey {
    const known = this.#byId.get(id);
    if (known === undefined) throw new WafError("tenant_suspended");
    return known.providerKeys;
  }

  /** The tenant, if it may use the service now. */
  active(id: string, now: number): TenantConfig | undefined {
    const config = this.#byId.get(id)?.config;
    const may = config?.state === "active" && !this.#suspended.has(id) && inContract(config, now);
    return may ? config : undefined;
  }

  suspend(id: string): void {
    this.#suspended.add(id);
  }

  resume(id: string): void {
    this.#suspended.delete(id);
  }
}

function keysOf(config: TenantConfig, fetcher: Fetch): Omit<Known, "config"> {
  try {
    return {
      clientKeys: keySource(config.clientJwks, fetcher),
      providerKeys: keySource(config.identityProvider.jwks, fetcher),
    };
  } catch {
    throw new WafError("configuration", `tenant ${config.id}: clientJwks or identityProvider.jwks is no JWK Set`);
  }
}
