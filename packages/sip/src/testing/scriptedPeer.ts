import { Dialog } from "../dialog.ts";
import { createResponse, SipRequest, SipResponse } from "../message.ts";
import type { Body, HeaderList, ResponseOptions, SipMessage } from "../message.ts";
import type { Clock, Hop } from "../ports.ts";
import { VirtualClock } from "./virtualClock.ts";

/** What a {@link ScriptedPeer} is given. */
export interface ScriptedPeerOptions {
  readonly clock: Clock;
  /** The way the peer sends. */
  readonly hop: Hop;
  /** Its Contact value, put into what needs one; `<sip:peer@peer.invalid>` if left out. */
  readonly contact?: string;
}

/** Methods whose 101-299 need a Contact and make a dialog. */
const opening: ReadonlySet<string> = new Set(["INVITE", "SUBSCRIBE"]);

/**
 * A peer whose every message is written by the test. It has no transactions, sends nothing again and answers nothing by itself, so
 * that a test sees each repetition and can break each rule. A message that is not the one the script expects next fails the test
 * with the whole conversation. With a {@link VirtualClock} expecting turns the clock; with a real one it waits.
 *
 * @example
 * const bob = new ScriptedPeer({ clock, hop: wire.right });
 * wire.onRight = bob.receive;
 * const call = alice.invite(invite, wire.left, events);
 * const received = await bob.expectRequest("INVITE");
 * bob.reply(received, 180);
 * bob.reply(received, 200);
 * await bob.expectRequest("ACK");
 * bob.request("BYE");
 * await bob.expectResponse(200);
 * await bob.expectNothing(1000);
 */
export class ScriptedPeer {
  /** The dialog of the last INVITE or SUBSCRIBE that was answered with a tag. */
  dialog: Dialog | undefined;
  /** The conversation in short: `<- INVITE`, `-> 180 INVITE`. */
  readonly log: string[] = [];
  readonly #clock: Clock;
  readonly #hop: Hop;
  readonly #contact: string;
  readonly #waiting: SipMessage[] = [];
  readonly #rules = new Map<string, (request: SipRequest) => void>();
  #sent: SipRequest | undefined;
  #count = 0;

  constructor(options: ScriptedPeerOptions) {
    this.#clock = options.clock;
    this.#hop = options.hop;
    this.#contact = options.contact ?? "<sip:peer@peer.invalid>";
  }

  /** Takes in a message; may be handed on without the peer. */
  readonly receive = (message: SipMessage): void => {
    this.log.push(`<- ${title(message)}`);
    const rule = message instanceof SipRequest ? this.#rules.get(message.method) : undefined;
    if (rule && message instanceof SipRequest) rule(message);
    else this.#waiting.push(message);
  };

  /** Every request of this method goes to `handle` from now on, and is not expected. */
  on(method: string, handle: (request: SipRequest) => void): this {
    this.#rules.set(method, handle);
    return this;
  }

  /** The next message, which must be a request of this method. @param within milliseconds, 1000 if left out */
  async expectRequest(method: string, within = 1000): Promise<SipRequest> {
    const message = await this.#next(method, within);
    if (message instanceof SipRequest && message.method === method) return message;
    throw this.#failure(`expected ${method}, got ${title(message)}`);
  }

  /** The next message, which must be a response with this status. @param within milliseconds, 1000 if left out */
  async expectResponse(status: number, within = 1000): Promise<SipResponse> {
    const message = await this.#next(String(status), within);
    if (!(message instanceof SipResponse) || message.status !== status) {
      throw this.#failure(`expected ${status}, got ${title(message)}`);
    }
    if (this.#sent && opening.has(message.cseq.method) && message.toTag !== undefined && status < 300) {
      this.dialog = Dialog.uac(this.#sent, message);
    }
    return message;
  }

  /** Nothing comes for so many milliseconds. */
  async expectNothing(ms: number): Promise<void> {
    if (this.#waiting.length === 0) await this.#pass(ms);
    const [message] = this.#waiting;
    if (message) throw this.#failure(`expected nothing, got ${title(message)}`);
  }

  /** Answers a request; 101 to 299 to INVITE and SUBSCRIBE get a Contact and make {@link dialog}. */
  reply(request: SipRequest, status: number, options: ResponseOptions = {}): SipResponse {
    const opens = opening.has(request.method) && status > 100 && status < 300;
    const response = createResponse(request, status, { toTag: "peer", ...options });
    if (opens && !response.has("Contact")) response.add("Contact", this.#contact);
    if (opens && request.toTag === undefined && this.dialog?.callId !== request.callId) {
      this.dialog = Dialog.uas(request, response);
    }
    return this.#out(response);
  }

  /** Sends a request inside {@link dialog}. @throws Error without one */
  request(method: string, options: { headers?: HeaderList; body?: Body } = {}): SipRequest {
    if (!this.dialog) throw this.#failure(`no dialog for ${method}`);
    return this.send(this.dialog.createRequest(method, options.headers, options.body));
  }

  /** Sends the ACK to a 2xx that was expected. */
  ack(body?: Body): SipRequest {
    if (!this.dialog || !this.#sent) throw this.#failure("nothing to acknowledge");
    return this.send(this.dialog.createAck(this.#sent.cseq.number, body));
  }

  /** Sends any request, with a Via of the peer's own on top if it has none. */
  send(request: SipRequest): SipRequest {
    const out = request.clone();
    this.#count += 1;
    if (!out.has("Via")) {
      out.prepend("Via", `SIP/2.0/${this.#hop.protocol} ${this.#hop.sentBy};branch=z9hG4bKpeer${this.#count}`);
    }
    if (opening.has(out.method)) this.#sent = out;
    return this.#out(out);
  }

  #out<M extends SipMessage>(message: M): M {
    this.log.push(`-> ${title(message)}`);
    if (!this.#hop.send(message.toOctets())) throw this.#failure("the way is gone");
    return message;
  }

  async #next(what: string, within: number): Promise<SipMessage> {
    const end = this.#clock.now() + within;
    while (this.#waiting.length === 0 && this.#clock.now() < end) {
      await this.#pass(Math.min(5, end - this.#clock.now()));
    }
    const message = this.#waiting.shift();
    if (!message) throw this.#failure(`expected ${what}, got nothing in ${within} ms`);
    return message;
  }

  async #pass(ms: number): Promise<void> {
    const clock = this.#clock;
    if (clock instanceof VirtualClock) await clock.settle(ms);
    else await new Promise<void>((resolve) => void clock.setTimer(ms, resolve));
  }

  #failure(text: string): Error {
    return new Error(`${text}\n${this.log.map((line) => `  ${line}`).join("\n")}`);
  }
}

function title(message: SipMessage): string {
  return message instanceof SipRequest ? message.method : `${message.status} ${message.cseq.method}`;
}
