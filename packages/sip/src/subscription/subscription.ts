import { Dialog } from "../dialog.ts";
import type { UsageContext } from "../invite/context.ts";
import { createResponse } from "../message.ts";
import type { HeaderList, SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import { readSeconds } from "../seconds.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { endOfNotify, endOfRefusal, readState, sameEvent } from "./state.ts";
import type { SubscriptionEnd } from "./state.ts";

/**
 * What happens to a {@link Subscription}. `ended` is the last event, and comes once unless it is closed before.
 *
 * @example
 * const watched: SubscriptionEvents = {
 *   notified: (notify) => console.log(notify.body),
 *   ended: ({ reason }) => console.log("over:", reason),
 * };
 */
export interface SubscriptionEvents {
  /** Each NOTIFY in its order, also one without a body and the last one; it has been answered 200. */
  notified?(notify: SipRequest): void;
  ended?(end: SubscriptionEnd): void;
}

/** Who hears of a {@link Subscription}, and what its SUBSCRIBEs carry. */
export interface SubscribeOptions extends SubscriptionEvents {
  /** Header fields of further SUBSCRIBEs beside Event, Accept and Expires, which are those of the first. */
  headers?(): HeaderList;
}

/** What a subscription borrows from its user agent; all of them share it. */
export interface SubscriptionContext extends Pick<UsageContext, "clock" | "layer" | "guard"> {
  send(request: SipRequest, hop: Hop): Promise<SipResponse>;
  /** NOTIFYs to the subscription of this key go elsewhere from now on. */
  over(key: string): void;
}

/** Where a {@link Subscription} stands; its drawing tells what leads where. */
export type SubscriptionPhase = "subscribing" | "pending" | "active" | "terminated";

/** Seconds asked for when the SUBSCRIBE names none (RFC 3680 §4.2). */
const usualExpires = 3761;
/** Least seconds between two refreshes, whatever a notifier says. */
const leastWait = 5;

/**
 * The subscriber's side of one subscription (RFC 6665 §4.1), kept alive by refreshes until somebody ends it.
 *
 *                        | SUBSCRIBE
 *                        v
 *    423: again, .->+---------------+    refused; NOTIFY terminated; unsubscribe
 *         longer `--|  subscribing  |---------------------------------------------.
 *                   +---------------+    no NOTIFY in 64*T1 (timer N)             |
 *                     |           |                                               |
 *      NOTIFY pending |           | NOTIFY active                                 |
 *                     v           |                                               |
 *             .->+---------+      |      NOTIFY terminated; refresh 481           |
 *             `--| pending |------|-----------------------------------------------+
 *                +---------+      |      time over; unsubscribe                   |
 *                 |     ^         |      unsubscribe while a refresh runs         |
 *          NOTIFY |     | NOTIFY  |                                               |
 *          active v     | pending v                                               |
 *             .->+------------------+    NOTIFY terminated; refresh 481           |
 *             `--|      active      |---------------------------------------------+
 *                +------------------+    time over; unsubscribe                   |
 *      half time or 600 s before the end: SUBSCRIBE                               v
 *      refresh refused: again, later                                         terminated
 *
 * Lenient where cores depart from the RFC: the first NOTIFY may overtake the 2xx and have any CSeq number; no NOTIFY is awaited
 * after a refresh; a NOTIFY without Subscription-State counts as active. A core that ends what is watched without ending the
 * subscription says so in the body only. Of a forked SUBSCRIBE the first NOTIFY decides: others get 481 (RFC 6665 §4.4.1).
 *
 * @example
 * const watch: Subscription = ua.subscribe(subscribe, hop, {
 *   notified: (notification) => console.log(notification.get("Subscription-State")),
 *   ended: (end) => console.log(watch.phase, end),
 * });
 */
export class Subscription {
  /** The way of further SUBSCRIBEs; to be set when a flow is replaced. */
  hop: Hop;
  readonly #context: SubscriptionContext;
  readonly #key: string;
  readonly #on: SubscribeOptions;
  // What further SUBSCRIBEs have of the first, which is not kept: a server has a subscription for each of its users.
  readonly #event: string;
  readonly #accept: string;
  /** The seconds to ask for. */
  #wanted: number;
  #phase: SubscriptionPhase = "subscribing";
  /** Without a tag of the notifier's until it has answered. */
  #dialog: Dialog;
  /** A NOTIFY has made the dialog; before that a 2xx only suggests it (RFC 6665 §4.4.1). */
  #notified = false;
  #leaving: "no" | "asked" | "said" = "no";
  #busy = true;
  /** Clock time at which its time is over, ms; 0 while it has none. */
  #until = 0;
  /** Stops what waits for the next refresh, or for the end of its time. */
  #stopWake: (() => void) | undefined;
  /** Stops timer N. */
  #stopN: (() => void) | undefined;

  /**
   * @param key by which its user agent knows it
   * @param request a SUBSCRIBE with Event, Contact, From tag, Call-ID and CSeq, without Via
   */
  constructor(context: SubscriptionContext, key: string, request: SipRequest, hop: Hop, on: SubscribeOptions) {
    this.#context = context;
    this.#key = key;
    this.#on = on;
    this.#event = request.get("Event") ?? "";
    this.#accept = request.all("Accept").join(", ");
    this.#wanted = readSeconds(request.get("Expires")) ?? usualExpires;
    this.#dialog = unanswered(request);
    this.hop = hop;
  }

  get phase(): SubscriptionPhase {
    return this.#phase;
  }

  /** Undefined until the notifier has answered: where further SUBSCRIBEs lead. */
  get dialog(): Dialog | undefined {
    return this.#dialog.remoteTag === "" ? undefined : this.#dialog;
  }

  /**
   * Asks for more time now: whether the notifier still knows of it is in the answer, and all that follows from that answer follows.
   * @returns the final response; undefined when it cannot be asked now: there is no dialog yet, or a SUBSCRIBE is on its way
   */
  async refresh(): Promise<SipResponse | undefined> {
    if (!this.dialog || this.#busy || this.#leaving !== "no" || this.#phase === "terminated") return undefined;
    return await this.#exchange(this.#further(this.#wanted));
  }

  /** Sends the first SUBSCRIBE. */
  start(request: SipRequest): void {
    void this.#exchange(this.#asking(request));
  }

  /** A NOTIFY with our tag and Call-ID. */
  receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    const dialog = this.#dialogOf(request);
    if (this.#phase === "terminated" || !dialog) return transaction.reply(481);
    if (!sameEvent(request.get("Event"), this.#event)) return transaction.reply(489);
    // RFC 3261 §12.2.2
    if (this.#notified && dialog.accepts(request) === "old") return transaction.reply(500);
    if (!this.#notified && this.#dialog === dialog) dialog.accepts(request);
    this.#dialog = dialog;
    this.#notified = true;
    transaction.reply(200);
    dialog.updateTarget(request);
    this.#take(request);
    return undefined;
  }

  /** Ends it with the network (Expires: 0). `ended` comes with the last NOTIFY, or without one after 64*T1. Idempotent. */
  unsubscribe(): void {
    if (this.#leaving !== "no" || this.#phase === "terminated") return;
    this.#leaving = "asked";
    if (!this.#busy) void this.#leave();
  }

  /** Ends it here only: no message, no event. Idempotent. */
  close(): void {
    this.#phase = "terminated";
    this.#stop();
    this.#context.over(this.#key);
  }

  #stop(): void {
    this.#stopWake?.();
    this.#stopWake = undefined;
    this.#stopTimerN();
  }

  #stopTimerN(): void {
    this.#stopN?.();
    this.#stopN = undefined;
  }

  #take(notify: SipRequest): void {
    const state = readState(notify.get("Subscription-State"));
    const over = state.state === "terminated";
    if (!over) {
      this.#phase = state.state;
      if (this.#leaving === "no") {
        if (state.expires !== undefined) this.#live(state.expires);
        this.#stopTimerN();
      }
    }
    this.#context.guard(() => this.#on.notified?.(notify));
    if (over) this.#end(this.#leaving === "no" ? endOfNotify(state) : { reason: "unsubscribed" });
  }

  /** The dialog a NOTIFY belongs to; made from it when it is the first (RFC 6665 §4.4.1). */
  #dialogOf(notify: SipRequest): Dialog | undefined {
    if (this.#dialog.remoteTag === notify.fromTag) return this.#dialog;
    if (this.#notified) return undefined;
    const { localCseq, localContact } = this.#dialog.state;
    return Dialog.restore({ ...Dialog.uas(notify, createResponse(notify, 200)).state, localCseq, localContact });
  }

  /** It lives for so many seconds more; for none: until its last NOTIFY, which is due then. */
  #live(expires: number): void {
    this.#until = this.#context.clock.now() + (expires * 1000 || this.#timerN);
    // TS 24.229 §5.1.1.3 with §5.1.1.4.1: 600 s before the end, or at half time where that is short.
    this.#refreshAfter(expires > 1200 ? expires - 600 : expires / 2 || Infinity);
  }

  /** One timer for both: the refresh comes in so many seconds, or the end of its time where that is before. */
  #refreshAfter(seconds: number): void {
    const wait = Math.max(leastWait, seconds) * 1000;
    const left = this.#until - this.#context.clock.now();
    const refreshes = wait < left;
    this.#stopWake?.();
    this.#stopWake = this.#context.clock.setTimer(Math.min(wait, left), () => {
      if (!refreshes) return this.#end({ reason: "expired", retryAfter: 0 });
      this.#refreshAfter(Infinity);
      return void this.refresh();
    });
  }

  /** RFC 6665 §4.1.2.4: how long a NOTIFY may take, ms. Not every core sends the last one, nor one after a refresh. */
  get #timerN(): number {
    return 64 * this.#context.layer.timers.t1;
  }

  #await(end: SubscriptionEnd): void {
    this.#stopN ??= this.#context.clock.setTimer(this.#timerN, () => this.#end(end));
  }

  async #leave(): Promise<void> {
    this.#leaving = "said";
    this.#stop();
    if (!this.dialog) return this.#end({ reason: "unsubscribed" });
    const response = await this.#context.send(this.#further(0), this.hop);
    if (this.#phase === "terminated") return;
    if (response.status >= 300) return this.#end({ reason: "unsubscribed", response });
    return this.#await({ reason: "unsubscribed" });
  }

  async #exchange(request: SipRequest): Promise<SipResponse> {
    this.#busy = true;
    const response = await this.#context.send(request, this.hop);
    this.#busy = false;
    if (this.#phase === "terminated") return response;
    const longer = response.status === 423 ? readSeconds(response.get("Min-Expires")) : undefined;
    if (longer !== undefined && longer > this.#wanted) {
      // RFC 6665 §4.1.2.1 with RFC 3261 §10.3 step 6: once more with the least the notifier takes.
      this.#wanted = longer;
      return this.#exchange(this.#again(request));
    }
    if (response.status < 300) this.#granted(request, response);
    else this.#refused(response);
    if (this.#leaving === "asked" && this.phase !== "terminated") await this.#leave();
    return response;
  }

  #granted(request: SipRequest, response: SipResponse): void {
    if (!this.dialog) this.#dialog = Dialog.uac(request, response);
    this.#live(readSeconds(response.get("Expires")) ?? this.#wanted);
    if (!this.#notified) this.#await({ reason: "silent", retryAfter: 0 });
  }

  #refused(response: SipResponse): void {
    // RFC 6665 §4.1.2.2: after a refresh that failed it is valid for the rest of its time, but for a 481.
    if (!this.#notified || response.status === 481) return this.#end(endOfRefusal(response));
    // A NOTIFY has come, but no 2xx and perhaps no time.
    if (this.#until === 0) this.#live(Math.max(leastWait, this.#wanted));
    return this.#refreshAfter(readSeconds(response.get("Retry-After")) ?? 60);
  }

  /** The request once more, asking for the seconds wanted now. */
  #again(request: SipRequest): SipRequest {
    if (this.dialog) return this.#further(this.#wanted);
    const again = this.#asking(request).set("CSeq", `${request.cseq.number + 1} SUBSCRIBE`);
    this.#dialog = unanswered(again);
    return again;
  }

  #asking(request: SipRequest): SipRequest {
    return request.clone().set("Expires", String(this.#wanted));
  }

  #further(expires: number): SipRequest {
    const request = this.#dialog.createRequest("SUBSCRIBE", [
      ...(this.#on.headers?.() ?? []),
      ["Event", this.#event],
      ["Expires", String(expires)],
    ]);
    return this.#accept === "" ? request : request.add("Accept", this.#accept);
  }

  #end(end: SubscriptionEnd): void {
    if (this.#phase === "terminated") return;
    this.close();
    this.#context.guard(() => this.#on.ended?.(end));
  }
}

/** The dialog of which only our side is known. */
const unanswered = (request: SipRequest): Dialog => Dialog.uac(request, createResponse(request, 200));
