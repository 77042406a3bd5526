import { SipError } from "./errors.ts";
import type { Params } from "./params.ts";
import { formatParams, parseParams } from "./params.ts";
import { isToken, trimmed } from "./scan.ts";
import { parseHostPort } from "./uri.ts";

/** One Via element (RFC 3261 §20.42). */
export interface Via {
  /** Transport in upper case: UDP, TCP, TLS, WS, WSS or another token. */
  protocol: string;
  /** Host of sent-by as written; an IPv6 address keeps its brackets. */
  host: string;
  /** Port of sent-by, 1 to 65535. */
  port?: number;
  /** branch, received, rport and others. */
  params: Params;
}

function fail(part: string): never {
  throw new SipError("sip/value", `Via ${part}`);
}

/**
 * Reads one Via element.
 * @throws SipError `sip/value`
 * @example
 * parseVia("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1").port; // 5060
 */
export function parseVia(text: string): Via {
  const first = text.indexOf("/");
  const second = text.indexOf("/", first + 1);
  if (first < 0 || second < 0) fail("protocol");
  // White space may surround the slashes (RFC 3261 §25.1: SLASH).
  if (trimmed(text, 0, first).toUpperCase() !== "SIP" || trimmed(text, first + 1, second) !== "2.0") fail("version");
  const semicolon = text.indexOf(";", second);
  const end = semicolon < 0 ? text.length : semicolon;
  const rest = trimmed(text, second + 1, end);
  let space = 0;
  while (space < rest.length && rest.charCodeAt(space) > 32) space++;
  const protocol = rest.slice(0, space).toUpperCase();
  if (!isToken(protocol)) fail("transport");
  // `sent-by = host [ COLON port ]`, and COLON may have white space around it.
  const { host, port } = parseHostPort(withoutSpace(trimmed(rest, space, rest.length)), "sip/value");
  const params = parseParams(text, end, "Via");
  return port === undefined ? { protocol, host, params } : { protocol, host, port, params };
}

function withoutSpace(sentBy: string): string {
  const colon = sentBy.lastIndexOf(":");
  if (colon < 0) return sentBy;
  return `${trimmed(sentBy, 0, colon)}:${trimmed(sentBy, colon + 1, sentBy.length)}`;
}

/**
 * Writes one Via element.
 *
 * @example
 * formatVia({ protocol: "TCP", host: "192.0.2.1", port: 5060, params: new Map([["branch", "z9hG4bK1"]]) });
 * // "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1"
 */
export function formatVia(via: Via): string {
  const port = via.port === undefined ? "" : `:${via.port}`;
  return `SIP/2.0/${via.protocol} ${via.host}${port}${formatParams(via.params)}`;
}
