import { SipError } from "./errors.ts";
import { Head, hasLineEnd } from "./head.ts";
import { found } from "./lineIndex.ts";
import type { Body, HeaderList } from "./messageBase.ts";
import { Message } from "./messageBase.ts";
import { octets } from "./octets.ts";
import { parseNumberAt } from "./scan.ts";

/**
 * A SIP response. Made by `parseMessage`, `createResponse` or {@link SipResponse.create}.
 *
 * @example
 * const ringing = createResponse(invite, 180, { toTag: random.token(10) });
 * console.log(ringing.status, ringing.reason); // 180 Ringing
 */
export class SipResponse extends Message {
  readonly #status: number;
  /** In octets. */
  readonly #reason: string;
  /** The status line is as it came. */
  readonly #came: boolean;

  private constructor(status: number, reason: string, head: Head, body: string, came: boolean) {
    super(head, body);
    this.#status = status;
    this.#reason = reason;
    this.#came = came;
  }

  /**
   * Builds a response from nothing; to answer a request use `createResponse`.
   * @throws SipError `sip/injection`, `sip/bad-response`
   */
  static create(status: number, reason: string, headers: HeaderList, body?: Body): SipResponse {
    if (!Number.isInteger(status) || status < 100 || status > 699) throw new SipError("sip/bad-response", "status");
    if (hasLineEnd(reason)) throw new SipError("sip/injection", "reason");
    const response = new SipResponse(status, octets.fromText(reason), new Head(), "", false);
    for (const [name, value] of headers) response.head.append(name, value);
    return body === undefined ? response : response.setBody(body.type, body.text);
  }

  /** Takes over a response whose start line stands from `start` to `cr`; `parseMessage` calls it. */
  static parsed(source: string, start: number, cr: number, ascii: boolean): SipResponse {
    // `SIP/2.0 200 OK`; a missing reason goes without its space often enough (RFC 3261 §7.2 wants it).
    const whole = cr === start + 11 || (cr > start + 11 && source.charCodeAt(start + 11) === 32);
    const status = whole && source.charCodeAt(start + 7) === 32 ? parseNumberAt(source, start + 8, start + 11) : -1;
    if (status < 100 || status > 699) throw new SipError("sip/bad-response", "status");
    const head = Head.read(source, cr + 2, start, ascii);
    return new SipResponse(status, source.slice(start + 12, cr), head, source.slice(found.body, found.end), true);
  }

  /** 100 to 699. */
  get status(): number {
    return this.#status;
  }

  get reason(): string {
    return octets.toText(this.#reason);
  }

  protected override startLine(): string | undefined {
    return this.#came ? undefined : `SIP/2.0 ${this.#status} ${this.#reason}\r\n`;
  }

  override clone(): this {
    return new SipResponse(this.#status, this.#reason, this.head.clone(), this.body, this.#came) as this;
  }
}
