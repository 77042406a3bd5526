import { SipError } from "./errors.ts";
import { sameName } from "./headerNames.ts";
import { isSpace, isTokenChar, maxOctets, parseNumber, skipSpace, trimmed } from "./scan.ts";

const charC = 99;
const charL = 108;
const emptyLine = "\r\n\r\n";
/** Octets that may be line ends alone. */
const shortest = 8;

/**
 * Parts the octets of one TCP or TLS connection into messages by their Content-Length (RFC 3261 §18.3), and finds
 * keep-alives (RFC 5626 §4.4.1). At most 64 KiB of one unfinished message are held.
 *
 * @example
 * const framer = new StreamFramer();
 * for (const piece of framer.push(octets.fromBytes(datagram))) {
 *   if (piece === "keep-alive") hop.send("\r\n");
 *   else ua.receive(parseMessage(piece), hop);
 * }
 */
export class StreamFramer {
  /** Octets not yet given out, as they came; joined only when something may be complete. */
  #pieces: string[] = [];
  #size = 0;
  /** The last three octets: the end of a head may come in two pieces. */
  #tail = "";
  /** The joined octets while messages are taken off. */
  #held = "";
  /** Octets the message at the start has in all; 0 while its head is incomplete. */
  #need = 0;
  #error: SipError | undefined;

  /**
   * Takes what the connection gave and returns what became complete, in order. A double CRLF is given as
   * `"keep-alive"`, to be answered with one CRLF; a single CRLF, its answer, is swallowed.
   * @throws SipError when the stream lost its message boundaries: close the connection. Messages that were complete before
   * the fault are returned first; the error then meets the next call.
   */
  push(octets: string): string[] {
    const messages: string[] = [];
    try {
      if (this.#error !== undefined) throw this.#error;
      if (!this.#add(octets)) return messages;
      this.#held = this.#pieces.join("");
      while (this.#held.length > 0 && this.#next(messages));
      this.#keep(this.#held);
    } catch (error) {
      if (!(error instanceof SipError)) throw error;
      this.#error = error;
      this.#keep("");
      if (messages.length === 0) throw error;
    }
    return messages;
  }

  /** Keeps a piece; true when a message, a line end or a fault may be found now. Octets one by one cost one copy each. */
  #add(octets: string): boolean {
    this.#pieces.push(octets);
    this.#size += octets.length;
    if (this.#size <= shortest || this.#size > maxOctets) return true;
    if (this.#need > 0) return this.#size >= this.#need;
    const joint = this.#tail + octets;
    this.#tail = joint.slice(1 - emptyLine.length);
    return joint.includes(emptyLine);
  }

  #keep(rest: string): void {
    this.#held = "";
    this.#pieces = rest === "" ? [] : [rest];
    this.#size = rest.length;
    this.#tail = rest.slice(1 - emptyLine.length);
  }

  /** Takes one message or line end off the front; false when more octets are needed. */
  #next(messages: string[]): boolean {
    if (this.#need === 0) {
      if (this.#held.startsWith(emptyLine)) {
        messages.push("keep-alive");
        this.#held = this.#held.slice(emptyLine.length);
        return true;
      }
      if (this.#held.startsWith("\r\n")) {
        // Half of a keep-alive, or a line end before a message (RFC 3261 §7.5): the next octet tells.
        if (this.#held.length === 2 || this.#held === "\r\n\r") return false;
        this.#held = this.#held.slice(2);
        return true;
      }
      const end = this.#held.indexOf(emptyLine);
      if (end < 0) {
        if (this.#held.length > maxOctets) throw new SipError("sip/too-large");
        return false;
      }
      this.#need = messageLength(this.#held);
    }
    if (this.#need > maxOctets) throw new SipError("sip/too-large");
    if (this.#held.length < this.#need) return false;
    messages.push(this.#held.slice(0, this.#need));
    this.#held = this.#held.slice(this.#need);
    this.#need = 0;
    return true;
  }
}

/**
 * Octets of the message at the start of `held`, whose head is complete. Nothing but Content-Length is looked at, so that a
 * message with another fault is still one message, to be refused by itself.
 */
function messageLength(held: string): number {
  const end = held.indexOf(emptyLine);
  let length = -1;
  for (let at = held.indexOf("\r\n") + 2; at < end; at = nextLine(held, at)) {
    // Content-Length, or l.
    const initial = held.charCodeAt(at) | 0x20;
    if (initial !== charC && initial !== charL) continue;
    let nameEnd = at;
    while (isTokenChar(held.charCodeAt(nameEnd))) nameEnd++;
    if (!sameName(held, at, nameEnd, "content-length") && !sameName(held, at, nameEnd, "l")) continue;
    const colon = skipSpace(held, nameEnd, end);
    // Two of them might be read as the one or the other (RFC 4475 §3.3.9).
    if (length >= 0 || held[colon] !== ":") throw new SipError("sip/content-length", "on a stream");
    const line = held.slice(colon + 1, nextLine(held, at) - 2);
    const value = line.includes("\r\n") ? line.replaceAll("\r\n", " ") : line;
    length = parseNumber(trimmed(value, 0, value.length));
    if (length < 0) throw new SipError("sip/content-length", "no number");
  }
  // RFC 3261 §18.3: mandatory on a stream.
  if (length < 0) throw new SipError("sip/content-length", "missing on a stream");
  return end + emptyLine.length + length;
}

/** First octet of the header line after the one at `at`; folded lines belong to it. */
function nextLine(held: string, at: number): number {
  let next = held.indexOf("\r\n", at) + 2;
  while (isSpace(held.charCodeAt(next))) next = held.indexOf("\r\n", next) + 2;
  return next;
}
