import type { Dialog } from "../dialog.ts";
import type { Body, HeaderList, SipMessage, SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";

/**
 * calling: INVITE sent or received, nothing said; early: a provisional response with a tag; accepted: 2xx, no ACK yet; confirmed:
 * ACK sent or received; terminated: rejected, cancelled or ended.
 */
export type InviteState = "calling" | "early" | "accepted" | "confirmed" | "terminated";

/**
 * Who ended an established call, and with what.
 *
 * @example
 * const inWords = ({ by, message }: InviteEnd): string =>
 *   by === "peer" ? `hung up: ${message?.get("Reason") ?? "no reason given"}` : by;
 */
export interface InviteEnd {
  readonly by: "peer" | "local" | "timeout";
  readonly message?: SipMessage;
}

/** What happens to an {@link InviteUsage}. Exactly one of `rejected`, `cancelled` and `ended` is the last event. */
export interface InviteEvents {
  /** Caller: a 101-199. Repeated reliable ones are left out, and PRACK has been sent (RFC 3262). */
  progress?(response: SipResponse): void;
  /** Caller: the first 2xx; {@link InviteUsage.ack} is due. Another fork's 2xx is acknowledged and ended inside. */
  accepted?(response: SipResponse): void;
  /** Caller: 3xx-6xx; or made here: 408 nobody answered, 503 no way, 487 a 2xx that crossed our CANCEL has been ended. */
  rejected?(response: SipResponse): void;
  /** Callee: the PRACK of a reliable response, answered 200; its body, if any, answers the offer in that response. */
  pracked?(prack: SipRequest): void;
  /** Callee: the ACK to our 2xx. Both: the ACK to our 2xx to a re-INVITE. */
  acknowledged?(ack: SipRequest): void;
  /** Callee: the caller gave up before our 2xx, by CANCEL or by BYE; 487 has been sent. */
  cancelled?(request: SipRequest): void;
  /**
   * A request inside the dialog other than ACK, BYE, CANCEL and PRACK; also a PRACK with a new offer, which has counted already
   * but needs its answer (RFC 3262 §5). Left out: those that may offer get 488, others 501.
   */
  request?(transaction: ServerTransaction): void;
  /** The call is over after it was accepted, or (callee) a reliable response was never acknowledged. */
  ended(end: InviteEnd): void;
}

/** What a provisional response says beside its status. */
export interface ProgressOptions {
  reason?: string;
  headers?: HeaderList;
  body?: Body;
  /** Sent again until PRACK comes, if the caller supports 100rel (RFC 3262 §3); else plain. */
  reliable?: boolean;
}

/**
 * One INVITE dialog usage (RFC 5057), as caller or as callee. A call that does not fit the state is ignored: the peer was faster.
 *
 * @example
 * const answering = new UserAgent({
 *   clock,
 *   random,
 *   onRequest: (tx) => {
 *     if (tx.request.method !== "INVITE") return tx.reply(501);
 *     const usage: InviteUsage = answering.accept(tx, { ended: ({ by }) => console.log(by) });
 *     usage.progress(180, { reliable: true });
 *     usage.accept({ headers: [["Contact", "<sip:ken@192.0.2.4>"]], body: { type: "application/sdp", text: sdp } });
 *     return undefined;
 *   },
 * });
 */
export interface InviteUsage {
  readonly role: "caller" | "callee";
  readonly state: InviteState;
  readonly invite: SipRequest;
  /** The confirmed dialog, or the latest early one. */
  readonly dialog: Dialog | undefined;
  /** The way of further requests; to be set when a flow is replaced. Transactions under way stay on theirs. */
  hop: Hop;
  /** Caller, once, after `accepted`. Sent again by itself on each repeated 2xx. */
  ack(body?: Body): void;
  /**
   * Caller: answers the offer that came in a reliable response to an INVITE without one (RFC 3262 §5). Every other PRACK goes by
   * itself.
   */
  prack(body: Body): void;
  /** Caller: CANCEL, after a provisional response has come (RFC 3261 §9.1). A 2xx that crosses is ACKed and ended. */
  cancel(headers?: HeaderList): void;
  /** Callee: a 101-199. One after another if reliable: the next waits for the PRACK of the last (RFC 3262 §3). */
  progress(status: number, options?: ProgressOptions): void;
  /** Callee: 200, sent again until the ACK; waits for outstanding PRACKs. No ACK in 64*T1: BYE, `ended` by timeout. */
  accept(options?: { headers?: HeaderList; body?: Body }): void;
  /** Callee: 300-699. */
  reject(status: number, options?: { reason?: string; headers?: HeaderList; body?: Body }): void;
  /** BYE after a 2xx. A callee's waits for the ACK (RFC 3261 §15). `ended` comes before this returns. */
  bye(headers?: HeaderList): void;
  /**
   * A request inside the dialog: INVITE (again; acknowledged inside), UPDATE, INFO, MESSAGE and others. Resolves with the final
   * response, or one made here: 408 no answer, 481 no dialog, 491 an INVITE is under way, 503 no way. Never rejects.
   */
  request(method: string, options?: { headers?: HeaderList; body?: Body }): Promise<SipResponse>;
  /** Whatever ends it in the present state: CANCEL, 480 or BYE. */
  end(headers?: HeaderList): void;
}
