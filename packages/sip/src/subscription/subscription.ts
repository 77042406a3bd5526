import { Dialog } from "../dialog.ts";
import { createResponse } from "../message.ts";
import type { HeaderList, SipRequest, SipResponse } from "../message.ts";
import type { Clock, Hop } from "../ports.ts";
import { readSeconds } from "../seconds.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { TimerBank } from "../transaction/timerBank.ts";
import { endOfNotify, endOfRefusal, readState } from "./state.ts";
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

/** What a subscription borrows from its user agent. */
export interface SubscriptionContext {
  readonly clock: Clock;
  /** RFC 3261 timer T1, milliseconds. */
  readonly t1: number;
  send(request: SipRequest, hop: Hop): Promise<SipResponse>;
  guard(run: () => void): boolean;
  /** NOTIFYs go elsewhere from now on. */
  over(): void;
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
  readonly #on: SubscribeOptions;
  readonly #timers: TimerBank<"refresh" | "expiry" | "N" | "last">;
  #phase: SubscriptionPhase = "subscribing";
  #request: SipRequest;
  #wanted: number;
  #dialog: Dialog | undefined;
  /** A NOTIFY has made the dialog; before that a 2xx only suggests it (RFC 6665 §4.4.1). */
  #notified = false;
  #leaving: "no" | "asked" | "said" = "no";
  #busy = true;

  /** @param request a SUBSCRIBE with Event, Contact, From tag, Call-ID and CSeq, without Via */
  constructor(context: SubscriptionContext, request: SipRequest, hop: Hop, on: SubscribeOptions) {
    this.#context = context;
    this.#on = on;
    this.#timers = new TimerBank(context.clock);
    this.#wanted = readSeconds(request.get("Expires")) ?? usualExpires;
    this.#request = request.clone().set("Expires", String(this.#wanted));
    this.hop = hop;
  }

  get phase(): SubscriptionPhase {
    return this.#phase;
  }

  /** Undefined until the notifier has answered: where further SUBSCRIBEs lead. */
  get dialog(): Dialog | undefined {
    return this.#dialog;
  }

  /**
   * Asks for more time now: whether the notifier still knows of it is in the answer, and all that follows from that answer follows.
   * @returns the final response; undefined when it cannot be asked now: there is no dialog yet, or a SUBSCRIBE is on its way
   */
  async refresh(): Promise<SipResponse | undefined> {
    if (!this.#dialog || this.#busy || this.#leaving !== "no" || this.#phase === "terminated") return undefined;
    return await this.#exchange(this.#further(this.#dialog, this.#wanted));
  }

  /** Sends the SUBSCRIBE. */
  start(): void {
    void this.#exchange(this.#request);
  }

  /** A NOTIFY with our tag and Call-ID. */
  receive(transaction: ServerTransaction): void {
    const { request } = transaction;
    const dialog = this.#dialogOf(request);
    if (this.#phase === "terminated" || !dialog) return transaction.reply(481);
    if (!sameEvent(request.get("Event"), this.#request.get("Event"))) return transaction.reply(489);
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
    this.#timers.stop("refresh");
    if (!this.#busy) void this.#leave();
  }

  /** Ends it here only: no message, no event. Idempotent. */
  close(): void {
    this.#phase = "terminated";
    this.#timers.stopAll();
    this.#context.over();
  }

  #take(notify: SipRequest): void {
    const state = readState(notify.get("Subscription-State"));
    const over = state.state === "terminated";
    if (!over) {
      this.#phase = state.state;
      this.#timers.stop("N");
      if (state.expires !== undefined && this.#leaving === "no") this.#live(state.expires);
    }
    this.#context.guard(() => this.#on.notified?.(notify));
    if (over) this.#end(this.#leaving === "no" ? endOfNotify(state) : { reason: "unsubscribed" });
  }

  /** The dialog a NOTIFY belongs to; made from it when it is the first (RFC 6665 §4.4.1). */
  #dialogOf(notify: SipRequest): Dialog | undefined {
    if (this.#dialog?.remoteTag === notify.fromTag) return this.#dialog;
    if (this.#notified) return undefined;
    const contact = this.#request.get("Contact");
    return Dialog.restore({
      ...Dialog.uas(notify, createResponse(notify, 200)).state,
      localCseq: this.#dialog?.state.localCseq ?? this.#request.cseq.number,
      ...(contact === undefined ? {} : { localContact: contact }),
    });
  }

  /** It lives for so many seconds more. */
  #live(expires: number): void {
    this.#timers.stop("refresh", "expiry");
    if (expires <= 0) return this.#awaitLast({ reason: "expired", retryAfter: 0 });
    // TS 24.229 §5.1.1.3 with §5.1.1.4.1: 600 s before the end, or at half time where that is short.
    const wait = Math.max(leastWait, expires > 1200 ? expires - 600 : expires / 2);
    this.#timers.start("refresh", wait * 1000, () => void this.refresh());
    this.#timers.stop("last");
    this.#expireAfter(expires);
    return undefined;
  }

  #expireAfter(seconds: number): void {
    this.#timers.start("expiry", seconds * 1000, () => this.#end({ reason: "expired", retryAfter: 0 }));
  }

  async #leave(): Promise<void> {
    this.#leaving = "said";
    if (!this.#dialog) return this.#end({ reason: "unsubscribed" });
    const response = await this.#context.send(this.#further(this.#dialog, 0), this.hop);
    if (this.#phase === "terminated") return;
    if (response.status >= 300) return this.#end({ reason: "unsubscribed", response });
    this.#timers.stop("expiry", "N");
    this.#awaitLast({ reason: "unsubscribed" });
    return undefined;
  }

  /** RFC 6665 §4.1.2.3: a last NOTIFY is due; not every core sends it. */
  #awaitLast(end: SubscriptionEnd): void {
    this.#timers.start("last", 64 * this.#context.t1, () => this.#end(end));
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
    this.#dialog ??= Dialog.uac(request, response);
    // RFC 6665 §4.1.2.4: timer N. Only for the first NOTIFY: not every core sends one after a refresh.
    if (!this.#notified && this.#leaving === "no")
      this.#timers.start("N", 64 * this.#context.t1, () => this.#end({ reason: "silent", retryAfter: 0 }));
    if (this.#leaving === "no") this.#live(readSeconds(response.get("Expires")) ?? this.#wanted);
  }

  #refused(response: SipResponse): void {
    // RFC 6665 §4.1.2.2: after a refresh that failed it is valid for the rest of its time, but for a 481.
    if (!this.#notified || response.status === 481) return this.#end(endOfRefusal(response));
    // A NOTIFY has come, but no 2xx and perhaps no time.
    if (!this.#timers.isRunning("expiry")) this.#expireAfter(Math.max(leastWait, this.#wanted));
    this.#timers.start("refresh", Math.max(leastWait, readSeconds(response.get("Retry-After")) ?? 60) * 1000, () => {
      void this.refresh();
    });
    return undefined;
  }

  /** The request once more, asking for the seconds wanted now. */
  #again(request: SipRequest): SipRequest {
    if (this.#dialog) return this.#further(this.#dialog, this.#wanted);
    this.#request = request
      .clone()
      .set("Expires", String(this.#wanted))
      .set("CSeq", `${request.cseq.number + 1} SUBSCRIBE`);
    return this.#request;
  }

  #further(dialog: Dialog, expires: number): SipRequest {
    const request = dialog.createRequest("SUBSCRIBE", this.#on.headers?.() ?? []);
    return request.copy(this.#request, "Event").copy(this.#request, "Accept").set("Expires", String(expires));
  }

  #end(end: SubscriptionEnd): void {
    if (this.#phase === "terminated") return;
    this.close();
    this.#context.guard(() => this.#on.ended?.(end));
  }
}

/** RFC 6665 §8.2.1: package and id. A NOTIFY that names no event is taken for ours. */
function sameEvent(got: string | undefined, ours: string | undefined): boolean {
  if (got === undefined) return true;
  const [theirs, mine] = [readEvent(got), readEvent(ours ?? "")];
  return theirs.name === mine.name && theirs.id === mine.id;
}

function readEvent(value: string): { name: string; id: string | undefined } {
  const [name = "", ...params] = value.split(";", 16).map((part) => part.trim());
  return { name: name.toLowerCase(), id: params.find((part) => part.startsWith("id=")) };
}
