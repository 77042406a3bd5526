/** One contact of a registration as a reginfo document tells it (RFC 3680 §5.3). */
export interface ReginfoContact {
  readonly id: string;
  readonly uri: string;
  readonly state: "active" | "terminated";
  /** For example `registered`, `expired`, `deactivated`, `rejected`, `probation`. */
  readonly event: string;
  /** Seconds, where given. */
  readonly retryAfter?: number;
}

/** One address of record of a reginfo document. */
export interface ReginfoRegistration {
  readonly aor: string;
  readonly state: "init" | "active" | "terminated";
  readonly contacts: readonly ReginfoContact[];
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
 * Reads `application/reginfo+xml`, tolerant of what cores send: a registration may end without naming its contacts,
 * versions need not start at 0, namespaces may be prefixed.
 * @returns undefined when the text is no reginfo document.
 */
export function parseReginfo(text: string): Reginfo | undefined {
  if (text.length > maxLength) return undefined;
  const root = firstTag(text, "reginfo", 0);
  if (root === undefined) return undefined;
  const registrations: ReginfoRegistration[] = [];
  for (const element of elements(text, "registration", root.end)) {
    const contacts = element.empty ? [] : [...elements(element.content, "contact", 0)].map(contactOf);
    const state = element.attributes.get("state");
    registrations.push({
      aor: element.attributes.get("aor") ?? "",
      state: state === "terminated" || state === "init" ? state : "active",
      contacts,
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
  for (let at = text.indexOf("<", from); at >= 0; at = text.indexOf("<", at + 1)) {
    if (text.startsWith("<!--", at)) {
      const end = text.indexOf("-->", at + 4);
      if (end < 0) return undefined;
      at = end;
      continue;
    }
    const nameEnd = endOfName(text, at + 1);
    const name = text.slice(at + 1, nameEnd);
    if (name !== local && !name.endsWith(`:${local}`)) continue;
    const end = text.indexOf(">", nameEnd);
    if (end < 0) return undefined;
    const empty = text[end - 1] === "/";
    return { name, attributes: attributesOf(text.slice(nameEnd, empty ? end - 1 : end)), empty, end: end + 1 };
  }
  return undefined;
}

function closingTag(text: string, name: string, from: number): { start: number; end: number } | undefined {
  const start = text.indexOf(`</${name}`, from);
  if (start < 0) return undefined;
  const end = text.indexOf(">", start);
  return end < 0 ? undefined : { start, end: end + 1 };
}

function endOfName(text: string, from: number): number {
  let at = from;
  while (at < text.length && !" \t\r\n/>".includes(text.charAt(at))) at += 1;
  return at;
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (let at = 0; at < text.length;) {
    const equals = text.indexOf("=", at);
    if (equals < 0) break;
    const name = text.slice(at, equals).trim();
    const quote = text
      .slice(equals + 1)
      .trimStart()
      .charAt(0);
    const open = text.indexOf(quote, equals + 1);
    const close = quote === '"' || quote === "'" ? text.indexOf(quote, open + 1) : -1;
    if (close < 0) break;
    attributes.set(name, decode(text.slice(open + 1, close)));
    at = close + 1;
  }
  return attributes;
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.includes("&")
    ? text.replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => entities[name] ?? "")
    : text;
}
