import type { SipResponse } from "@portico/sip";

/** A Bearer challenge (RFC 8898 §4). */
export interface BearerChallenge {
  /** Issuer URL of the authorisation server. */
  readonly authorizationServer?: string;
  readonly error?: string;
}

/** The Bearer challenge of a 401 or 407, if it has one. */
export function bearerChallenge(response: SipResponse): BearerChallenge | undefined {
  if (response.status !== 401 && response.status !== 407) return undefined;
  const name = response.status === 401 ? "WWW-Authenticate" : "Proxy-Authenticate";
  // `list` would cut the challenge at its commas; each challenge is a line of its own (RFC 3261 §7.3.1).
  const line = response.all(name).find((value) => /^bearer(\s|$)/i.test(value));
  if (line === undefined) return undefined;
  const authorizationServer = parameter(line, "authz_server");
  const error = parameter(line, "error");
  return { ...(authorizationServer !== undefined && { authorizationServer }), ...(error !== undefined && { error }) };
}

/**
 * Whether the challenge may make us fetch a new token (RFC 8898 §2.1.1): its server is on the page's list. Without a list
 * any https server passes, since the new token comes from the page's own source, to which no challenge can point.
 */
export function isTrusted(challenge: BearerChallenge, trusted: readonly string[] | undefined): boolean {
  const server = challenge.authorizationServer;
  if (server === undefined) return false;
  return trusted === undefined ? isSecure(server) : trusted.includes(server);
}

function isSecure(url: string): boolean {
  try {
    const { protocol, hostname } = new URL(url);
    return protocol === "https:" || (protocol === "http:" && hostname === "localhost");
  } catch {
    return false;
  }
}

function parameter(line: string, name: string): string | undefined {
  const match = new RegExp(`[\\s,]${name}\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,]+))`, "i").exec(line);
  return match?.[1] ?? match?.[2];
}
