import { SipError } from "./errors.ts";
import type { Params } from "./params.ts";
import { unquote } from "./params.ts";
import { alphanumeric, charTable, consistsOf, isToken, splitList, trimmed } from "./scan.ts";

/** The value of Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate. */
export type Credentials =
  | { readonly scheme: "bearer"; readonly token: string }
  /** Parameters without their quotation marks. */
  | { readonly scheme: "digest"; readonly params: Params }
  /**
   * Any other scheme, in lower case, with what follows it; `params` without quotation marks, empty when it has another
   * form. A Bearer challenge is one of these, for it has parameters (RFC 8898 §2.3) and no token.
   */
  | { readonly scheme: "other"; readonly name: string; readonly text: string; readonly params: Params };

// RFC 6750 §2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="
const base64Chars = charTable(`${alphanumeric}-._~+/`);

function fail(part: string): never {
  throw new SipError("sip/value", `credentials ${part}`);
}

/**
 * Reads credentials or a challenge. Bearer comes in two forms: the bare token of RFC 6750, referenced by RFC 8898 §2.1.3,
 * and `access_token="…"` of TS 24.371 table A.3.2-1.
 * @throws SipError `sip/value`
 *
 * @example
 * const credentials = parseCredentials(request.get("Authorization") ?? "");
 * if (credentials.scheme === "bearer") console.log(credentials.token.length);
 */
export function parseCredentials(value: string): Credentials {
  const text = trimmed(value, 0, value.length);
  let end = 0;
  while (end < text.length && text.charCodeAt(end) > 32) end++;
  const scheme = text.slice(0, end).toLowerCase();
  if (!isToken(scheme)) fail("scheme");
  const rest = trimmed(text, end, text.length);
  if (scheme === "bearer") return parseBearer(rest);
  if (scheme === "digest") return { scheme, params: parseAuthParams(rest) };
  return { scheme: "other", name: scheme, text: rest, params: tolerantParams(rest) };
}

function tolerantParams(text: string): Params {
  try {
    return parseAuthParams(text);
  } catch {
    return new Map();
  }
}

function isBase64Token(text: string): boolean {
  let end = text.length;
  while (end > 0 && text.charCodeAt(end - 1) === 61) end--;
  return end > 0 && consistsOf(text.slice(0, end), base64Chars);
}

function parseBearer(rest: string): Credentials {
  if (isBase64Token(rest)) return { scheme: "bearer", token: rest };
  const params = parseAuthParams(rest);
  const token = params.get("access_token");
  if (token === undefined) return { scheme: "other", name: "bearer", text: rest, params };
  if (!isBase64Token(token)) fail("token");
  return { scheme: "bearer", token };
}

function parseAuthParams(text: string): Params {
  const params: Params = new Map();
  for (const param of splitList(text)) {
    const equals = param.indexOf("=");
    const name = trimmed(param, 0, Math.max(equals, 0)).toLowerCase();
    if (!isToken(name)) fail("parameter");
    // A repeated parameter could mean one thing here and another in the next element.
    if (params.has(name)) fail("parameter repeated");
    params.set(name, unquote(trimmed(param, equals + 1, param.length)));
  }
  return params;
}
