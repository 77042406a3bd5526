import type { UserKey } from "@portico/store";
import { WafError } from "../errors.ts";
import { digest } from "../secrets.ts";
import type { TenantDocument } from "../tenant/document.ts";
import { claimOf, narrowed, type RestrictionsClaim } from "./restrictions.ts";

/** Begins the `issuer` of users whom nobody vouches for; no provider's and no client's begins so. */
export const anonymousPrefix = "anonymous:";
/** Life of an access token of such a user, seconds: whoever closes the page gives the identity back soon after. */
export const anonymousTokenSeconds = 300;
/** New sessions of such users for each client, unless the tenant has a rate of its own. */
export const anonymousRate = { burst: 20, perSecond: 1 };

/** The key of a user of whom nothing is known but her web session (TS 22.228 Annex H.5). */
export function anonymousUser(tenant: string, clientId: string, webSession: string): UserKey {
  return { tenant, issuer: `${anonymousPrefix}${clientId}`, subject: digest(webSession) };
}

export function isAnonymous({ issuer }: Pick<UserKey, "issuer">): boolean {
  return issuer.startsWith(anonymousPrefix);
}

/** What the tenant lets such users have. @throws WafError `anonymous_refused` where that is nothing */
export function anonymousOf({ anonymous }: TenantDocument): NonNullable<TenantDocument["anonymous"]> {
  if (anonymous === undefined) throw new WafError("anonymous_refused");
  return anonymous;
}

/**
 * What such users are restricted to: within what all of the tenant's are.
 * @throws WafError `anonymous_refused`; `restrictions_refused` where it is not within
 */
export function anonymousRestrictions(tenant: TenantDocument): RestrictionsClaim | undefined {
  const country = tenant.dialPlan?.national?.country;
  return narrowed(claimOf(tenant.restrictions), anonymousOf(tenant).restrictions, country);
}
