import { SipError } from "./errors.ts";
import { Head, hasLineEnd } from "./head.ts";
import type { LineIndex } from "./lineIndex.ts";
import type { Body, HeaderList } from "./messageBase.ts";
import { Message } from "./messageBase.ts";
import { octets } from "./octets.ts";
import { parseNumber } from "./scan.ts";
import { takeBody, validate } from "./validate.ts";

/** A SIP response. Made by `parseMessage`, `createResponse` or {@link SipResponse.create}. */
export class SipResponse extends Message {
  readonly #status: number;
  /** In octets. */
  readonly #reason: string;

  private constructor(status: number, reason: string, head: Head, body: string) {
    super(head, body);
    this.#status = status;
    this.#reason = reason;
  }

  /**
   * Builds a response from nothing; to answer a request use `createResponse`.
   * @throws SipError `sip/injection`, `sip/bad-response`
   */
  static create(status: number, reason: string, headers: HeaderList, body?: Body): SipResponse {
    if (!Number.isInteger(status) || status < 100 || status > 699) throw new SipError("sip/bad-response", "status");
    if (hasLineEnd(reason)) throw new SipError("sip/injection", "reason");
    const response = new SipResponse(status, octets.fromText(reason), new Head(), "");
    for (const [name, value] of headers) response.head.append(name, octets.fromText(value));
    return body === undefined ? response : response.setBody(body.type, body.text);
  }

  /** Takes over a response whose start line and head were found; `parseMessage` calls it. */
  static parsed(source: string, line: string, index: LineIndex): SipResponse {
    // `SIP/2.0 200 OK`; a missing reason goes without its space often enough (RFC 3261 §7.2 wants it).
    const status = line.length >= 11 && (line.length === 11 || line[11] === " ") ? parseNumber(line.slice(8, 11)) : -1;
    if (status < 100 || status > 699) throw new SipError("sip/bad-response", "status");
    const head = new Head(source, index);
    validate(head);
    const response = new SipResponse(status, line.slice(12), head, takeBody(source, index.body, head));

    return response;
  }

  /** 100 to 699. */
  get status(): number {
    return this.#status;
  }

  get reason(): string {
    return octets.toText(this.#reason);
  }

  protected override startLine(): string {
    return `SIP/2.0 ${this.#status} ${this.#reason}\r\n`;
  }

  override clone(): this {
    return new SipResponse(this.#status, this.#reason, this.head.clone(), this.body) as this;
  }
}
