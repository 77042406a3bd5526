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
}

/**
 * The only URI that is sent for a dialled one: `tel:` with an E.164 number, or a SIP URI of an own domain without
 * parameters. Everything else is refused, so that a `tel` parameter, `user=phone` with a foreign domain or an escape
 * cannot carry a call past the policy.
 * @throws EpcscfError `epcscf/target`.
 */
export function resolveTarget(dialled: string, plan: DialPlan): string {
  let uri: SipUri;
  try {
    uri = parseUri(dialled);
  } catch {
    throw new EpcscfError("epcscf/target");
  }
  if (uri.scheme === "tel") {
    const extras = [...uri.params].filter(([name, value]) => name !== "phone-context" || !isOwnContext(value, plan));
    if (extras.length > 0) throw new EpcscfError("epcscf/target");
    return `tel:${e164(uri.user ?? "", plan)}`;
  }
  const own = uri.scheme === "sip" && plan.domains.includes(uri.host.toLowerCase());
  if (!own || uri.port !== undefined || uri.password !== undefined || uri.headers !== undefined) {
    throw new EpcscfError("epcscf/target");
  }
  const user = uri.user ?? "";
  if (uri.params.get("user")?.toLowerCase() === "phone" || /^\+?[\d.()-]+$/.test(user))
    return `tel:${e164(user, plan)}`;
  if (!/^[\w.-]+$/.test(user)) throw new EpcscfError("epcscf/target");
  return formatUri({ scheme: "sip", user, host: uri.host.toLowerCase(), params: new Map() });
}

/** RFC 3966 §5.1.5: the numbers of another context are not those of this plan. */
function isOwnContext(context: string | undefined, { domains, national }: DialPlan): boolean {
  return context !== undefined && (domains.includes(context.toLowerCase()) || context === national?.country);
}

function e164(dialled: string, plan: DialPlan): string {
  const digits = dialled.replaceAll(/[-.()]/g, "");
  if (/^\+[1-9]\d{4,14}$/.test(digits)) return digits;
  const { internationalPrefix, national } = plan;
  if (digits.startsWith(internationalPrefix) && /^\d+$/.test(digits)) {
    const number = `+${digits.slice(internationalPrefix.length)}`;
    if (/^\+[1-9]\d{4,14}$/.test(number)) return number;
  }
  if (national !== undefined && /^\d+$/.test(digits)) {
    const inner = digits.startsWith(national.trunk) ? digits.slice(national.trunk.length) : digits;
    if (inner.length === national.digits) return `${national.country}${inner}`;
  }
  throw new EpcscfError("epcscf/target");
}
