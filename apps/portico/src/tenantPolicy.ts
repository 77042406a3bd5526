import type { TenantPolicy } from "@portico/epcscf";
import type { Waf } from "@portico/waf";
import type { PortalConfig } from "./config/schema.ts";

/** What a tenant's users may do: call by its own dial plan, or by the portal's, among the domains of all tenants; so many at once. */
export function tenantPolicy(config: PortalConfig, waf: Waf, tenant: string): TenantPolicy {
  const { dialPlan = config.dialPlan, limits } = waf.document(tenant) ?? {};
  return {
    dialPlan: { ...present(dialPlan), domains: [config.home.domain, ...waf.domains()] },
    maxCalls: limits?.calls,
    maxRegistrations: limits?.registrations,
  };
}

/** Without members that are undefined: a schema's optional member may be there and have no value. */
function present<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
