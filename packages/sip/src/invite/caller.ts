import { Dialog } from "../dialog.ts";
import type { Body, HeaderList, SipRequest, SipResponse } from "../message.ts";
import type { ClientTransaction } from "../transaction/clientTransaction.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { BaseUsage } from "./base.ts";
import { localResponse } from "./context.ts";

/**
 * The side that sent the INVITE (RFC 3261 §13.2). Several early dialogs become one call: the first 2xx wins.
 *
 *     | INVITE sent
 *     v        101-199: tell          2xx: tell               ack: ACK
 *    calling -----------------> early ---------> accepted ---------------> confirmed
 *     | |                       ^ | |             ^ ^ | |                   ^ | |
 *     | |      101-199: tell,   `-' |             | `-' | 2xx of another    `-' | 2xx of another
 *     | |      PRACK if reliable    |   2xx: tell |     | branch: ACK, BYE      | branch: ACK, BYE
 *     | `---------------------------|-------------'     |                       | 2xx again: ACK again
 *     |                             |                   |                       |
 *     | 3xx-6xx, 408, 503: rejected |                   | bye: ACK, BYE, ended  | bye: BYE, ended
 *     | cancel, then 2xx:           |                   | BYE: ACK, 200, ended  | BYE: 200, ended
 *     |   ACK, BYE, rejected        |                   |                       | 481, 408 to a request
 *     |                             |                   |                       | of ours: ended
 *     `-----------------------------+---> terminated <--+-----------------------'
 *
 * In accepted and confirmed a 2xx of another branch gets ACK and BYE, the first one again its ACK again.
 */
export class CallerUsage extends BaseUsage {
  override readonly role = "caller";
  /** By remote tag: those that have said something, until one of them has accepted. */
  readonly #early = new Map<string, Dialog>();
  /** By remote tag: the ACK to each 2xx, for its repetitions. */
  readonly #acks = new Map<string, SipRequest>();
  #transaction: ClientTransaction | undefined;
  #cancelled = false;

  /** Sends the INVITE. */
  start(): void {
    this.offers.note("local", this.invite);
    this.#transaction = this.context.layer.request(this.invite, this.hop, {
      response: (response) => this.#response(response),
      failed: (why) => this.#rejected(localResponse(this.invite, why === "timeout" ? 408 : 503)),
    });
  }

  override ack(body?: Body): void {
    const { dialog } = this;
    if (!dialog || !this.enter("confirmed")) return;
    this.offers.note("local", this.#sendAck(dialog, body));
  }

  override cancel(headers: HeaderList = []): void {
    if (this.state !== "calling" && this.state !== "early") return;
    this.#transaction?.cancel(headers);
    this.#cancelled = true;
  }

  override end(headers: HeaderList = []): void {
    if (this.state === "calling" || this.state === "early") this.cancel(headers);
    else this.bye(headers);
  }

  /** The peer has missed the ACK. */
  override receiveLate2xx(response: SipResponse): void {
    const ack = response.cseq.number === this.invite.cseq.number ? this.#acks.get(response.toTag ?? "") : undefined;
    if (ack) this.context.layer.sendAck(ack, this.hop);
  }

  protected override hangUp(headers: HeaderList): Promise<SipResponse> {
    const { dialog } = this;
    if (!dialog || (this.state !== "accepted" && this.state !== "confirmed")) {
      return Promise.resolve(localResponse(this.invite, 481));
    }
    // RFC 3261 §13.2.2.4: every 2xx gets its ACK, before the BYE.
    if (this.state === "accepted") this.ack();
    const answered = this.sendBye(dialog.createRequest("BYE", headers));
    this.finish({ by: "local" });
    return answered;
  }

  protected override byeTooEarly(transaction: ServerTransaction): void {
    // RFC 3261 §15: a callee has no BYE before it has sent a 2xx and got the ACK.
    transaction.reply(481);
  }

  protected override hungUp(): void {
    // RFC 3261 §13.2.2.4: every 2xx gets its ACK, even when the BYE was faster than our user.
    if (this.state === "accepted") this.ack();
  }

  protected override receivePrack(transaction: ServerTransaction): void {
    // RFC 3262 §3: acknowledges nothing we sent.
    transaction.reply(481);
  }

  #response(response: SipResponse): void {
    if (response.status < 200) this.#provisional(response);
    else if (response.status < 300) this.#accepted(response);
    else this.#rejected(response);
  }

  #provisional(response: SipResponse): void {
    if (response.status === 100 || (this.state !== "calling" && this.state !== "early")) return;
    const tag = response.toTag;
    if (response.status === 199) {
      // RFC 6228 §4: this early dialog is over, the call is not.
      this.#dropEarly(tag);
    } else if (tag !== undefined && !this.#early.has(tag)) {
      const dialog = Dialog.uac(this.invite, response);
      this.#early.set(tag, dialog);
      this.own(dialog);
    }
    this.enter("early");
    if (!this.takeProvisional(response, tag === undefined ? undefined : this.#early.get(tag))) return;
    this.context.guard(() => this.events.progress?.(response));
  }

  #accepted(response: SipResponse): void {
    const tag = response.toTag ?? "";
    const ack = this.#acks.get(tag);
    if (ack) {
      this.context.layer.sendAck(ack, this.hop);
      return;
    }
    const first = this.state === "calling" || this.state === "early";
    // The first 2xx again, while its owner has not acknowledged it yet.
    if (!first && this.dialog?.remoteTag === tag && this.state === "accepted") return;
    this.offers.note("remote", response);
    const dialog = this.#early.get(tag) ?? Dialog.uac(this.invite, response);
    dialog.confirm(response);
    if (!first || this.#cancelled) {
      // RFC 3261 §13.2.2.4: another branch of the fork, or a 2xx that crossed our CANCEL, is acknowledged and ended.
      this.#sendAck(dialog, undefined);
      this.context.layer.request(dialog.createRequest("BYE"), this.hop, { response() {}, failed() {} });
      if (first) this.#rejected(localResponse(this.invite, 487));
      return;
    }
    this.disown();
    this.#early.clear();
    this.own(dialog);
    this.enter("accepted");
    this.context.guard(() => this.events.accepted?.(response));
  }

  #rejected(response: SipResponse): void {
    if (!this.enter("terminated")) return;
    this.disown();
    this.#early.clear();
    this.context.guard(() => this.events.rejected?.(response));
  }

  #sendAck(dialog: Dialog, body: Body | undefined): SipRequest {
    const ack = dialog.createAck(this.invite.cseq.number, body);
    this.#acks.set(dialog.remoteTag, ack);
    this.context.layer.sendAck(ack, this.hop);
    return ack;
  }

  #dropEarly(tag: string | undefined): void {
    const dialog = tag === undefined ? undefined : this.#early.get(tag);
    if (!dialog) return;
    this.#early.delete(dialog.remoteTag);
    this.disown(dialog.id);
    const last = [...this.#early.values()].at(-1);
    if (last) this.own(last);
  }
}
