import type { JSONWebKeySet } from "jose";
import type { BlockConfig } from "./block.ts";
import { WafError } from "./errors.ts";
import { isSafeUrl } from "./url.ts";

/** A third party with a contract (ADM-01). */
export interface TenantConfig {
  /** Short id, `[a-z0-9-]`, up to 32 characters; part of the IMPIs. */
  readonly id: string;
  readonly name: string;
  /** OAuth client id of the tenant's WWSF. */
  readonly clientId: string;
  /** Public keys of the WWSF, or their URL. */
  readonly clientJwks: JSONWebKeySet | string;
  readonly identityProvider: {
    /** `iss` of its ID tokens. */
    readonly issuer: string;
    /** Its public keys, or their URL. */
    readonly jwks: JSONWebKeySet | string;
    /** Client id under which the WWSF is known to it: the `aud` of ID tokens. */
    readonly audience: string;
  };
  /** Web origins the tenant's pages come from. */
  readonly origins: readonly string[];
  /** Services of the contract; scope `ims.NAME` each. */
  readonly services: readonly string[];
  readonly emergencyNumbers: readonly string[];
  readonly block: BlockConfig;
  readonly limits?: {
    /** Web sessions a user may have at once, 1 or more; one more ends the oldest. */
    readonly sessionsPerUser?: number;
  };
  readonly state: "active" | "suspended";
  /** First and last instant of the contract, ISO 8601; absent: open. */
  readonly contract?: { readonly from?: string; readonly until?: string };
}

/**
 * Checks what a type cannot say.
 * @throws WafError `configuration`
 */
export function checkTenant(tenant: TenantConfig): void {
  const refuse = (what: string): never => {
    throw new WafError("configuration", `tenant ${tenant.id}: ${what}`);
  };
  if (!/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(tenant.id)) refuse("id is not 1 to 32 of a-z, 0-9 and -");
  if (tenant.clientId === "" || tenant.clientId.length > 255) refuse("clientId is empty or too long");
  if (tenant.origins.length === 0) refuse("origins is empty");
  for (const origin of tenant.origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) refuse(`origins: ${origin} is no origin`);
  }
  for (const service of tenant.services) {
    if (!/^[a-z]+$/.test(service)) refuse(`services: ${service} is no service`);
  }
  for (const jwks of [tenant.clientJwks, tenant.identityProvider.jwks]) {
    if (typeof jwks === "string" && !isSafeUrl(jwks)) refuse(`${jwks} is neither https nor on this machine`);
  }
  if ((tenant.limits?.sessionsPerUser ?? 1) < 1) refuse("limits: sessionsPerUser is below 1");
  for (const time of [tenant.contract?.from, tenant.contract?.until]) {
    if (time !== undefined && Number.isNaN(Date.parse(time))) refuse(`contract: ${time} is no date`);
  }
}

/** True while the contract runs. */
export function inContract(tenant: TenantConfig, now: number): boolean {
  const { from, until } = tenant.contract ?? {};
  return (from === undefined || Date.parse(from) <= now) && (until === undefined || now < Date.parse(until));
}
