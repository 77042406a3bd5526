import type { Credentials } from "../credentials.ts";
import { SipError } from "../errors.ts";
import { quote } from "../params.ts";
import { isToken } from "../scan.ts";

// RFC 3261 §25.1: these go without quotation marks in credentials and challenges.
const bare = new Set(["algorithm", "nc", "stale", "qop", "integrity-protected"]);

/**
 * Writes credentials or a challenge. Bearer takes the form of RFC 6750; for that of TS 24.371 write
 * `Bearer access_token="…"` yourself.
 * @throws SipError `sip/injection`
 * @example
 * ```ts
 * formatCredentials({ scheme: "digest", params: new Map([["realm", "a.example"], ["nc", "00000001"]]) });
 * // 'Digest realm="a.example", nc=00000001'
 * ```
 */
export function formatCredentials(credentials: Credentials): string {
  if (credentials.scheme === "bearer") return `Bearer ${credentials.token}`;
  const name = credentials.scheme === "digest" ? "Digest" : credentials.name;
  if (!isToken(name)) throw new SipError("sip/injection", "scheme");
  if (credentials.scheme === "other" && credentials.params.size === 0) return `${name} ${credentials.text}`;
  const params = [...credentials.params].map(([param, value = ""]) => {
    if (!isToken(param)) throw new SipError("sip/injection", "credentials parameter");
    return `${param}=${bare.has(param) && isToken(value) ? value : quote(value)}`;
  });
  return `${name} ${params.join(", ")}`;
}
