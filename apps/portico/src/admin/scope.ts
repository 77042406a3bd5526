import type { Call } from "./endpoint.ts";
import { AdminError } from "./errors.ts";

/**
 * The tenant a list is narrowed to: the one asked for, or the only one within reach; undefined: all.
 * @throws AdminError `not_found` for another's, whether it exists or not
 */
export function tenantWithin(scope: Call["scope"], asked: string | undefined): string | undefined {
  if (scope === "all") return asked;
  if (asked !== undefined && asked !== scope.tenant) throw new AdminError("not_found");
  return scope.tenant;
}

/** What was found, if it is within reach. @throws AdminError `not_found` */
export function within<T extends { readonly tenant: string | undefined }>(
  scope: Call["scope"],
  found: T | undefined,
): T {
  if (found === undefined || (scope !== "all" && found.tenant !== scope.tenant)) throw new AdminError("not_found");
  return found;
}
