import type { Colleague } from "./api.ts";
import { normaliseNumber } from "./phoneNumber.ts";

/** Whom the user wants: a colleague of the list, or a number as typed. */
export type Target = { readonly user: string } | { readonly number: string };

/** What the choice depends on, and nothing else. */
export interface Surroundings {
  readonly self: { readonly id: string; readonly tel?: string | undefined };
  readonly colleagues: readonly Colleague[];
  readonly emergencyNumbers: readonly string[];
}

/** The path of a call. `fallback`: her number, for when the direct call does not come about. */
export type Route =
  | { readonly path: "direct"; readonly colleague: Colleague; readonly fallback?: string }
  | { readonly path: "ims"; readonly number: string; readonly colleague?: Colleague }
  | { readonly path: "none"; readonly why: "emergency" | "self" | "no-number" | "not-a-number" };

/**
 * Picks the path of a call, always the same for the same surroundings (22.228 H.4.1):
 * a colleague who is there is called directly, also when her number was dialled; everybody else by IMS.
 */
export function pickRoute(target: Target, { self, colleagues, emergencyNumbers }: Surroundings): Route {
  if ("user" in target) {
    const colleague = colleagues.find(({ id }) => id === target.user);
    if (target.user === self.id) return { path: "none", why: "self" };
    if (colleague === undefined) return { path: "none", why: "no-number" };
    return routeTo(colleague);
  }
  const number = normaliseNumber(target.number);
  if (number === undefined) return { path: "none", why: "not-a-number" };
  if (emergencyNumbers.includes(number)) return { path: "none", why: "emergency" };
  if (number === self.tel) return { path: "none", why: "self" };
  const holder = colleagues.find(({ tel }) => tel === number);
  return holder === undefined ? { path: "ims", number } : routeTo(holder);
}

function routeTo(colleague: Colleague): Route {
  const { tel, presence } = colleague;
  if (presence !== "offline") return { path: "direct", colleague, ...(tel === undefined ? {} : { fallback: tel }) };
  return tel === undefined ? { path: "none", why: "no-number" } : { path: "ims", number: tel, colleague };
}
