import { SipError } from "./errors.ts";
import { headerId, headerIdAt, sameName } from "./headerNames.ts";
import type { LineIndex } from "./lineIndex.ts";
import { stride } from "./lineIndex.ts";
import { endOfElement, isSpace, isToken, startOfList, trimmed } from "./scan.ts";

/** A line that was not in the message as it came. */
interface AddedLine {
  readonly id: number;
  readonly name: string;
  /** Unfolded and trimmed octets. */
  readonly value: string;
}

const noLines = new Int32Array(2);

/**
 * The header lines of a message, and their edits.
 *
 * Lines as they came are known by their number only; the first edit makes a list of those numbers, in which added lines
 * stand as objects. On output, neighbouring untouched lines leave as one slice of what came in.
 */
export class Head {
  readonly #source: string;
  readonly #lines: Int32Array;
  #order: (number | AddedLine)[] | undefined;

  constructor(source = "", index?: LineIndex, order?: (number | AddedLine)[]) {
    this.#source = source;
    this.#lines = index?.lines ?? noLines;
    this.#order = order;
  }

  /** Number of header lines. */
  get size(): number {
    return this.#order?.length ?? (this.#lines.length - 2) / stride;
  }

  #lineAt(position: number): number | AddedLine {
    return this.#order === undefined ? position : (this.#order[position] ?? 0);
  }

  /** Number of the header field at this position, 0 for those without one. */
  idAt(position: number): number {
    const line = this.#lineAt(position);
    return typeof line === "number" ? (this.#lines[line * stride] ?? 0) : line.id;
  }

  /** Name as written, compact forms included. */
  nameAt(position: number): string {
    const line = this.#lineAt(position);
    if (typeof line !== "number") return line.name;
    return trimmed(this.#source, this.#start(line), this.#colon(line));
  }

  /** Value in octets, unfolded and trimmed. */
  valueAt(position: number): string {
    const line = this.#lineAt(position);
    if (typeof line !== "number") return line.value;
    // Without the CRLF at its end.
    const end = this.#start(line + 1) - 2;
    const value = trimmed(this.#source, this.#colon(line) + 1, end);
    return value.includes("\r") ? unfolded(value) : value;
  }

  #start(line: number): number {
    return this.#lines[line * stride + 1] ?? 0;
  }

  #colon(line: number): number {
    return this.#lines[line * stride + 2] ?? 0;
  }

  #matches(position: number, id: number, lower: string): boolean {
    const line = this.#lineAt(position);
    if (typeof line !== "number") return line.id === id && (id !== 0 || line.name.toLowerCase() === lower);
    if (this.#lines[line * stride] !== id) return false;
    if (id !== 0) return true;
    const start = this.#start(line);
    let end = this.#colon(line);
    while (isSpace(this.#source.charCodeAt(end - 1))) end--;
    return sameName(this.#source, start, end, lower);
  }

  /** Position of the next line of this name from `from` on, or -1. */
  find(name: string, from = 0): number {
    const id = headerId(name);
    return id === 0 ? this.#search(0, name.toLowerCase(), from) : this.findId(id, from);
  }

  /** As {@link find}, by the header's number. */
  findId(id: number, from = 0): number {
    return this.#search(id, "", from);
  }

  #search(id: number, lower: string, from: number): number {
    for (let i = from; i < this.size; i++) if (this.#matches(i, id, lower)) return i;
    return -1;
  }

  #findLast(name: string): number {
    const id = headerId(name);
    const lower = id === 0 ? name.toLowerCase() : "";
    for (let i = this.size - 1; i >= 0; i--) if (this.#matches(i, id, lower)) return i;
    return -1;
  }

  #edit(): (number | AddedLine)[] {
    if (this.#order !== undefined) return this.#order;
    const order: (number | AddedLine)[] = [];
    for (let line = 0; line < this.size; line++) order.push(line);
    this.#order = order;
    return order;
  }

  /** Puts one line in place of all of this name. */
  set(name: string, value: string): void {
    const line = addedLine(name, value);
    const order = this.#edit();
    const first = this.find(name);
    if (first < 0) {
      order.push(line);
      return;
    }
    order[first] = line;
    for (let next = this.find(name, first + 1); next >= 0; next = this.find(name, next)) order.splice(next, 1);
  }

  /** Puts a line at the end. */
  append(name: string, value: string): void {
    this.#edit().push(addedLine(name, value));
  }

  /** Puts a line after the last of this name, else at the end. */
  add(name: string, value: string): void {
    const line = addedLine(name, value);
    const last = this.#findLast(name);
    this.#edit().splice(last < 0 ? this.size : last + 1, 0, line);
  }

  /** Puts a line before the first of this name, else at the top. */
  prepend(name: string, value: string): void {
    const line = addedLine(name, value);
    this.#edit().splice(Math.max(this.find(name), 0), 0, line);
  }

  /** Takes all lines of this name out. */
  remove(name: string): void {
    for (let at = this.find(name); at >= 0; at = this.find(name, at)) this.#edit().splice(at, 1);
  }

  /** Takes the first element of the first line of this name out, and the line with its last element. */
  removeFirst(name: string): void {
    for (let at = this.find(name); at >= 0; at = this.find(name)) {
      const value = this.valueAt(at);
      const start = startOfList(value);
      const rest = value.slice(endOfElement(value, start) + 1);
      const restStart = startOfList(rest);
      if (restStart < rest.length) this.#edit()[at] = addedLine(this.nameAt(at), rest.slice(restStart));
      else this.#edit().splice(at, 1);
      if (start < value.length) return;
    }
  }

  /** The header lines in octets, each with its CRLF. */
  toOctets(): string {
    const order = this.#order;
    if (order === undefined) return this.#source.slice(this.#start(0), this.#start(this.size));
    let octets = "";
    for (let i = 0; i < order.length; i++) {
      const line = order[i] ?? 0;
      if (typeof line !== "number") {
        octets += `${line.name}: ${line.value}\r\n`;
        continue;
      }
      let last = line;
      while (order[i + 1] === last + 1) {
        last++;
        i++;
      }
      octets += this.#source.slice(this.#start(line), this.#start(last + 1));
    }
    return octets;
  }

  clone(): Head {
    return new Head(this.#source, { lines: this.#lines, body: 0 }, this.#order?.slice());
  }
}

function addedLine(name: string, value: string): AddedLine {
  if (!isToken(name)) throw new SipError("sip/injection", "header name");
  if (hasLineEnd(value)) throw new SipError("sip/injection", name);
  return { id: headerIdAt(name, 0, name.length), name, value: trimmed(value, 0, value.length) };
}

/** True when a text would begin a new line of the message. */
export function hasLineEnd(text: string): boolean {
  return text.includes("\r") || text.includes("\n");
}

/** RFC 3261 §7.3.1: a line end and the white space around it count as one space. */
function unfolded(value: string): string {
  return value
    .split("\r\n")
    .map((part) => trimmed(part, 0, part.length))
    .filter((part) => part !== "")
    .join(" ");
}
