import { parseNameAddr, parseUri, type SipRequest } from "@portico/sip";

/**
 * Whom a request of the core is for, where its Request-URI says no more than this node (RFC 7315 §5.2): a SIP URI of user and host, or a
 * tel URI of a global number. Undefined where nothing says it.
 */
export function calledIdentity(request: SipRequest): string | undefined {
  const value = request.get("P-Called-Party-ID");
  if (value === undefined) return undefined;
  try {
    const { scheme, user = "", host, params } = parseUri(parseNameAddr(value).uri);
    const name = decodeURIComponent(user);
    const number = name.replaceAll(/[-.()]/g, "");
    // RFC 3261 §19.1.6: both forms name one subscriber.
    const isNumber = scheme === "tel" || params.get("user") === "phone" || name.startsWith("+");
    return isNumber ? `tel:${number}` : `sip:${name}@${host.toLowerCase()}`;
  } catch {
    return undefined;
  }
}
