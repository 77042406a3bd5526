import type { CSeq } from "./cseq.ts";
import { SipError } from "./errors.ts";
import { valueOf } from "./fold.ts";
import { idContentLength, idCseq, idFrom, headerId, sameName } from "./headerNames.ts";
import type { HeaderSet } from "./headerSet.ts";
import type { LineIndex } from "./lineIndex.ts";
import { emptyIndex, maxLines, stride } from "./lineIndex.ts";
import { octets } from "./octets.ts";
import { endOfElement, isToken, isTokenChar, startOfList, trimmed } from "./scan.ts";

/** A line that was not in the message as it came. */
export interface AddedLine {
  readonly id: number;
  readonly name: string;
  /** Unfolded and trimmed octets. */
  readonly value: string;
}

/** @param encoded the value is octets already. @throws SipError `sip/injection` */
export function addedLine(name: string, value: string, encoded = false): AddedLine {
  // A name with a number of its own is a token.
  const id = headerId(name);
  if (id === 0 && !isToken(name)) throw new SipError("sip/injection", "header name");
  const unusual = beyondText.test(value);
  if (unusual && hasLineEnd(value)) throw new SipError("sip/injection", name);
  const line = unusual && !encoded ? octets.fromText(value) : value;
  return { id, name, value: trimmed(line, 0, line.length) };
}

// The order of lines as they came: copied when the first edit comes, which is cheaper than counting up anew.
const natural: readonly number[] = Array.from({ length: maxLines }, (_, line) => line);

/**
 * The header lines of a message, and their edits.
 *
 * Lines as they came are known by their number only; the first edit makes a list of those numbers, in which added lines
 * stand as objects. On output, neighbouring untouched lines leave as one slice of what came in.
 */
export class Head {
  readonly #source: string;
  readonly #index: LineIndex;
  #order: (number | AddedLine)[] | undefined;
  /** First octet of the start line. */
  readonly #begin: number;
  /** The body is the one that stands behind the head in the source. */
  bodyCame: boolean;
  /** Content-Length is known to be that of the body. */
  lengthSettled: boolean;

  constructor(source = "", index: LineIndex = emptyIndex(), begin = 0, came = false, lengthSettled = false) {
    this.#source = source;
    this.#index = index;
    this.#order = undefined;
    this.#begin = begin;
    this.bodyCame = came;
    this.lengthSettled = lengthSettled;
  }

  /** Number of header lines. */
  get size(): number {
    return this.#order?.length ?? this.#index.count;
  }

  #lineAt(position: number): number | AddedLine {
    return this.#order === undefined ? position : (this.#order[position] ?? 0);
  }

  /** Name as written, compact forms included. */
  nameAt(position: number): string {
    const line = this.#lineAt(position);
    if (typeof line !== "number") return line.name;
    return this.#source.slice(this.#start(line), this.#nameEnd(line));
  }

  /** Value in octets, unfolded and trimmed. */
  valueAt(position: number): string {
    const line = this.#lineAt(position);
    if (typeof line !== "number") return line.value;
    const { lines } = this.#index;
    return valueOf(this.#source, lines[line * stride + 2] ?? 0, lines[line * stride + 3] ?? 0);
  }

  /** Value as text. */
  textAt(position: number): string {
    const value = this.valueAt(position);
    return this.#index.ascii && typeof this.#lineAt(position) === "number" ? value : octets.toText(value);
  }

  /** The tag of From or To; empty when it has none, undefined when the value must be parsed to tell. */
  tag(id: number): string | undefined {
    const line = this.#lineAt(this.findId(id));
    const { lines, odd } = this.#index;
    if (typeof line !== "number" || lines[line * stride] !== id || (odd & (1 << id)) !== 0) return undefined;
    const { fromTag, fromTagEnd, toTag, toTagEnd } = this.#index;
    const from = id === idFrom ? fromTag : toTag;
    if (from <= 0) return from === 0 ? "" : undefined;
    return this.#source.slice(from, id === idFrom ? fromTagEnd : toTagEnd);
  }

  /** A plain CSeq as it came; undefined when the value must be parsed. */
  cseq(): CSeq | undefined {
    const line = this.#lineAt(this.findId(idCseq));
    const { lines, odd, cseq, method, methodEnd } = this.#index;
    if (typeof line !== "number" || lines[line * stride] !== idCseq || (odd & (1 << idCseq)) !== 0) return undefined;
    return { number: cseq, method: this.#source.slice(method, methodEnd) };
  }

  #start(line: number): number {
    return this.#index.lines[line * stride + 1] ?? 0;
  }

  #nameEnd(line: number): number {
    let end = this.#start(line);
    while (isTokenChar(this.#source.charCodeAt(end))) end++;
    return end;
  }

  /** Position of the next line of this name from `from` on, or -1. */
  find(name: string, from = 0): number {
    const id = headerId(name);
    return id === 0 ? this.#findNamed(name.toLowerCase(), from) : this.findId(id, from);
  }

  /** As {@link find}, by the header's number. */
  findId(id: number, from = 0): number {
    const { lines, count } = this.#index;
    const order = this.#order;
    if (order === undefined) {
      for (let line = from; line < count; line++) if (lines[line * stride] === id) return line;
      return -1;
    }
    for (let i = from; i < order.length; i++) {
      const line = order[i] ?? 0;
      if ((typeof line === "number" ? lines[line * stride] : line.id) === id) return i;
    }
    return -1;
  }

  /** Position of the next line of a header without a number. */
  #findNamed(lower: string, from: number): number {
    for (let at = this.findId(0, from); at >= 0; at = this.findId(0, at + 1)) {
      const line = this.#lineAt(at);
      if (
        typeof line === "number"
          ? sameName(this.#source, this.#start(line), this.#nameEnd(line), lower)
          : line.name.toLowerCase() === lower
      )
        return at;
    }
    return -1;
  }

  #findLast(name: string): number {
    let last = -1;
    for (let at = this.find(name); at >= 0; at = this.find(name, at + 1)) last = at;
    return last;
  }

  #edit(): (number | AddedLine)[] {
    if (this.#order !== undefined) return this.#order;
    return (this.#order = natural.slice(0, this.size));
  }

  #added(name: string, value: string, encoded: boolean): AddedLine {
    const line = addedLine(name, value, encoded);
    if (line.id === idContentLength) this.lengthSettled = false;
    return line;
  }

  #findLike({ id, name }: AddedLine, from = 0): number {
    return id === 0 ? this.#findNamed(name.toLowerCase(), from) : this.findId(id, from);
  }

  /** Puts one line in place of all of this name. The value is text, here as below, or octets that are encoded already. */
  set(name: string, value: string, encoded = false): void {
    const line = this.#added(name, value, encoded);
    const order = this.#edit();
    const first = this.#findLike(line);
    if (first < 0) {
      order.push(line);
      return;
    }
    order[first] = line;
    for (let next = this.#findLike(line, first + 1); next >= 0; next = this.#findLike(line, next)) drop(order, next);
  }

  /** Puts a line at the end. */
  append(name: string, value: string): void {
    this.#edit().push(this.#added(name, value, false));
  }

  /** Puts lines that are ready at the end. */
  appendLines(lines: readonly AddedLine[]): void {
    const order = this.#edit();
    for (const line of lines) {
      if (line.id === idContentLength) this.lengthSettled = false;
      order.push(line);
    }
  }

  /** Puts a line after the last of this name, else at the end. */
  add(name: string, value: string, encoded = false): void {
    const line = this.#added(name, value, encoded);
    const last = this.#findLast(name);
    insert(this.#edit(), last < 0 ? this.size : last + 1, line);
  }

  /** Puts a line before the first of this name, else at the top. */
  prepend(name: string, value: string): void {
    const line = this.#added(name, value, false);
    insert(this.#edit(), Math.max(this.#findLike(line), 0), line);
  }

  /** Takes all lines of this name out. */
  remove(name: string): void {
    if (headerId(name) === idContentLength) this.lengthSettled = false;
    for (let at = this.find(name); at >= 0; at = this.find(name, at)) drop(this.#edit(), at);
  }

  #among(line: number | AddedLine, names: HeaderSet): boolean {
    if (typeof line !== "number") return names.has(line.id, line.name, 0, line.name.length);
    const id = this.#index.lines[line * stride] ?? 0;
    return names.has(id, this.#source, this.#start(line), id === 0 ? this.#nameEnd(line) : 0);
  }

  /** Takes all lines of these names out. */
  removeAll(names: HeaderSet): void {
    const order = this.#edit();
    let kept = 0;
    for (const line of order) if (!this.#among(line, names)) order[kept++] = line;
    order.length = kept;
    if (names.has(idContentLength, "", 0, 0)) this.lengthSettled = false;
  }

  /** The lines of these names as they stand, one after another. */
  excerpt(names: HeaderSet): string {
    let text = "";
    for (let position = 0; position < this.size; position++) {
      const line = this.#lineAt(position);
      if (!this.#among(line, names)) continue;
      text += typeof line === "number" ? this.#source.slice(this.#start(line), this.#start(line + 1)) : written(line);
    }
    return text;
  }

  /** Takes the first element of the first line of this name out, and the line with its last element. */
  removeFirst(name: string): void {
    for (let at = this.find(name); at >= 0; at = this.find(name)) {
      const value = this.valueAt(at);
      if (value !== "" && !value.includes(",")) {
        drop(this.#edit(), at);
        return;
      }
      const start = startOfList(value);
      const rest = value.slice(endOfElement(value, start) + 1);
      const restStart = startOfList(rest);
      if (restStart < rest.length) this.#edit()[at] = this.#added(this.nameAt(at), rest.slice(restStart), true);
      else drop(this.#edit(), at);
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
    const lines = this.#index.count;
    // What follows the lines of the source stands beside the last of them: one slice for both.
    const end = this.bodyCame ? this.#start(lines) + 2 + bodyLength : -1;
    const order = this.#order;
    let text = startLine ?? "";
    // A slice waits to be taken until it is clear how far it goes.
    let from = startLine === undefined ? this.#begin : this.#start(0);
    let next = 0;
    if (order !== undefined) {
      for (let i = 0; i < order.length; i++) {
        const line = order[i] ?? 0;
        if (line === next) {
          next++;
          continue;
        }
        const to = this.#start(next);
        if (to > from) text += source.slice(from, to);
        if (typeof line === "number") {
          from = this.#start(line);
          next = line + 1;
        } else {
          text += written(line);
          from = to;
        }
      }
    } else next = lines;
    const to = this.#start(next);
    if (end < 0) return `${text}${source.slice(from, to)}\r\n`;
    if (next === lines) return text + source.slice(from, end);
    return text + source.slice(from, to) + source.slice(this.#start(lines), end);
  }

  clone(): Head {
    const head = new Head(this.#source, this.#index, this.#begin, this.bodyCame, this.lengthSettled);
    head.#order = this.#order?.slice();
    return head;
  }
}

function written(line: AddedLine): string {
  return `${line.name}: ${line.value}\r\n`;
}

/** As `splice`, without its list of what was removed. */
function insert(order: (number | AddedLine)[], at: number, line: AddedLine): void {
  order.push(line);
  for (let i = order.length - 1; i > at; i--) order[i] = order[i - 1] ?? 0;
  order[at] = line;
}

function drop(order: (number | AddedLine)[], at: number): void {
  for (let i = at + 1; i < order.length; i++) order[i - 1] = order[i] ?? 0;
  order.pop();
}

const beyondText = /[^\t -~]/;

/** True when a text would begin a new line of the message. */
export function hasLineEnd(text: string): boolean {
  return text.includes("\r") || text.includes("\n");
}
