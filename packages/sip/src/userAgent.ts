import { dialogId } from "./dialog.ts";
import type { Dialog } from "./dialog.ts";
import { CalleeUsage } from "./invite/callee.ts";
import { CallerUsage } from "./invite/caller.ts";
import { localResponse } from "./invite/context.ts";
import type { DialogUsage, UsageContext } from "./invite/context.ts";
import { guard } from "./guard.ts";
import type { InviteEvents, InviteUsage } from "./invite/usage.ts";
import type { SipMessage, SipRequest, SipResponse } from "./message.ts";
import type { Clock, Hop, Random } from "./ports.ts";
import { TransactionLayer } from "./transaction/layer.ts";
import { Subscription } from "./subscription/subscription.ts";
import type { SubscribeOptions, SubscriptionContext } from "./subscription/subscription.ts";
import type { ServerTransaction } from "./transaction/serverTransaction.ts";
import type { TransactionStorage } from "./transaction/storage.ts";
import type { Timers } from "./transaction/timers.ts";

/** What a {@link UserAgent} is given: its surroundings, and who hears of what belongs to no call. */
export interface UserAgentOptions {
  clock: Clock;
  random: Random;
  /** RFC 3261 defaults if left out. */
  timers?: Timers | undefined;
  /** Plain maps if left out; {@link largeStorage} for a server. */
  storage?: TransactionStorage | undefined;
  /**
   * Every request that belongs to no call and no subscription of this user agent: initial INVITEs (answer, or {@link UserAgent.accept}), requests outside
   * dialogs, and those inside dialogs of other kinds (NOTIFY, SUBSCRIBE, REFER, MESSAGE ...). INVITE, UPDATE, PRACK, INFO and BYE inside an
   * unknown dialog have been answered 481.
   */
  onRequest(transaction: ServerTransaction): void;
  /** What a listener threw. The user agent goes on. */
  onError?: ((error: unknown) => void) | undefined;
}

/** Methods that exist only inside an INVITE dialog, or (INVITE) open one. */
const callMethods: ReadonlySet<string> = new Set(["INVITE", "UPDATE", "PRACK", "INFO", "BYE"]);

/**
 * A user agent core over one transaction layer (RFC 3261 §8, §12 to §15): calls as caller and callee, single requests.
 *
 * @example
 * const ua = new UserAgent({ clock, random, onRequest: (tx) => tx.reply(501) });
 * const call = ua.invite(invite, hop, {
 *   accepted: () => call.ack(),
 *   ended: ({ by }) => console.log(by),
 * });
 */
export class UserAgent {
  readonly transactions: TransactionLayer;
  readonly #context: UsageContext & SubscriptionContext;
  readonly #calls = new Map<string, { usage: DialogUsage; dialog: Dialog }>();
  /** By Call-ID and our tag: the peer's is known only with the first NOTIFY (RFC 6665 §4.4.1). */
  readonly #subscriptions = new Map<string, Subscription>();
  #closed = false;
  readonly #onRequest: (transaction: ServerTransaction) => void;

  constructor(options: UserAgentOptions) {
    const { clock, random, timers, storage, onError } = options;
    this.#onRequest = (transaction) => options.onRequest(transaction);
    this.transactions = new TransactionLayer({
      clock,
      random,
      timers,
      storage,
      onError,
      onRequest: (transaction) => this.#receiveRequest(transaction),
      onAck: (ack) => this.#callOf(ack)?.usage.receiveAck(ack),
      onStrayResponse: (response) => this.#receiveStray(response),
    });
    this.#context = {
      clock,
      random,
      layer: this.transactions,
      guard: (run) => this.#closed || guard(run, onError),
      register: (id, usage, dialog) => void this.#calls.set(id, { usage, dialog }),
      unregister: (id) => void this.#calls.delete(id),
      send: (subscribe, hop) => this.send(subscribe, hop),
      over: (key) => void this.#subscriptions.delete(key),
    };
  }

  /** Takes in a message from a neighbour. Never throws. */
  receive(message: SipMessage, hop: Hop): void {
    this.transactions.receive(message, hop);
  }

  /**
   * Sends one request (not INVITE: {@link invite}) and waits for its final response. A time-out resolves with a 408 and a dead
   * hop with a 503 made here; never rejects.
   */
  send(request: SipRequest, hop: Hop): Promise<SipResponse> {
    const { promise, resolve } = Promise.withResolvers<SipResponse>();
    this.transactions.request(request, hop, {
      response: (response) => response.status >= 200 && resolve(response),
      failed: (why) => resolve(localResponse(request, why === "timeout" ? 408 : 503)),
    });
    return promise;
  }

  /** Sends an INVITE. The request has no Via yet; all other headers are the caller's. Events come after this has returned. */
  invite(request: SipRequest, hop: Hop, on: InviteEvents): InviteUsage {
    const usage = new CallerUsage(this.#context, request, hop, on);
    usage.start();
    return usage;
  }

  /**
   * Takes on an initial INVITE; it is answered through the usage from now on. One that was cancelled before is `terminated` at once,
   * and `cancelled` follows.
   */
  accept(transaction: ServerTransaction, on: InviteEvents): InviteUsage {
    return new CalleeUsage(this.#context, transaction, on);
  }

  /**
   * Subscribes (RFC 6665): keeps the subscription alive and hands up its NOTIFYs, answered. The request has Event, Contact, From tag
   * and Call-ID, and no Via yet. Events come after this has returned.
   *
   * @example
   * const watch = ua.subscribe(subscribe, hop, {
   *   notified: (notify) => console.log(parseReginfo(octets.toText(notify.body))?.registrations),
   *   ended: ({ reason, retryAfter }) => console.log(reason, retryAfter),
   * });
   * watch.unsubscribe();
   */
  subscribe(request: SipRequest, hop: Hop, on: SubscribeOptions): Subscription {
    const key = subscriptionKey(request.callId, request.fromTag);
    const subscription = new Subscription(this.#context, key, request, hop, on);
    this.#subscriptions.set(key, subscription);
    subscription.start(request);
    return subscription;
  }

  /**
   * The hop has closed: requests under way on it end with a 503 made here (an INVITE is `rejected`), calls that stand live on and
   * wait for another {@link InviteUsage.hop}.
   */
  hopClosed(hop: Hop): void {
    this.transactions.hopClosed(hop);
  }

  /** Drops all calls and transactions: no message, no event; promises under way resolve with a 503 made here. */
  close(): void {
    this.#closed = true;
    this.transactions.close();
    for (const { usage } of this.#calls.values()) usage.close();
    for (const subscription of this.#subscriptions.values()) subscription.close();
  }

  #receiveRequest(transaction: ServerTransaction): void {
    const { request } = transaction;
    const call = this.#callOf(request);
    const subscription =
      request.method === "NOTIFY" ? this.#subscriptions.get(subscriptionKey(request.callId, request.toTag)) : undefined;
    if (subscription) subscription.receive(transaction);
    else if (call) call.usage.receive(transaction, call.dialog);
    // RFC 3261 §12.2.2
    else if (request.toTag !== undefined && callMethods.has(request.method)) transaction.reply(481);
    else this.#onRequest(transaction);
  }

  #receiveStray(response: SipResponse): void {
    if (response.cseq.method !== "INVITE" || response.status < 200 || response.status > 299) return;
    const id = dialogId(response.callId, response.fromTag ?? "", response.toTag ?? "");
    this.#calls.get(id)?.usage.receiveLate2xx(response);
  }

  #callOf(request: SipRequest): { usage: DialogUsage; dialog: Dialog } | undefined {
    const { toTag } = request;
    return toTag === undefined ? undefined : this.#calls.get(dialogId(request.callId, toTag, request.fromTag ?? ""));
  }
}

function subscriptionKey(callId: string, localTag: string | undefined): string {
  return `${callId} ${localTag ?? ""}`;
}
