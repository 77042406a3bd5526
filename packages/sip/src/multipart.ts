import { SipError } from "./errors.ts";
import { hasLineEnd } from "./head.ts";
import { parseParams, unquote } from "./params.ts";
import { isSpace, isToken, trimmed } from "./scan.ts";

/** One part of a multipart body. */
export interface BodyPart {
  /** Header fields as written; names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Content-Type, `text/plain` when the part names none (RFC 2046 §5.1). */
  readonly type: string;
  /** Octets. */
  readonly body: string;
  /** Where the body stands in the whole, octets. */
  readonly start: number;
}

const maxParts = 32;
const maxHeaders = 32;

/**
 * Parts a multipart body (RFC 5621 §3.1, RFC 2046 §5.1). At most 32 parts; parts inside parts stay as they are.
 * @param contentType of the message, with its `boundary`
 * @returns undefined when it is no multipart
 * @throws SipError `sip/value` when boundaries are missing, `sip/too-large`
 * @example
 * ```ts
 * const parts = parseMultipart("multipart/mixed;boundary=x", "--x\r\n\r\nhello\r\n--x--\r\n");
 * parts?.[0]?.body; // "hello"
 * ```
 */
export function parseMultipart(contentType: string, body: string): BodyPart[] | undefined {
  if (!/^multipart\//i.test(contentType)) return undefined;
  const semicolon = contentType.indexOf(";");
  const boundary = semicolon < 0 ? undefined : parseParams(contentType, semicolon, "Content-Type").get("boundary");
  const delimiter = `--${unquote(boundary ?? "")}`;
  // RFC 2046 §5.1.1: 1 to 70 characters
  if (boundary === undefined || delimiter.length < 3 || delimiter.length > 72) fail("boundary");
  const parts: BodyPart[] = [];
  let at = delimiterAt(body, delimiter, 0);
  for (;;) {
    if (at < 0) fail("end");
    const after = at + delimiter.length;
    if (body.startsWith("--", after)) return parts;
    if (parts.length === maxParts) throw new SipError("sip/too-large", "body parts");
    const start = body.indexOf("\r\n", after) + 2;
    if (start < 2) fail("end");
    // The line end before a delimiter belongs to it.
    at = delimiterAt(body, delimiter, start);
    if (at < 0) fail("end");
    parts.push(parsePart(body, start, Math.max(at - 2, start)));
  }
}

function fail(part: string): never {
  throw new SipError("sip/value", `multipart ${part}`);
}

/** Position of the next line that is the delimiter, or the last delimiter. */
function delimiterAt(body: string, delimiter: string, from: number): number {
  for (let at = body.indexOf(delimiter, from); at >= 0; at = body.indexOf(delimiter, at + 1)) {
    const first = at === 0 || body.startsWith("\r\n", at - 2);
    // A boundary may be the beginning of another one's text.
    const next = body.charCodeAt(at + delimiter.length);
    const whole = next === 13 || next === 32 || next === 9 || body.startsWith("--", at + delimiter.length);
    if (first && whole) return at;
  }
  return -1;
}

function parsePart(body: string, start: number, end: number): BodyPart {
  const headers = new Map<string, string>();
  let at = start;
  let last = "";
  while (at < end && !body.startsWith("\r\n", at)) {
    const found = body.indexOf("\r\n", at);
    const lineEnd = found < 0 || found > end ? end : found;
    if (isSpace(body.charCodeAt(at)) && last !== "") {
      // A folded line belongs to the one before it.
      headers.set(last, `${headers.get(last) ?? ""} ${trimmed(body, at, lineEnd)}`);
      at = lineEnd + 2;
      continue;
    }
    const colon = body.indexOf(":", at);
    const name = colon < 0 || colon > lineEnd ? "" : trimmed(body, at, colon).toLowerCase();
    if (!isToken(name)) fail("header");
    if (headers.size === maxHeaders) throw new SipError("sip/too-large", "part headers");
    if (!headers.has(name)) headers.set(name, trimmed(body, colon + 1, lineEnd));
    last = name;
    at = lineEnd + 2;
  }
  const from = Math.min(at + 2, end);
  return { headers, type: headers.get("content-type") ?? "text/plain", body: body.slice(from, end), start: from };
}

/**
 * Puts another body into one part; every octet outside that part's body stays.
 * @param parts as {@link parseMultipart} gave them for this very body
 * @throws SipError `sip/value` when there is no such part
 * @example
 * ```ts
 * const type = "multipart/mixed;boundary=x";
 * const body = "--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x--\r\n";
 * const part = parseMultipart(type, body)?.find((one) => one.type === "application/sdp");
 * if (part) replacePart(body, part, "v=1"); // "--x\r\nContent-Type: application/sdp\r\n\r\nv=1\r\n--x--\r\n"
 * ```
 */
export function replacePart(body: string, part: BodyPart, text: string): string {
  if (!body.startsWith(part.body, part.start)) fail("part");
  return body.slice(0, part.start) + text + body.slice(part.start + part.body.length);
}

/**
 * Writes a multipart body of these parts.
 * @param boundary a token that no part holds
 * @throws SipError `sip/injection` when a part holds the boundary, a type a line end
 * @example
 * ```ts
 * formatMultipart("x", [{ type: "text/plain", body: "hello" }]); // "--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
 * ```
 */
export function formatMultipart(
  boundary: string,
  parts: readonly { readonly type: string; readonly body: string }[],
): string {
  if (!isToken(boundary) || boundary.length > 70) throw new SipError("sip/injection", "boundary");
  let body = "";
  for (const part of parts) {
    if (part.body.includes(`--${boundary}`) || hasLineEnd(part.type)) throw new SipError("sip/injection", "body part");
    body += `--${boundary}\r\nContent-Type: ${part.type}\r\n\r\n${part.body}\r\n`;
  }
  return `${body}--${boundary}--\r\n`;
}
