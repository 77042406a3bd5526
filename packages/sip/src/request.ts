import { bytes } from "./bytes.ts";
import { SipError } from "./errors.ts";
import { Head } from "./head.ts";
import { found } from "./lineIndex.ts";
import type { Body, HeaderList } from "./messageBase.ts";
import { Message } from "./messageBase.ts";
import { endOfToken, plainRequestUri } from "./plain.ts";
import { charSpace, isToken } from "./scan.ts";
import { parseUri } from "./uri.ts";

/** A SIP request. Made by `parseMessage` or {@link SipRequest.create}. */
export class SipRequest extends Message {
  readonly #method: string;
  #uri: string;
  /** The Request-URI is another one than came. */
  #moved: boolean;

  private constructor(method: string, uri: string, head: Head, body: string, moved: boolean) {
    super(head, body);
    this.#method = method;
    this.#uri = uri;
    this.#moved = moved;
  }

  /**
   * Builds a request. Header fields keep the given order; Content-Length is added on output.
   * @throws SipError `sip/injection`, `sip/uri`
   * @example
   * SipRequest.create("OPTIONS", "sip:acme.example", [["Max-Forwards", "70"]]);
   */
  static create(method: string, uri: string, headers: HeaderList, body?: Body): SipRequest {
    if (!isToken(method)) throw new SipError("sip/injection", "method");
    parseUri(uri);
    const request = new SipRequest(method, uri, new Head(), "", true);
    for (const [name, value] of headers) request.head.append(name, value);
    return body === undefined ? request : request.setBody(body.type, body.text);
  }

  /** Takes over a request whose start line stands from `start` to `cr`; `parseMessage` calls it. */
  static parsed(source: string, start: number, cr: number, ascii: boolean): SipRequest {
    const methodEnd = endOfToken(start);
    const uriEnd = cr - 8;
    // RFC 3261 §7.1: single spaces, none inside the URI; RFC 4475 §3.1.2.7 and §3.1.2.8.
    if (methodEnd === start || methodEnd + 1 >= uriEnd || bytes[methodEnd] !== charSpace || bytes[uriEnd] !== charSpace)
      throw new SipError("sip/start-line");
    const method = source.slice(start, methodEnd);
    const uri = source.slice(methodEnd + 1, uriEnd);
    if (!plainRequestUri(methodEnd + 1, uriEnd)) checkRequestUri(uri);
    const head = Head.read(source, cr + 2, start, ascii);
    const request = new SipRequest(method, uri, head, source.slice(found.body, found.end), false);
    if (request.cseq.method !== method) throw new SipError("sip/value", "CSeq method");
    return request;
  }

  get method(): string {
    return this.#method;
  }

  /** The Request-URI as written. */
  get uri(): string {
    return this.#uri;
  }

  /** @throws SipError `sip/uri` */
  setUri(uri: string): this {
    parseUri(uri);
    this.#uri = uri;
    this.#moved = true;
    return this;
  }

  protected override startLine(): string | undefined {
    return this.#moved ? `${this.#method} ${this.#uri} SIP/2.0\r\n` : undefined;
  }

  override clone(): this {
    return new SipRequest(this.#method, this.#uri, this.head.clone(), this.body, this.#moved) as this;
  }
}

function checkRequestUri(uri: string): void {
  if (uri.includes(" ")) throw new SipError("sip/start-line");
  // RFC 3261 §19.1.5: a Request-URI has no headers component.
  if (parseUri(uri).headers !== undefined) throw new SipError("sip/uri", "headers");
}
