import { Dialog } from "../dialog.ts";
import { createResponse } from "../message.ts";
import type { Body, HeaderList, SipRequest, SipResponse } from "../message.ts";
import { ServerMachine } from "../transaction/serverTransaction.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { BaseUsage } from "./base.ts";
import { pick } from "../chance.ts";
import { localResponse } from "./context.ts";
import type { UsageContext } from "./context.ts";
import { describesSession } from "./offerAnswer.ts";
import { ReliableSender, wants100rel } from "./reliable.ts";
import { TimerBank } from "../transaction/timerBank.ts";
import type { InviteEvents, ProgressOptions } from "./usage.ts";

type AcceptOptions = { headers?: HeaderList; body?: Body };

/**
 * The side that got the INVITE (RFC 3261 §13.3).
 *
 *     | INVITE                       accept, PRACK: 200
 *     v        progress: 18x         accept: 200                 ACK
 *    calling -----------------> early ---------> accepted ---------------> confirmed
 *     | |                       ^ | |             ^ ^ | |                       |
 *     | | progress, each minute `-' | accept: 200 | `-' | T1, doubling up to    |
 *     | | of silence: 18x           |             |     | T2: 200 again         |
 *     | `---------------------------|-------------'     |                       |
 *     | reject: 3xx-6xx             |                   | bye: BYE after the    | bye: BYE, ended
 *     | CANCEL, BYE: 487, cancelled |                   | ACK, ended            | BYE: 200, ended
 *     | no PRACK in 64*T1: 504,     |                   | BYE: 200, ended       | 481, 408 to a request
 *     | ended                       |                   | no ACK in 64*T1:      | of ours: ended
 *     | after accept too            |                   | BYE, ended            |
 *     `-----------------------------+---> terminated <--+-----------------------'
 *
 * In early the last 18x goes again each minute; accept while a PRACK is due: the 200 goes after it.
 */
export class CalleeUsage extends BaseUsage {
  override readonly role = "callee";
  readonly #transaction: ServerTransaction;
  readonly #reliable: ReliableSender;
  readonly #ringing: TimerBank<"again">;
  /** The 2xx that waits for a PRACK. */
  #deferred: SipResponse | undefined;
  /** bye() that waits for the ACK. */
  #deferredBye: { send(): void; drop(): void } | undefined;

  constructor(context: UsageContext, transaction: ServerTransaction, events: InviteEvents) {
    super(context, transaction.request, transaction.hop, events);
    this.#transaction = transaction;
    const { clock, layer, random } = context;
    this.#reliable = new ReliableSender(transaction, {
      clock,
      t1: layer.timers.t1,
      first: pick(random, 1, 0x7fff_ffff),
      onTimeout: () => this.#prackMissing(),
    });
    this.#ringing = new TimerBank(clock);
    this.offers.note("remote", transaction.request);
    transaction.onCancel = (cancel) => this.#cancelled(cancel);
    if (transaction.state !== "proceeding") this.#tooLate();
  }

  /** The INVITE was cancelled (or answered) before its owner took it on. */
  #tooLate(): void {
    this.enter("terminated");
    const { cancel } = this.#transaction instanceof ServerMachine ? this.#transaction : {};
    if (cancel) this.context.clock.setTimer(0, () => this.context.guard(() => this.events.cancelled?.(cancel)));
  }

  override progress(status: number, options: ProgressOptions = {}): void {
    if (this.state !== "calling" && this.state !== "early") return;
    if (status <= 100 || status >= 200) throw new RangeError(`progress() sends 101 to 199, not ${status}`);
    const { reliable = false, ...rest } = options;
    const response = this.#response(status, rest);
    if (!this.dialog) this.own(Dialog.uas(this.invite, response));
    this.enter("early");
    if (reliable && wants100rel(this.invite)) {
      this.offers.note("local", response);
      this.#reliable.send(response);
    } else {
      this.#transaction.respond(response);
    }
    // RFC 3261 §13.3.1.1, RFC 3262 §3: proxies on the way give up (timer C) unless they hear something now and then.
    const { body: _, ...again } = options;
    this.#ringing.start("again", 60_000, () => this.progress(status, again));
  }

  override accept(options: AcceptOptions = {}): void {
    if (this.state !== "calling" && this.state !== "early") return;
    const response = this.#response(200, options);
    // RFC 3262 §3: no 2xx while a response with a session description waits for its PRACK.
    if (this.#reliable.pending) this.#deferred ??= response;
    else this.#acceptWith(response);
  }

  #acceptWith(response: SipResponse): void {
    const dialog = this.dialog ?? Dialog.uas(this.invite, response);
    dialog.confirm(response);
    this.#ringing.stopAll();
    this.offers.note("local", response);
    this.own(dialog);
    this.enter("accepted");
    this.#transaction.respond(response);
    this.awaitAck(this.#transaction, response);
  }

  override reject(status: number, options: { reason?: string; headers?: HeaderList; body?: Body } = {}): void {
    if (status < 300 || status > 699) throw new RangeError(`reject() sends 300 to 699, not ${status}`);
    const response = this.#response(status, options);
    if (!this.#stop()) return;
    this.enter("terminated");
    this.#transaction.respond(response);
  }

  override end(headers: HeaderList = []): void {
    if (this.#deferred || (this.state !== "calling" && this.state !== "early")) this.bye(headers);
    else this.reject(480, { headers });
  }

  override close(): void {
    this.#reliable.stop();
    this.#ringing.stopAll();
    this.#deferredBye?.drop();
    super.close();
  }

  protected override hangUp(headers: HeaderList): Promise<SipResponse> {
    const { dialog, state } = this;
    if (this.#deferred && this.#stop()) {
      // Accepted by the owner, but the 2xx has not gone yet.
      this.#transaction.reply(480, { headers });
      this.finish({ by: "local" });
    }
    if (!dialog || (state !== "accepted" && state !== "confirmed")) {
      return Promise.resolve(localResponse(this.invite, 481));
    }
    const bye = dialog.createRequest("BYE", headers);
    let answered: Promise<SipResponse>;
    if (state === "confirmed") {
      answered = this.sendBye(bye);
    } else {
      // RFC 3261 §15: the callee's BYE waits for the ACK, or until none can come any more.
      const { promise, resolve } = Promise.withResolvers<SipResponse>();
      this.#deferredBye = {
        send: () => resolve(this.sendBye(bye)),
        drop: () => resolve(localResponse(this.invite, 481)),
      };
      answered = promise;
    }
    this.finish({ by: "local" });
    return answered;
  }

  protected override acknowledged(ack: SipRequest): void {
    if (this.#deferredBye) return this.#deferredBye.send();
    this.enter("confirmed");
    return super.acknowledged(ack);
  }

  protected override ackMissing(): void {
    if (this.#deferredBye) this.#deferredBye.send();
    else super.ackMissing();
  }

  protected override byeTooEarly(transaction: ServerTransaction): void {
    // RFC 3261 §15: a caller may end an early dialog by BYE; the INVITE gets 487 (§15.1.2).
    transaction.reply(200);
    this.#cancelled(transaction.request);
  }

  protected override hungUp(): void {
    this.#deferredBye?.drop();
  }

  protected override receivePrack(transaction: ServerTransaction, dialog: Dialog): void {
    const { request } = transaction;
    if (!this.#reliable.acknowledge(request.get("RAck"))) return transaction.reply(481);
    if (describesSession(request) && this.offers.offerer !== "local") {
      this.watch(transaction, dialog);
      this.deliver(transaction);
    } else {
      this.offers.note("remote", request);
      transaction.reply(200);
    }
    this.#reliable.next();
    this.context.guard(() => this.events.pracked?.(request));
    const deferred = this.#deferred;
    this.#deferred = this.#reliable.pending ? deferred : undefined;
    if (deferred && !this.#deferred && this.state === "early") this.#acceptWith(deferred);
    return undefined;
  }

  #cancelled(request: SipRequest): void {
    if (!this.#stop()) return;
    this.enter("terminated");
    this.#transaction.reply(487);
    this.context.guard(() => this.events.cancelled?.(request));
  }

  // RFC 3262 §3: no PRACK in 64*T1, so the INVITE is rejected with a 5xx.
  #prackMissing(): void {
    if (!this.#stop()) return;
    this.#transaction.reply(504);
    this.finish({ by: "timeout" });
  }

  /** Stops what runs until a final response; false if there has been one. */
  #stop(): boolean {
    if (this.state !== "calling" && this.state !== "early") return false;
    this.#reliable.stop();
    this.#ringing.stopAll();
    this.disown();
    return true;
  }

  #response(status: number, options: AcceptOptions & { reason?: string }): SipResponse {
    return createResponse(this.invite, status, { toTag: this.#transaction.localTag, ...options });
  }
}
