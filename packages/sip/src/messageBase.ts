import type { CSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import type { Head } from "./head.ts";
import type { HeaderForm } from "./headerForm.ts";
import type { HeaderSet } from "./headerSet.ts";
import { idContentLength, idFrom, idTo, idVia } from "./headerNames.ts";
import type { NameAddr } from "./nameAddr.ts";
import { parseNameAddr } from "./nameAddr.ts";
import { octets } from "./octets.ts";
import { checkOctets, firstElement, parseNumber, splitList } from "./scan.ts";
import type { Via } from "./via.ts";
import { parseVia } from "./via.ts";

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

  protected constructor(head: Head, body: string) {
    this.head = head;
    this.#body = body;
  }

  /** The start line with its CRLF; undefined when it is the one that came. */
  protected abstract startLine(): string | undefined;

  abstract clone(): this;

  /** Value of the first line of this name, unfolded and trimmed. */
  get(name: string): string | undefined {
    const at = this.head.find(name);
    return at < 0 ? undefined : this.head.textAt(at);
  }

  /** One value for each line of this name. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let at = this.head.find(name); at >= 0; at = this.head.find(name, at + 1)) values.push(this.head.textAt(at));
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
    return Array.from({ length: this.head.size }, (_, at) => [this.head.nameAt(at), this.head.textAt(at)]);
  }

  /**
   * Puts one line in place of all of this name: where the first stood, at the end when there was none.
   * @throws SipError `sip/injection`, as all setters do
   */
  set(name: string, value: string): this {
    this.head.set(name, value);
    return this;
  }

  /** Adds a line after the last of this name, at the end when there is none. */
  add(name: string, value: string): this {
    this.head.add(name, value);
    return this;
  }

  /** Adds a line before the first of this name, at the top when there is none. */
  prepend(name: string, value: string): this {
    this.head.prepend(name, value);
    return this;
  }

  /**
   * As {@link add} for a value that is octets already, so that what is no UTF-8 survives.
   * @throws SipError `sip/octets`, `sip/injection`
   */
  addOctets(name: string, value: string): this {
    checkOctets(value);
    this.head.add(name, value, true);
    return this;
  }

  /** Adds the source's lines of this name, values octet for octet. */
  copy(source: Message, name: string): this {
    const values: string[] = [];
    for (let at = source.head.find(name); at >= 0; at = source.head.find(name, at + 1))
      values.push(source.head.valueAt(at));
    for (const value of values) this.addOctets(name, value);
    return this;
  }

  /** Puts a tag on the To line, octet for octet otherwise. */
  tagTo(tag: string): this {
    const at = this.head.findId(idTo);
    if (at >= 0) this.head.set("To", `${this.head.valueAt(at)};tag=${tag}`, true);
    return this;
  }

  /** Takes all lines of this name out. */
  remove(name: string): this {
    this.head.remove(name);
    return this;
  }

  /** Takes all lines of these names out, with one look at each line. */
  removeAll(names: HeaderSet): this {
    names.removeFrom(this.head);
    return this;
  }

  /**
   * Puts the lines of a form at the end; what has the same name stays where it is.
   * @param values one for each name of the form; undefined: without that line
   */
  append(form: HeaderForm, values: readonly (string | undefined)[]): this {
    form.appendTo(this.head, values);
    return this;
  }

  /** The lines of these names as they stand, in octets: equal where two messages say the same in the same words. */
  excerpt(names: HeaderSet): string {
    return names.excerptOf(this.head);
  }

  /** Takes the first element of a list header field out (Via, Route), whether it shares its line with others or not. */
  removeFirst(name: string): this {
    this.head.removeFirst(name);
    return this;
  }

  /** The body in octets. */
  get body(): string {
    return this.#body;
  }

  /** Sets Content-Type and a body of text, encoded as UTF-8; an empty text takes body and Content-Type away. */
  setBody(contentType: string, text: string): this {
    return this.setBodyOctets(contentType, octets.fromText(text));
  }

  /**
   * As {@link setBody} for a body that is octets already, as one taken from another message.
   * @throws SipError `sip/octets`, `sip/too-large`, `sip/injection`
   */
  setBodyOctets(contentType: string, body: string): this {
    checkOctets(body);
    if (body === "") this.head.remove("Content-Type");
    else this.head.set("Content-Type", contentType);
    this.#body = body;
    this.head.bodyCame = false;
    this.head.lengthSettled = false;
    return this;
  }

  /** The whole message for the wire, Content-Length always that of the body. */
  toOctets(): string {
    if (!this.head.lengthSettled) this.#settleLength();
    const head = this.head.toOctets(this.startLine(), this.#body.length);
    return this.head.bodyCame ? head : head + this.#body;
  }

  #settleLength(): void {
    const at = this.head.findId(idContentLength);
    const right =
      at >= 0 &&
      parseNumber(this.head.valueAt(at)) === this.#body.length &&
      this.head.findId(idContentLength, at + 1) < 0;
    if (!right) this.head.set("Content-Length", String(this.#body.length));
    this.head.lengthSettled = true;
  }

  #required(id: number, name: string): string {
    const at = this.head.findId(id);
    return at < 0 ? missing(name) : this.head.textAt(at);
  }

  /** @throws SipError `sip/header-missing`, as the following do, when a message built here lacks the header field */
  get callId(): string {
    return this.head.callId ?? missing("Call-ID");
  }

  get cseq(): CSeq {
    return this.head.cseq ?? missing("CSeq");
  }

  /** A fresh copy at each reading; edit with `set("From", formatNameAddr(…))`. */
  get from(): NameAddr {
    return parseNameAddr(this.#required(idFrom, "From"));
  }

  get to(): NameAddr {
    return parseNameAddr(this.#required(idTo, "To"));
  }

  get fromTag(): string | undefined {
    return (this.head.tag(idFrom) ?? this.from.params.get("tag")) || undefined;
  }

  get toTag(): string | undefined {
    return (this.head.tag(idTo) ?? this.to.params.get("tag")) || undefined;
  }

  get topVia(): Via {
    const value = this.#required(idVia, "Via");
    return parseVia(firstElement(value));
  }
}

function missing(name: string): never {
  throw new SipError("sip/header-missing", name);
}
