import { SipError } from "./errors.ts";
import { Head } from "./head.ts";
import type { LineIndex } from "./lineIndex.ts";
import type { Body, HeaderList } from "./messageBase.ts";
import { Message } from "./messageBase.ts";
import { octets } from "./octets.ts";
import { isToken } from "./scan.ts";
import { parseUri } from "./uri.ts";
import { takeBody, validate } from "./validate.ts";

/** A SIP request. Made by `parseMessage` or {@link SipRequest.create}. */
export class SipRequest extends Message {
  readonly #method: string;
  #uri: string;

  private constructor(method: string, uri: string, head: Head, body: string) {
    super(head, body);
    this.#method = method;
    this.#uri = uri;
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
    const request = new SipRequest(method, uri, new Head(), "");
    for (const [name, value] of headers) request.head.append(name, octets.fromText(value));
    return body === undefined ? request : request.setBody(body.type, body.text);
  }

  /** Takes over a request whose start line and head were found; `parseMessage` calls it. */
  static parsed(source: string, line: string, index: LineIndex): SipRequest {
    const methodEnd = line.indexOf(" ");
    const uriEnd = line.lastIndexOf(" ");
    const method = line.slice(0, methodEnd);
    const uri = line.slice(methodEnd + 1, uriEnd);
    // RFC 3261 §7.1: single spaces, none inside the URI; RFC 4475 §3.1.2.7 and §3.1.2.8.
    if (!isToken(method) || uriEnd !== line.length - 8 || uri.length === 0 || uri.includes(" "))
      throw new SipError("sip/start-line");
    // RFC 3261 §19.1.5: a Request-URI has no headers component.
    if (parseUri(uri).headers !== undefined) throw new SipError("sip/uri", "headers");
    const head = new Head(source, index);
    validate(head);
    const request = new SipRequest(method, uri, head, takeBody(source, index.body, head));

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
    return this;
  }

  protected override startLine(): string {
    return `${this.#method} ${this.#uri} SIP/2.0\r\n`;
  }

  override clone(): this {
    return new SipRequest(this.#method, this.#uri, this.head.clone(), this.body) as this;
  }
}
