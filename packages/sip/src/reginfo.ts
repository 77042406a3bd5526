/**
 * One contact of a registration as a reginfo document tells it (RFC 3680 §5.3).
 *
 * @example
 * const toldToLeave = ({ state, event }: ReginfoContact): boolean => state === "terminated" && event === "deactivated";
 */
export interface ReginfoContact {
  readonly id: string;
  readonly uri: string;
  readonly state: "active" | "terminated";
  /** For example `registered`, `expired`, `deactivated`, `rejected`, `probation`. */
  readonly event: string;
  /** Seconds, where given. */
  readonly retryAfter?: number;
}

/**
 * One address of record of a reginfo document.
 *
 * @example
 * const devices = ({ contacts }: ReginfoRegistration): number =>
 *   contacts.filter(({ state }) => state === "active").length;
 */
export interface ReginfoRegistration {
  readonly aor: string;
  readonly state: "init" | "active" | "terminated";
  readonly contacts: readonly ReginfoContact[];
  /** The wildcarded identity that the address of record stands for (TS 24.229 §7.10.2). */
  readonly wildcardedIdentity?: string;
}

/** A reginfo document (RFC 3680 §5). */
export interface Reginfo {
  readonly version: number;
  readonly state: "full" | "partial";
  readonly registrations: readonly ReginfoRegistration[];
}

/** Largest document read, characters. */
const maxLength = 65_536;

/**
 * Reads `application/reginfo+xml` in time linear to its length, tolerant of what cores send: a registration may end without naming its contacts,
 * versions need not start at 0, namespaces may be prefixed.
 * @returns undefined when the text is no reginfo document, or longer than 65 536 characters.
 *
 * @example
 * const info = parseReginfo(octets.toText(notify.body));
 * const ended = info?.registrations.some(({ aor, state }) => aor === impu && state === "terminated");
 */
export function parseReginfo(text: string): Reginfo | undefined {
  if (text.length > maxLength) return undefined;
  const root = firstTag(text, "reginfo", 0);
  if (root === undefined) return undefined;
  const registrations: ReginfoRegistration[] = [];
  for (const element of elements(text, "registration", root.end)) {
    const contacts = element.empty ? [] : [...elements(element.content, "contact", 0)].map(contactOf);
    const state = element.attributes.get("state");
    const [wildcard] = elements(element.content, "wildcardedIdentity", 0);
    registrations.push({
      aor: element.attributes.get("aor") ?? "",
      state: state === "terminated" || state === "init" ? state : "active",
      contacts,
      ...(wildcard && { wildcardedIdentity: decode(wildcard.content.trim()) }),
    });
  }
  return {
    version: Number.parseInt(root.attributes.get("version") ?? "0", 10) || 0,
    state: root.attributes.get("state") === "partial" ? "partial" : "full",
    registrations,
  };
}

interface Element {
  readonly attributes: ReadonlyMap<string, string>;
  readonly content: string;
  readonly empty: boolean;
}

function contactOf({ attributes, content }: Element): ReginfoContact {
  const [uri] = elements(content, "uri", 0);
  const retry = Number.parseInt(attributes.get("retry-after") ?? "", 10);
  return {
    id: attributes.get("id") ?? "",
    uri: decode((uri?.content ?? "").trim()),
    state: attributes.get("state") === "terminated" ? "terminated" : "active",
    event: attributes.get("event") ?? "",
    ...(Number.isNaN(retry) ? {} : { retryAfter: retry }),
  };
}

/** The elements of one name, in order; elements of that name do not nest in reginfo. */
function* elements(text: string, name: string, from: number): Generator<Element> {
  for (let at = from; ;) {
    const tag = firstTag(text, name, at);
    if (tag === undefined) return;
    if (tag.empty) {
      yield { attributes: tag.attributes, content: "", empty: true };
      at = tag.end;
      continue;
    }
    const close = closingTag(text, tag.name, tag.end);
    if (close === undefined) return;
    yield { attributes: tag.attributes, content: text.slice(tag.end, close.start), empty: false };
    at = close.end;
  }
}

interface Tag {
  /** As written, with its prefix. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly empty: boolean;
  readonly end: number;
}

function firstTag(text: string, local: string, from: number): Tag | undefined {
  for (let at = text.indexOf("<", from); at >= 0; at = text.indexOf("<", at)) {
    const hidden = endOfHidden(text, at);
    if (hidden !== undefined) {
      if (hidden < 0) return undefined;
      at = hidden;
      continue;
    }
    const nameEnd = endOfName(text, at + 1);
    const name = text.slice(at + 1, nameEnd);
    at = nameEnd;
    if (name !== local && !name.endsWith(`:${local}`)) continue;
    const end = endOfTag(text, nameEnd);
    if (end < 0) return undefined;
    const empty = text[end - 1] === "/";
    return { name, attributes: attributesOf(text.slice(nameEnd, empty ? end - 1 : end)), empty, end: end + 1 };
  }
  return undefined;
}

function closingTag(text: string, name: string, from: number): { start: number; end: number } | undefined {
  const tag = `/${name}`;
  for (let at = text.indexOf("<", from); at >= 0; at = text.indexOf("<", at)) {
    const hidden = endOfHidden(text, at);
    if (hidden !== undefined) {
      if (hidden < 0) return undefined;
      at = hidden;
      continue;
    }
    const start = at;
    // The name must end there: </contacts> does not close a contact.
    at = text.startsWith(tag, start + 1) ? endOfName(text, start + 2) : start + 1;
    if (at !== start + 1 + tag.length) continue;
    const end = text.indexOf(">", at);
    return end < 0 ? undefined : { start, end: end + 1 };
  }
  return undefined;
}

/** Where a comment or a CDATA section that starts here ends, -1 if nowhere; undefined when none starts here. */
function endOfHidden(text: string, at: number): number | undefined {
  const [open, close] = text.startsWith("<!--", at) ? ["<!--", "-->"] : ["<![CDATA[", "]]>"];
  if (!text.startsWith(open, at)) return undefined;
  const end = text.indexOf(close, at + open.length);
  return end < 0 ? -1 : end + close.length;
}

function endOfName(text: string, from: number): number {
  let at = from;
  while (at < text.length && !" \t\r\n/<>".includes(text.charAt(at))) at += 1;
  return at;
}

/** The ">" that ends a tag; one inside a quoted value does not (XML 1.0 §2.3). */
function endOfTag(text: string, from: number): number {
  let quote = "";
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (quote !== "") quote = char === quote ? "" : quote;
    else if (char === ">") return at;
    else if (char === '"' || char === "'") quote = char;
  }
  return -1;
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const equals = text.indexOf("=", at);
    if (equals < 0) break;
    const name = text.slice(at, equals).trim();
    let open = equals + 1;
    while (open < text.length && " \t\r\n".includes(text.charAt(open))) open += 1;
    const quote = text.charAt(open);
    const close = quote === '"' || quote === "'" ? text.indexOf(quote, open + 1) : -1;
    if (close < 0) break;
    attributes.set(name, decode(text.slice(open + 1, close)));
    at = close + 1;
  }
  return attributes;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** XML 1.0 §4.6 and §4.1: the five entities, and characters by number. */
function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replaceAll(/&(?:(lt|gt|amp|quot|apos)|#(\d{1,7})|#x([\da-f]{1,6}));/gi, (whole, name, decimal, hex) => {
    if (typeof name === "string") return entities[name.toLowerCase()] ?? whole;
    const code = typeof decimal === "string" ? Number.parseInt(decimal, 10) : Number.parseInt(String(hex), 16);
    return code > 0 && code <= 0x10_ffff ? String.fromCodePoint(code) : whole;
  });
}
