import type { CSeq } from "./cseq.ts";
import { parseCSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import { endOfFolds, valueFrom } from "./fold.ts";
import { headerId, idCallId, idContentLength, idCseq, idFrom, sameName } from "./headerNames.ts";
import { atSpot, found, idOf, indexLines, indexNothing, startOf, unknown, valueStart } from "./lineIndex.ts";
import { octets } from "./octets.ts";
import { validate } from "./validate.ts";
import { endOfElement, isToken, isTokenChar, startOfList, trimmed } from "./scan.ts";

/** A line that was not in the message as it came. */
export interface AddedLine {
  readonly id: number;
  readonly name: string;
  /** Unfolded and trimmed octets. */
  readonly value: string;
}

type Line = number | AddedLine;

/** The name of a header field, checked. */
export type HeaderName = Pick<AddedLine, "id" | "name">;

/** @throws SipError `sip/injection` */
export function headerName(name: string): HeaderName {
  // A name with a number of its own is a token.
  const id = headerId(name);
  if (id === 0 && !isToken(name)) throw new SipError("sip/injection", "header name");
  return { id, name };
}

/** @param encoded the value is octets already. @throws SipError `sip/injection` */
export function lineOf({ id, name }: HeaderName, value: string, encoded = false): AddedLine {
  const unusual = beyondText.test(value);
  if (unusual && hasLineEnd(value)) throw new SipError("sip/injection", name);
  const line = unusual && !encoded ? octets.fromText(value) : value;
  return { id, name, value: trimmed(line, 0, line.length) };
}

function addedLine(name: string, value: string, encoded?: boolean): AddedLine {
  return lineOf(headerName(name), value, encoded);
}

/**
 * The header lines of a message, and their edits.
 *
 * Lines as they came are numbers that tell where they stand (lineIndex.ts). The first edit copies their list; added lines stand
 * in it as objects. On output, neighbouring untouched lines leave as one slice of what came in.
 */
export class Head {
  readonly #source: string;
  /** The lines as they came, in their order; the {@link #count}th begins at the empty line. */
  readonly #came: readonly number[];
  #count: number;
  /** The lines as they are: the same list until the first edit. Places from {@link size} on mean nothing. */
  #lines: readonly Line[];
  #size: number;
  /** First octet of the start line. */
  readonly #begin: number;
  readonly #ascii: boolean;
  // What most readers ask, or where it stands as long as its line is the one that came.
  #callId: string | undefined;
  #fromTag: number;
  #toTag: number;
  #cseq: CSeq | number;
  #cseqMethod: number;
  /** The body is the one that stands behind the head in the source. */
  bodyCame = false;
  /** Content-Length is known to be that of the body. */
  lengthSettled = false;

  /** Of no lines; or of those that `indexLines` found, at once after it. */
  constructor(source = "", came: readonly number[] = indexNothing(), begin = 0, ascii = false) {
    this.#source = source;
    this.#came = came;
    this.#count = found.count;
    this.#lines = came;
    this.#size = found.count;
    this.#begin = begin;
    this.#ascii = ascii;
    this.#fromTag = found.fromTag;
    this.#toTag = found.toTag;
    this.#cseq = found.cseqNumber;
    this.#cseqMethod = found.cseqMethod;
  }

  /**
   * Reads the head whose header lines begin at `from`, in a message that `load` has taken; {@link found} tells where the body stands.
   * @throws SipError
   */
  static read(source: string, from: number, begin: number, ascii: boolean): Head {
    const lines = indexLines(source, from);
    validate(source, lines);
    const head = new Head(source, lines, begin, ascii);
    head.bodyCame = true;
    head.lengthSettled = found.length >= 0;
    return head;
  }

  /** Number of header lines. */
  get size(): number {
    return this.#size;
  }

  /** The header's number, 0 when it has none. */
  idAt(position: number): number {
    const line = this.#lines[position] ?? 0;
    return typeof line === "number" ? idOf(line) : line.id;
  }

  /** The line as it leaves, with its line end. */
  octetsAt(position: number): string {
    const line = this.#lines[position] ?? 0;
    if (typeof line !== "number") return written(line);
    const start = startOf(line);
    return this.#source.slice(start, endOfFolds(this.#source, start) + 2);
  }

  /** Name as written, compact forms included. */
  nameAt(position: number): string {
    const line = this.#lines[position] ?? 0;
    return typeof line === "number" ? this.#source.slice(startOf(line), this.#nameEnd(line)) : line.name;
  }

  /** Value in octets, unfolded and trimmed. */
  valueAt(position: number): string {
    const line = this.#lines[position] ?? 0;
    return typeof line === "number" ? valueFrom(this.#source, valueStart(this.#source, line)) : line.value;
  }

  /** Value as text. */
  textAt(position: number): string {
    const value = this.valueAt(position);
    return this.#ascii && typeof this.#lines[position] === "number" ? value : octets.toText(value);
  }

  #textOf(id: number): string | undefined {
    const at = this.findId(id);
    return at < 0 ? undefined : this.textAt(at);
  }

  get callId(): string | undefined {
    return (this.#callId ??= this.#textOf(idCallId));
  }

  /** @throws SipError `sip/value` */
  get cseq(): CSeq | undefined {
    if (typeof this.#cseq === "object") return this.#cseq;
    if (this.#cseqMethod >= 0)
      return (this.#cseq = { number: this.#cseq, method: atSpot(this.#source, this.#cseqMethod) });
    const text = this.#textOf(idCseq);
    return text === undefined ? undefined : (this.#cseq = parseCSeq(text));
  }

  /** The tag of From or To; empty when it has none, undefined when the value must be parsed to tell. */
  tag(id: number): string | undefined {
    const where = id === idFrom ? this.#fromTag : this.#toTag;
    return where < 0 ? undefined : atSpot(this.#source, where);
  }

  /** Lines of this header will not be what they were. */
  #touch(id: number): void {
    if (id === idContentLength) this.lengthSettled = false;
    else if (id >= idFrom && id <= idCseq) {
      this.#callId = undefined;
      this.#fromTag = this.#toTag = this.#cseq = this.#cseqMethod = unknown;
    }
  }

  #nameEnd(line: number): number {
    let end = startOf(line);
    while (isTokenChar(this.#source.charCodeAt(end))) end++;
    return end;
  }

  /** Position of the next line of this name from `from` on, or -1. */
  find(name: string, from = 0, id: number = headerId(name)): number {
    return id === 0 ? this.#findNamed(name.toLowerCase(), from) : this.findId(id, from);
  }

  /** As {@link find}, by the header's number. */
  findId(id: number, from = 0): number {
    const lines = this.#lines;
    const size = this.#size;
    for (let i = from; i < size; i++) {
      const line = lines[i] ?? 0;
      if ((typeof line === "number" ? idOf(line) : line.id) === id) return i;
    }
    return -1;
  }

  /** Position of the next line of a header without a number. */
  #findNamed(lower: string, from: number): number {
    for (let at = this.findId(0, from); at >= 0; at = this.findId(0, at + 1)) {
      const line = this.#lines[at] ?? 0;
      if (
        typeof line === "number"
          ? sameName(this.#source, startOf(line), this.#nameEnd(line), lower)
          : line.name.toLowerCase() === lower
      )
        return at;
    }
    return -1;
  }

  /** The list of lines, to be changed. */
  #edit(): Line[] {
    if (this.#lines === this.#came) this.#lines = this.#came.slice();
    return this.#lines as Line[];
  }

  /** Puts a line in at a position; as `splice`, without its list of what was removed. */
  #insert(at: number, line: AddedLine): void {
    const lines = this.#edit();
    for (let i = this.#size++; i > at; i--) lines[i] = lines[i - 1] ?? 0;
    this.#put(at, line);
  }

  #put(at: number, line: AddedLine): void {
    this.#touch(line.id);
    this.#edit()[at] = line;
  }

  /** Takes the line at this position out. */
  drop(at: number): void {
    this.#touch(this.idAt(at));
    const lines = this.#edit();
    const last = --this.#size;
    for (let i = at; i < last; i++) lines[i] = lines[i + 1] ?? 0;
    // What is gone is not held on to.
    lines[last] = 0;
  }

  /** Puts one line in place of all of this name. The value is text, here as below, or octets that are encoded already. */
  set(name: string, value: string, encoded = false): void {
    const line = addedLine(name, value, encoded);
    const first = this.find(name, 0, line.id);
    if (first < 0) return this.appendLine(line);
    this.#put(first, line);
    for (let next = this.find(name, first + 1, line.id); next >= 0; next = this.find(name, next, line.id))
      this.drop(next);
    return undefined;
  }

  /** Puts a line at the end. */
  append(name: string, value: string): void {
    this.appendLine(addedLine(name, value));
  }

  /** Puts a line that is ready at the end. */
  appendLine(line: AddedLine): void {
    this.#insert(this.#size, line);
  }

  /** Puts a line after the last of this name, else at the end. */
  add(name: string, value: string, encoded = false): void {
    const line = addedLine(name, value, encoded);
    let at = this.#size;
    for (let last = this.find(name, 0, line.id); last >= 0; last = this.find(name, at, line.id)) at = last + 1;
    this.#insert(at, line);
  }

  /** Puts a line before the first of this name, else at the top. */
  prepend(name: string, value: string): void {
    const line = addedLine(name, value);
    this.#insert(Math.max(this.find(name, 0, line.id), 0), line);
  }

  /** Takes all lines of this name out. */
  remove(name: string): void {
    for (let at = this.find(name); at >= 0; at = this.find(name, at)) this.drop(at);
  }

  /** Takes the first element of the first line of this name out, and the line with its last element. */
  removeFirst(name: string): void {
    for (let at = this.find(name); at >= 0; at = this.find(name)) {
      const value = this.valueAt(at);
      if (value !== "" && !value.includes(",")) return this.drop(at);
      const start = startOfList(value);
      const rest = value.slice(endOfElement(value, start) + 1);
      const restStart = startOfList(rest);
      if (restStart < rest.length) this.#put(at, addedLine(this.nameAt(at), rest.slice(restStart), true));
      else this.drop(at);
      if (start < value.length) return;
    }
  }

  /**
   * The message up to its body, or with it when it is the one that came.
   * @param startLine with its CRLF; undefined for the one that came
   * @param bodyLength of the body that came, octets
   */
  toOctets(startLine: string | undefined, bodyLength: number): string {
    const source = this.#source;
    const came = this.#came;
    const lines = this.#lines;
    let text = startLine ?? "";
    // A slice waits to be taken until it is clear how far it goes: to the next line that came.
    let from = startLine === undefined ? this.#begin : startOf(came[0] ?? 0);
    let next = 0;
    for (let i = 0; i < this.#size; i++) {
      const line = lines[i] ?? 0;
      if (line === came[next]) {
        next++;
        continue;
      }
      const to = startOf(came[next] ?? 0);
      if (to > from) text += source.slice(from, to);
      if (typeof line === "number") {
        from = startOf(line);
        do next++;
        while (came[next - 1] !== line);
      } else {
        text += written(line);
        from = to;
      }
    }
    const to = startOf(came[next] ?? 0);
    if (!this.bodyCame) return `${text}${source.slice(from, to)}\r\n`;
    // The empty line and the body stand beside the last of the lines that came: one slice for all.
    const end = startOf(came[this.#count] ?? 0);
    if (next === this.#count) return text + source.slice(from, end + 2 + bodyLength);
    return text + source.slice(from, to) + source.slice(end, end + 2 + bodyLength);
  }

  clone(): Head {
    const head = new Head(this.#source, this.#came, this.#begin, this.#ascii);
    head.#count = this.#count;
    head.#lines = this.#lines === this.#came ? this.#came : this.#lines.slice();
    head.#size = this.#size;
    head.#callId = this.#callId;
    head.#fromTag = this.#fromTag;
    head.#toTag = this.#toTag;
    head.#cseq = this.#cseq;
    head.#cseqMethod = this.#cseqMethod;
    head.bodyCame = this.bodyCame;
    head.lengthSettled = this.lengthSettled;
    return head;
  }
}

function written(line: AddedLine): string {
  // No template, which would ask each part whether it is a text.
  return line.name + ": " + line.value + "\r\n";
}

const beyondText = /[^\t -~]/;

/** True when a text would begin a new line of the message. */
export function hasLineEnd(text: string): boolean {
  return text.includes("\r") || text.includes("\n");
}
