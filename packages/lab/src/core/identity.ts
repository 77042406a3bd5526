import { parseUri } from "@portico/sip";
import type { SipUri } from "@portico/sip";

/**
 * The form in which public identities are compared: `sip:user@host` or `tel:+digits`. A SIP URI that stands for a
 * telephone number (RFC 3261 §19.1.6) becomes its tel form, since both name one subscriber.
 * @throws SipError for what is no URI
 */
export function identityKey(uri: string): string {
  const parsed = parseUri(uri);
  const number = numberOf(parsed);
  if (number !== undefined) return `tel:${number}`;
  return `${parsed.scheme === "sips" ? "sip" : parsed.scheme}:${parsed.user ?? ""}@${parsed.host.toLowerCase()}`;
}

/** The global number of a tel URI or of a SIP URI with a number as its user part, without visual separators. */
export function numberOf(uri: SipUri): string | undefined {
  const user = decodeURIComponent(uri.user ?? "").replaceAll(/[-.()]/g, "");
  if (!/^\+?\d+$/.test(user)) return undefined;
  if (uri.scheme === "tel" || uri.params.get("user") === "phone" || user.startsWith("+")) return user;
  return undefined;
}
