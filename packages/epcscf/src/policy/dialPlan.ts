import { formatUri, parseUri, type SipUri } from "@portico/sip";
import { EpcscfError } from "../errors.ts";

/** What a tenant's users may dial and how it becomes a URI the core understands. */
export interface DialPlan {
  /** Domains whose SIP URIs may be called: the home domain and those of its blocks. */
  readonly domains: readonly string[];
  /** International prefix dialled before a foreign number, for example `011` or `00`. */
  readonly internationalPrefix: string;
  /** Trunk prefix and country code of national numbers, for example `1` and `+1`; absent: national form is refused. */
  readonly national?: { readonly trunk: string; readonly country: string; readonly digits: number };
  /** Inner numbers of so many digits, each the end of the E.164 number that begins with `prefix`. */
  readonly extensions?: readonly { readonly digits: number; readonly prefix: string }[];
  /** Codes of 0-9, * and # that stand for a number or an address. */
  readonly shortCodes?: readonly { readonly code: string; readonly target: string }[];
}

/** By which rule a dialled string was understood; the rules are tried in this order. */
export type DialForm = "address" | "shortCode" | "e164" | "extension" | "international" | "national";

/** A dialled string as it is understood. */
export interface Dialled {
  readonly form: DialForm;
  /** `tel:` with an E.164 number, or a SIP URI of an own domain without parameters: the only URI that is sent. */
  readonly target: string;
}

const e164 = /^\+[1-9]\d{4,14}$/;

/**
 * Understands a dialled URI. What no rule of the plan knows is refused, so that a `tel` parameter, `user=phone` with a
 * foreign domain or an escape cannot carry a call past the policy.
 * @throws EpcscfError `epcscf/target`.
 */
export function dial(dialled: string, plan: DialPlan): Dialled {
  let uri: SipUri;
  try {
    uri = parseUri(dialled);
  } catch {
    throw new EpcscfError("epcscf/target");
  }
  const user = uri.user ?? "";
  if (uri.scheme === "tel") {
    const extras = [...uri.params].filter(([name, value]) => name !== "phone-context" || !isOwnContext(value, plan));
    if (extras.length > 0) throw new EpcscfError("epcscf/target");
    return byNumber(user, plan);
  }
  const own = uri.scheme === "sip" && plan.domains.includes(uri.host.toLowerCase());
  if (!own || uri.port !== undefined || uri.password !== undefined || uri.headers !== undefined) {
    throw new EpcscfError("epcscf/target");
  }
  if (uri.params.get("user")?.toLowerCase() === "phone" || /^\+?[\d.()*#-]+$/.test(user)) return byNumber(user, plan);
  if (!/^[\w.-]+$/.test(user)) throw new EpcscfError("epcscf/target");
  return {
    form: "address",
    target: formatUri({ scheme: "sip", user, host: uri.host.toLowerCase(), params: new Map() }),
  };
}

/** RFC 3966 §5.1.5: the numbers of another context are not those of this plan. */
function isOwnContext(context: string | undefined, { domains, national }: DialPlan): boolean {
  return context !== undefined && (domains.includes(context.toLowerCase()) || context === national?.country);
}

function byNumber(dialled: string, plan: DialPlan): Dialled {
  const digits = dialled.replaceAll(/[-.()]/g, "").replaceAll("%23", "#");
  const code = plan.shortCodes?.find((one) => one.code === digits);
  if (code !== undefined) {
    const target = e164.test(code.target) ? `tel:${code.target}` : code.target;
    // A code stands for what could be dialled without it, never for another code.
    return { form: "shortCode", target: dial(target, { ...plan, shortCodes: [] }).target };
  }
  if (e164.test(digits)) return { form: "e164", target: `tel:${digits}` };
  if (!/^\d+$/.test(digits)) throw new EpcscfError("epcscf/target");
  for (const [form, number] of readings(digits, plan)) if (e164.test(number)) return { form, target: `tel:${number}` };
  throw new EpcscfError("epcscf/target");
}

/** What digits without + may mean. */
function* readings(digits: string, plan: DialPlan): Generator<[DialForm, string]> {
  const { extensions = [], internationalPrefix, national } = plan;
  for (const { digits: length, prefix } of extensions)
    if (digits.length === length) yield ["extension", prefix + digits];
  if (digits.startsWith(internationalPrefix)) yield ["international", `+${digits.slice(internationalPrefix.length)}`];
  if (national === undefined) return;
  const inner = digits.startsWith(national.trunk) ? digits.slice(national.trunk.length) : digits;
  if (inner.length === national.digits) yield ["national", national.country + inner];
}

/** Where a target lies, seen from the tenant. */
export type DestinationClass = "internal" | "national" | "international";

/** Class of a target that {@link dial} gave; without a national plan every number is international. */
export function destinationClass(target: string, { extensions = [], national }: DialPlan): DestinationClass {
  if (!target.startsWith("tel:")) return "internal";
  const number = target.slice(4);
  const inner = extensions.some(
    ({ digits, prefix }) => number.startsWith(prefix) && number.length === prefix.length + digits,
  );
  if (inner) return "internal";
  return national !== undefined && number.startsWith(national.country) ? "national" : "international";
}
