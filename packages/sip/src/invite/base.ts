import type { Dialog } from "../dialog.ts";
import type { Body, HeaderList, SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import { ServerMachine } from "../transaction/serverTransaction.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { Acceptance } from "./acceptance.ts";
import { pick } from "../chance.ts";
import { localResponse } from "./context.ts";
import type { DialogUsage, UsageContext } from "./context.ts";
import { OfferAnswer, describesSession, isSessionType, offering } from "./offerAnswer.ts";
import { ReliableReceiver } from "./reliable.ts";
import type { InviteEnd, InviteEvents, InviteState, InviteUsage, ProgressOptions } from "./usage.ts";

const reachable: Readonly<Record<InviteState, readonly InviteState[]>> = {
  calling: ["early", "accepted", "terminated"],
  early: ["accepted", "terminated"],
  accepted: ["confirmed", "terminated"],
  confirmed: ["terminated"],
  terminated: [],
};

/**
 * What caller and callee share: the dialog once it stands, its requests both ways, its end. `CallerUsage` and `CalleeUsage` draw
 * how one state leads to another.
 */
export abstract class BaseUsage implements InviteUsage, DialogUsage {
  abstract readonly role: "caller" | "callee";
  readonly invite: SipRequest;
  hop: Hop;
  protected readonly context: UsageContext;
  protected readonly events: InviteEvents;
  protected readonly offers: OfferAnswer = new OfferAnswer();
  readonly #owned = new Set<string>();
  readonly #acceptances = new Map<number, Acceptance>();
  readonly #reliable = new ReliableReceiver();
  /** The peer's requests in progress: while one is, another of its kind is refused. */
  readonly #pending = new Map<string, ServerMachine>();
  /** The PRACK that waits for the answer to the offer it acknowledges. */
  #heldPrack: { dialog: Dialog; rack: string } | undefined;
  #inviting = false;
  #state: InviteState = "calling";
  #dialog: Dialog | undefined;

  constructor(context: UsageContext, invite: SipRequest, hop: Hop, events: InviteEvents) {
    this.context = context;
    this.invite = invite;
    this.hop = hop;
    this.events = events;
  }

  get state(): InviteState {
    return this.#state;
  }

  get dialog(): Dialog | undefined {
    return this.#dialog;
  }

  // What is only for the other role.
  ack(_body?: Body): void {
    this.#notFor();
  }

  cancel(_headers?: HeaderList): void {
    this.#notFor();
  }

  progress(_status: number, _options?: ProgressOptions): void {
    this.#notFor();
  }

  accept(_options?: { headers?: HeaderList; body?: Body }): void {
    this.#notFor();
  }

  reject(_status: number, _options?: { reason?: string; headers?: HeaderList; body?: Body }): void {
    this.#notFor();
  }

  #notFor(): never {
    throw new TypeError(`not for a ${this.role}`);
  }

  abstract end(headers?: HeaderList): void;
  /** Ends an established call; resolves with the response to the BYE. */
  protected abstract hangUp(headers: HeaderList): Promise<SipResponse>;
  /** A BYE before the call was established. */
  protected abstract byeTooEarly(transaction: ServerTransaction): void;
  protected abstract receivePrack(transaction: ServerTransaction, dialog: Dialog): void;
  /** The peer has hung up. */
  protected abstract hungUp(): void;

  prack(body: Body): void {
    const held = this.#heldPrack;
    if (!held || this.#state === "terminated") return;
    this.#heldPrack = undefined;
    this.#sendPrack(held.dialog, held.rack, body);
  }

  bye(headers: HeaderList = []): void {
    void this.hangUp(headers);
  }

  request(method: string, options: { headers?: HeaderList; body?: Body } = {}): Promise<SipResponse> {
    const dialog = this.#dialog;
    if (method === "BYE") return this.hangUp(options.headers ?? []);
    if (!dialog || this.#state === "terminated") return Promise.resolve(localResponse(this.invite, 481));
    const inviting = method === "INVITE";
    // RFC 3261 §14.1: not while another INVITE is in progress in either direction.
    const busy = inviting && (this.#state !== "confirmed" || this.#inviting || this.#pending.has("INVITE"));
    // RFC 3311 §5.1: no offer while another waits for its answer.
    const offers = inviting || (offering.has(method) && isSessionType(options.body?.type ?? ""));
    const glare = offers && this.offers.offerer !== undefined;
    if (busy || glare) return Promise.resolve(localResponse(this.invite, 491));
    return this.#transact(dialog, dialog.createRequest(method, options.headers, options.body));
  }

  /** A request of one of our dialogs. */
  receive(transaction: ServerTransaction, dialog: Dialog): void {
    const { request } = transaction;
    // RFC 3261 §12.2.2
    if (dialog.accepts(request) === "old") return transaction.reply(500, { reason: "CSeq Out Of Order" });
    if (request.method === "BYE") return this.#receiveBye(transaction);
    if (this.#state === "terminated") return transaction.reply(481);
    if (request.method === "PRACK") return this.receivePrack(transaction, dialog);
    if (request.method === "INVITE" || request.method === "UPDATE") return this.#receiveOffer(transaction, dialog);
    return this.deliver(transaction);
  }

  /** An ACK to a 2xx of ours. */
  receiveAck(ack: SipRequest): void {
    const acceptance = this.#acceptances.get(ack.cseq.number);
    if (!acceptance) return;
    acceptance.stop();
    this.#acceptances.delete(ack.cseq.number);
    this.offers.note("remote", ack);
    this.acknowledged(ack);
  }

  /** Of an INVITE inside the dialog: whoever repeats its 2xx for longer than 64*T1 is not helped by one more ACK. */
  receiveLate2xx(_response: SipResponse): void {}

  /** Stops all timers, tells nobody. */
  close(): void {
    this.#state = "terminated";
    this.stopTimers();
    this.disown();
  }

  /** False when the present state does not lead there. */
  protected enter(state: InviteState): boolean {
    if (!reachable[this.#state].includes(state)) return false;
    this.#state = state;
    return true;
  }

  /** Takes requests of this dialog; it becomes the usage's. */
  protected own(dialog: Dialog): void {
    this.#dialog = dialog;
    this.#owned.add(dialog.id);
    this.context.register(dialog.id, this, dialog);
  }

  protected disown(...only: string[]): void {
    for (const id of only.length > 0 ? only : [...this.#owned]) {
      this.#owned.delete(id);
      this.context.unregister(id);
    }
  }

  /** The call is over; its dialogs stay known until `disown`. Told once. */
  protected finish(end: InviteEnd): void {
    if (!this.enter("terminated")) return;
    for (const transaction of this.#pending.values()) transaction.reply(487);
    this.context.guard(() => this.events.ended(end));
  }

  protected stopTimers(): void {
    for (const acceptance of this.#acceptances.values()) acceptance.stop();
    this.#acceptances.clear();
  }

  protected acknowledged(ack: SipRequest): void {
    this.context.guard(() => this.events.acknowledged?.(ack));
  }

  /** Our 2xx to an INVITE has been sent. */
  protected awaitAck(transaction: ServerTransaction, response: SipResponse): void {
    const { clock, layer } = this.context;
    const { number } = transaction.request.cseq;
    const timeout = (): void => {
      this.#acceptances.delete(number);
      this.ackMissing();
    };
    this.#acceptances.set(number, new Acceptance(clock, layer.timers, transaction, response, timeout));
  }

  /** RFC 3261 §13.3.1.4, §14.2: no ACK in 64*T1 ends the dialog. */
  protected ackMissing(): void {
    this.finish({ by: "timeout" });
    if (this.#dialog) void this.sendBye(this.#dialog.createRequest("BYE"));
  }

  protected sendBye(bye: SipRequest): Promise<SipResponse> {
    this.stopTimers();
    const { promise, resolve } = Promise.withResolvers<SipResponse>();
    const over = (response: SipResponse): void => {
      this.disown();
      resolve(response);
    };
    this.context.layer.request(bye, this.hop, {
      response: (response) => response.status >= 200 && over(response),
      failed: (why) => over(localResponse(bye, why === "timeout" ? 408 : 503)),
    });
    return promise;
  }

  /** False for a repetition. Sends the PRACK of a reliable one (RFC 3262 §4). */
  protected takeProvisional(response: SipResponse, dialog: Dialog | undefined): boolean {
    const verdict = this.#reliable.take(response);
    if (verdict === "drop") return false;
    if (verdict === "plain" || !dialog) return true;
    this.offers.note("remote", response);
    // RFC 3262 §5: an offer in a reliable response is answered in its PRACK.
    if (this.offers.offerer === "remote") this.#heldPrack = { dialog, rack: verdict.rack };
    else this.#sendPrack(dialog, verdict.rack);
    return true;
  }

  #sendPrack(dialog: Dialog, rack: string, body?: Body): void {
    const prack = dialog.createRequest("PRACK", [["RAck", rack]], body);
    this.offers.note("local", prack);
    this.context.layer.request(prack, this.hop, {
      response: (response) => this.offers.note("remote", response),
      failed() {},
    });
  }

  #transact(dialog: Dialog, request: SipRequest): Promise<SipResponse> {
    const { promise, resolve } = Promise.withResolvers<SipResponse>();
    const { layer } = this.context;
    const { method, number } = request.cseq;
    let ack: SipRequest | undefined;
    if (method === "INVITE") this.#inviting = true;
    this.offers.note("local", request);
    const over = (response: SipResponse): void => {
      if (method === "INVITE") this.#inviting = false;
      this.offers.note("remote", response);
      resolve(response);
      this.#judge(response);
    };
    layer.request(request, this.hop, {
      response: (response) => {
        if (response.status < 200) {
          this.takeProvisional(response, dialog);
          return;
        }
        if (response.status < 300 && method === "INVITE") {
          ack ??= dialog.createAck(number);
          layer.sendAck(ack, this.hop);
        }
        if (response.status < 300 && (method === "INVITE" || method === "UPDATE")) dialog.updateTarget(response);
        over(response);
      },
      failed: (why) => over(localResponse(request, why === "timeout" ? 408 : 503)),
    });
    return promise;
  }

  // RFC 3261 §12.2.1.2, RFC 5057 §5.1: 481 and 408 end the usage. A lost way does not: the flow may be replaced.
  #judge(response: SipResponse): void {
    if (this.#state !== "confirmed") return;
    if (response.status === 481) {
      this.stopTimers();
      this.finish({ by: "peer", message: response });
      this.disown();
    } else if (response.status === 408) {
      this.finish({ by: "timeout", message: response });
      if (this.#dialog) void this.sendBye(this.#dialog.createRequest("BYE"));
    }
  }

  #receiveBye(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (this.#state === "calling" || this.#state === "early") return this.byeTooEarly(transaction);
    transaction.reply(200);
    this.hungUp();
    // RFC 3261 §15: both may say BYE at once; the one that came second changes nothing.
    this.stopTimers();
    this.finish({ by: "peer", message: request });
    this.disown();
    return undefined;
  }

  /** INVITE and UPDATE refresh the target and may carry an offer. */
  #receiveOffer(transaction: ServerTransaction, dialog: Dialog): void {
    const { request } = transaction;
    const { method } = request;
    const invite = method === "INVITE";
    const early = this.#state === "calling" || this.#state === "early";
    const offers = invite || describesSession(request);
    // RFC 3261 §14.2, RFC 3311 §5.2: the peer's last one has not been answered.
    const unanswered = this.#pending.has(method) || (offers && this.offers.offerer === "remote");
    if (unanswered || (invite && early && this.role === "callee")) {
      return transaction.reply(500, { headers: [["Retry-After", String(pick(this.context.random, 0, 10))]] });
    }
    // RFC 3261 §14.2, RFC 3311 §5.2: ours has not been answered.
    const waiting = this.role === "caller" && (early || this.#state === "accepted");
    const glare = (offers && this.offers.offerer === "local") || (invite && (waiting || this.#inviting));
    if (glare) return transaction.reply(491);
    this.watch(transaction, dialog);
    return this.deliver(transaction);
  }

  /** Follows a request of the peer that may carry an offer until its final response. */
  protected watch(transaction: ServerTransaction, dialog: Dialog): void {
    // Always one of our own machines; the public interface leaves out what only a usage may touch.
    if (!(transaction instanceof ServerMachine)) return;
    const { request } = transaction;
    this.offers.note("remote", request);
    this.#pending.set(request.method, transaction);
    const over = (response: SipResponse): void => {
      this.#pending.delete(request.method);
      this.offers.note("local", response);
    };
    transaction.observer = {
      responded: (response) => {
        if (response.status < 200) return;
        over(response);
        if (response.status >= 300) return;
        if (request.method !== "PRACK") dialog.updateTarget(request);
        if (request.method === "INVITE") this.awaitAck(transaction, response);
      },
      unanswered: () => over(localResponse(request, 408)),
    };
  }

  /** Hands a request to the owner of the call. */
  protected deliver(transaction: ServerTransaction): void {
    const { method } = transaction.request;
    if (!this.events.request) return transaction.reply(offering.has(method) ? 488 : 501);
    if (!this.context.guard(() => this.events.request?.(transaction))) transaction.reply(500);
    return undefined;
  }
}
