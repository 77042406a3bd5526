import type { Tables } from "@portico/store";
import { WafError } from "../errors.ts";
import type { TenantDocument } from "./document.ts";

/** Which free identity a user may get: any of a block, any at all, or this one. */
export interface Choice {
  readonly block?: string | undefined;
  readonly impu?: string | undefined;
  /** The claim that names it. */
  readonly claim?: string | undefined;
}

/**
 * Applies the rules of a tenant to the claims of a user's token.
 * @param explicit the third party assigns the identity itself, so that a rule that waits for this does not refuse it
 * @throws WafError `identity_refused`
 */
export async function choose(
  tables: Tables,
  { id, rules }: TenantDocument,
  claims: Readonly<Record<string, unknown>>,
  explicit: boolean,
): Promise<Choice> {
  if (rules === undefined) return {};
  const rule = rules.find(({ when }) => when === undefined || holds(claims[when.claim], when.is));
  if (rule === undefined) throw new WafError("identity_refused", "no rule of the tenant fits the user");
  const { choose: way, block, claim = "" } = rule;
  if (way === "firstFree") return { block };
  if (way === "assignedOnly") {
    if (explicit) return { block };
    throw new WafError("identity_refused", "users like this one get an identity by assignment only");
  }
  const value = claims[claim];
  if (typeof value !== "string") throw new WafError("identity_refused", `the user's token lacks the claim ${claim}`);
  const entry = await (way === "numberInClaim" ? tables.blocks.ofNumber(value) : tables.blocks.find(value));
  if (entry?.tenant !== id || (block !== undefined && entry.block !== block)) throw refused(claim);
  return { block, impu: entry.impu, claim };
}

/** Whether an identity is another tenant's, a colleague's or nobody's is not told (WAF-08). @param claim that names it, if one does */
export function refused(claim: string | undefined): WafError {
  return new WafError(
    "identity_refused",
    claim === undefined ? undefined : `the claim ${claim} names none that the user may have`,
  );
}

/** A claim of several values, such as groups, holds when one of them does. */
function holds(value: unknown, wanted: readonly string[]): boolean {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.some((one) => wanted.includes(String(one)));
}
