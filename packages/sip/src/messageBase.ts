import { SipError } from "./errors.ts";
import type { Head } from "./head.ts";
import { header } from "./headerNames.ts";
import { maxOctets } from "./lineIndex.ts";
import type { NameAddr } from "./nameAddr.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { octets } from "./octets.ts";
import { endOfElement, isToken, parseNumber, splitList } from "./scan.ts";
import type { Via } from "./via.ts";
import { parseVia } from "./via.ts";

/** Number and method of a CSeq header field. */
export interface CSeq {
  /** 0 to 2^31 - 1. */
  readonly number: number;
  readonly method: string;
}

/** A body to be put into a message. */
export interface Body {
  /** Content-Type. */
  readonly type: string;
  readonly text: string;
}

/** Header fields to be put into a message, in their order. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/**
 * What requests and responses share: header lines and the body.
 *
 * Header names are given in any capitals, long or compact. Values are text: octets that are UTF-8 are decoded, others are
 * read as Latin-1; what a caller writes is encoded as UTF-8. Lines that nobody edits leave octet for octet as they came.
 */
export abstract class Message {
  protected readonly head: Head;
  #body: string;
  #callId: string | undefined;
  #cseq: CSeq | undefined;

  protected constructor(head: Head, body: string) {
    this.head = head;
    this.#body = body;
  }

  /** The start line with its CRLF. */
  protected abstract startLine(): string;

  abstract clone(): this;

  /** Value of the first line of this name, unfolded and trimmed. */
  get(name: string): string | undefined {
    const at = this.head.find(name);
    return at < 0 ? undefined : octets.toText(this.head.valueAt(at));
  }

  /** One value for each line of this name. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let at = this.head.find(name); at >= 0; at = this.head.find(name, at + 1))
      values.push(octets.toText(this.head.valueAt(at)));
    return values;
  }

  /** The comma-separated elements of all lines of this name; only for header fields that are lists (RFC 3261 §7.3.1). */
  list(name: string): string[] {
    return this.all(name).flatMap(splitList);
  }

  has(name: string): boolean {
    return this.head.find(name) >= 0;
  }

  /** All header lines in their order, names as written. */
  headers(): [name: string, value: string][] {
    return Array.from({ length: this.head.size }, (_, at) => [
      this.head.nameAt(at),
      octets.toText(this.head.valueAt(at)),
    ]);
  }

  /**
   * Puts one line in place of all of this name: where the first stood, at the end when there was none.
   * @throws SipError `sip/injection`, as all setters do
   */
  set(name: string, value: string): this {
    this.#forget();
    this.head.set(name, octets.fromText(value));
    return this;
  }

  /** Adds a line after the last of this name, at the end when there is none. */
  add(name: string, value: string): this {
    this.#forget();
    this.head.add(name, octets.fromText(value));
    return this;
  }

  /** Adds a line before the first of this name, at the top when there is none. */
  prepend(name: string, value: string): this {
    this.#forget();
    this.head.prepend(name, octets.fromText(value));
    return this;
  }

  /** Adds the source's lines of this name, value octet for octet, so that what is no UTF-8 survives. */
  copy(source: Message, name: string): this {
    this.#forget();
    for (let at = source.head.find(name); at >= 0; at = source.head.find(name, at + 1))
      this.head.add(name, source.head.valueAt(at));
    return this;
  }

  /** Puts a tag on the To line, octet for octet otherwise. */
  tagTo(tag: string): this {
    const at = this.head.findId(header.to);
    if (at >= 0) this.head.set("To", `${this.head.valueAt(at)};tag=${tag}`);
    return this;
  }

  /** Takes all lines of this name out. */
  remove(name: string): this {
    this.#forget();
    this.head.remove(name);
    return this;
  }

  /** Takes the first element of a list header field out (Via, Route), whether it shares its line with others or not. */
  removeFirst(name: string): this {
    this.head.removeFirst(name);
    return this;
  }

  #forget(): void {
    this.#callId = undefined;
    this.#cseq = undefined;
  }

  /** The body in octets. */
  get body(): string {
    return this.#body;
  }

  /** Sets Content-Type and a body of text, encoded as UTF-8; an empty text takes body and Content-Type away. */
  setBody(contentType: string, text: string): this {
    return this.setBodyOctets(contentType, octets.fromText(text));
  }

  /** As {@link setBody} for a body that is octets already, as one taken from another message. */
  setBodyOctets(contentType: string, body: string): this {
    if (body === "") this.head.remove("Content-Type");
    else this.head.set("Content-Type", octets.fromText(contentType));
    this.#body = body;
    return this;
  }

  /** The whole message for the wire, Content-Length always that of the body. */
  toOctets(): string {
    this.#settleLength();
    return `${this.startLine()}${this.head.toOctets()}\r\n${this.#body}`;
  }

  #settleLength(): void {
    const at = this.head.findId(header.contentLength);
    const right =
      at >= 0 &&
      parseNumber(this.head.valueAt(at)) === this.#body.length &&
      this.head.findId(header.contentLength, at + 1) < 0;
    if (!right) this.head.set("Content-Length", String(this.#body.length));
  }

  #required(id: number, name: string): string {
    const at = this.head.findId(id);
    if (at < 0) throw new SipError("sip/header-missing", name);
    return octets.toText(this.head.valueAt(at));
  }

  /** @throws SipError `sip/header-missing`, as the following do, when a message built here lacks the header field */
  get callId(): string {
    return (this.#callId ??= this.#required(header.callId, "Call-ID"));
  }

  get cseq(): CSeq {
    return (this.#cseq ??= parseCSeq(this.#required(header.cseq, "CSeq")));
  }

  /** A fresh copy at each reading; edit with `set("From", formatNameAddr(…))`. */
  get from(): NameAddr {
    return parseNameAddr(this.#required(header.from, "From"));
  }

  get to(): NameAddr {
    return parseNameAddr(this.#required(header.to, "To"));
  }

  get fromTag(): string | undefined {
    return this.from.params.get("tag");
  }

  get toTag(): string | undefined {
    return this.to.params.get("tag");
  }

  get topVia(): Via {
    const value = this.#required(header.via, "Via");
    return parseVia(value.slice(0, endOfElement(value, 0)));
  }

  /**
   * Checks what RFC 3261 §8.1.1 demands of every message, so that the accessors above do not throw later.
   * @throws SipError
   */
  protected validate(): void {
    const head = this.head;
    let seen = 0;
    for (let at = 0; at < head.size; at++) {
      const id = head.idAt(at);
      if (id === 0 || id > header.recordRoute) continue;
      if (single.has(id) && (seen & (1 << id)) !== 0) throw new SipError("sip/header-repeated", head.nameAt(at));
      seen |= 1 << id;
      checkValue(id, head.valueAt(at));
    }
    for (const [id, name] of mandatory) if ((seen & (1 << id)) === 0) throw new SipError("sip/header-missing", name);
  }
}

const mandatory: readonly (readonly [number, string])[] = [
  [header.via, "Via"],
  [header.from, "From"],
  [header.to, "To"],
  [header.callId, "Call-ID"],
  [header.cseq, "CSeq"],
];

const single: ReadonlySet<number> = new Set([
  header.from,
  header.to,
  header.callId,
  header.cseq,
  header.maxForwards,
  header.contentLength,
  header.contentType,
]);

function checkValue(id: number, value: string): void {
  switch (id) {
    case header.via:
      for (const element of splitList(value)) parseVia(element);
      if (value === "") throw new SipError("sip/value", "Via");
      break;
    case header.from:
    case header.to:
      parseNameAddr(value);
      break;
    case header.contact:
    case header.route:
    case header.recordRoute:
      for (const element of splitList(value)) parseNameAddr(element);
      break;
    case header.callId:
      if (value === "") throw new SipError("sip/value", "Call-ID");
      break;
    case header.cseq:
      parseCSeq(value);
      break;
    case header.maxForwards: {
      // RFC 3261 §20.22: 0 to 255
      const hops = parseNumber(value);
      if (hops < 0 || hops > 255) throw new SipError("sip/value", "Max-Forwards");
      break;
    }
  }
}

/** RFC 3261 §20.16: a number below 2^31, white space, a method. */
function parseCSeq(value: string): CSeq {
  let end = 0;
  while (end < value.length && value.charCodeAt(end) > 32) end++;
  const number = parseNumber(value.slice(0, end));
  let start = end;
  while (start < value.length && value.charCodeAt(start) <= 32) start++;
  const method = value.slice(start);
  if (number < 0 || number > 0x7fff_ffff || !isToken(method)) throw new SipError("sip/value", "CSeq");
  return { number, method };
}

/**
 * The body of a message whose head ends at `start`.
 * RFC 3261 §18.3: octets beyond Content-Length are dropped; fewer than promised make the message malformed.
 */
export function takeBody(source: string, start: number, head: Head): string {
  const at = head.findId(header.contentLength);
  if (at < 0) return source.slice(start);
  const length = parseNumber(head.valueAt(at));
  if (length < 0 || start + length > source.length) throw new SipError("sip/content-length");
  return source.slice(start, start + length);
}

/** @throws SipError `sip/too-large`, `sip/octets` */
export function checkOctets(source: string): void {
  if (source.length > maxOctets) throw new SipError("sip/too-large");
  if (/[^\u0000-\u00ff]/.test(source)) throw new SipError("sip/octets");
}
