import { parseNameAddr, parseUri } from "@portico/sip";
import type { SipResponse } from "@portico/sip";

/**
 * True for the 504 by which the network says that it has lost who serves the user, and wants an initial registration (TS 24.229
 * §5.1.2A.1.6, §7.6): only the portal's or the S-CSCF's own word counts, whose addresses stand in the Route.
 * @param routes Route values of requests of the registration
 */
export function asksToRestore(response: SipResponse, routes: readonly string[]): boolean {
  if (response.status !== 504) return false;
  if (!(response.get("Content-Type") ?? "").toLowerCase().startsWith("application/3gpp-ims+xml")) return false;
  const asks = (name: string, value: string): boolean =>
    new RegExp(`<(?:\\w+:)?${name}>\\s*${value}\\s*<`).test(response.body);
  if (!asks("type", "restoration") || !asks("action", "initial-registration")) return false;
  const hosts = new Set(routes.map(hostOf));
  return response.list("P-Asserted-Identity").some((value) => {
    const host = hostOf(value);
    return host !== undefined && hosts.has(host);
  });
}

function hostOf(value: string): string | undefined {
  try {
    return parseUri(parseNameAddr(value).uri).host.toLowerCase();
  } catch {
    return undefined;
  }
}
