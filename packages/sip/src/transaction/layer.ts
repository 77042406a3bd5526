import { guard } from "../guard.ts";
import { SipRequest } from "../message.ts";
import type { SipMessage, SipResponse } from "../message.ts";
import type { Clock, Hop, Random } from "../ports.ts";
import type { ClientListener, ClientTransaction } from "./clientTransaction.ts";
import { InviteClientTransaction } from "./inviteClient.ts";
import { InviteServerTransaction } from "./inviteServer.ts";
import { clientKey, mergeKey, responseKey, serverKey } from "./keys.ts";
import type { MachineContext } from "./machine.ts";
import { NonInviteClientTransaction } from "./nonInviteClient.ts";
import { NonInviteServerTransaction } from "./nonInviteServer.ts";
import type { ServerMachine, ServerTransaction } from "./serverTransaction.ts";
import { smallStorage } from "./storage.ts";
import type { TransactionStorage, TransactionTable } from "./storage.ts";
import { coreTimers } from "./timers.ts";
import type { Timers } from "./timers.ts";

/** What a {@link TransactionLayer} is given: its surroundings, and who hears of what the peers send. */
export interface TransactionLayerOptions {
  clock: Clock;
  random: Random;
  /** {@link coreTimers} if left out. */
  timers?: Timers | undefined;
  /** Plain maps if left out; {@link largeStorage} for a server. */
  storage?: TransactionStorage | undefined;
  /** Every new request but ACK and CANCEL. A listener that throws has the request answered 500. */
  onRequest(transaction: ServerTransaction): void;
  /** An ACK to a 2xx, or one nobody waits for. */
  onAck?: ((ack: SipRequest, hop: Hop) => void) | undefined;
  /** A response to no request of ours, or a copy that {@link TransactionStorage.copies} does not await. */
  onStrayResponse?: ((response: SipResponse, hop: Hop) => void) | undefined;
  /** What a listener threw, or what made a message unusable. The layer goes on. */
  onError?: ((error: unknown) => void) | undefined;
}

/**
 * The transaction layer of RFC 3261 §17: matches messages to transactions, keeps retransmissions from its user, answers CANCEL
 * (§9.2) and merged requests (§8.2.2.2), acknowledges 3xx-6xx to INVITE. Owns no socket and no clock.
 *
 * @example
 * const layer = new TransactionLayer({ clock, random, onRequest: (tx) => tx.reply(501) });
 * layer.request(request, hop, {
 *   response: ({ status }) => console.log(status),
 *   failed: (why) => console.log(why),
 * });
 */
export class TransactionLayer {
  readonly timers: Timers;
  readonly #options: TransactionLayerOptions;
  readonly #context: MachineContext;
  readonly #clients: TransactionTable<InviteClientTransaction | NonInviteClientTransaction>;
  readonly #servers: TransactionTable<ServerMachine>;
  readonly #merge: TransactionTable<true>;
  #closed = false;

  constructor(options: TransactionLayerOptions) {
    this.#options = options;
    this.timers = options.timers ?? coreTimers;
    const storage = options.storage ?? smallStorage;
    this.#clients = storage.table();
    this.#servers = storage.table();
    this.#merge = storage.table();
    this.#context = {
      clock: options.clock,
      timers: this.timers,
      clientsDone: storage.copies(options.clock, this.timers.t4),
      waiting: storage.queue(options.clock, 64 * this.timers.t1),
      token: (length) => options.random.token(length),
      guard: (run) => this.#guard(run),
    };
  }

  /** How many transactions are alive. */
  get size(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** Takes in a message from a neighbour. Never throws. */
  receive(message: SipMessage, hop: Hop): void {
    if (this.#closed) return;
    this.#guard(() => {
      if (message instanceof SipRequest) this.#receiveRequest(message, hop);
      else this.#receiveResponse(message, hop);
    });
  }

  /**
   * Sends a request in a transaction of its own: a copy of it, with our Via on top. The listener is called after this has
   * returned. Not for ACK ({@link sendAck}) and CANCEL ({@link ClientTransaction.cancel}).
   */
  request(request: SipRequest, hop: Hop, on: ClientListener): ClientTransaction {
    const branch = this.#branch();
    return this.#start(this.#withVia(request, hop, branch), hop, on, branch);
  }

  /** Sends an ACK to a 2xx, which is no part of any transaction (RFC 3261 §13.2.2.4). Returns it as sent. */
  sendAck(ack: SipRequest, hop: Hop): SipRequest {
    const sent = this.#withVia(ack, hop, this.#branch());
    hop.send(sent.toOctets());
    return sent;
  }

  /**
   * The hop has closed (RFC 3261 §17.1.4): requests that wait for an answer on it fail at once with "transport", instead of after
   * 64*T1. Server transactions stay until their timers end, and answer into the void.
   */
  hopClosed(hop: Hop): void {
    for (const transaction of this.#waiting()) if (transaction.hop === hop) transaction.close();
  }

  /** Ends all transactions; users of unanswered requests are told there is no way any more. */
  close(): void {
    this.#closed = true;
    for (const transaction of this.#waiting()) transaction.close();
    for (const transaction of this.#servers.values()) transaction.close();
    this.#servers.clear();
    this.#context.clientsDone.clear();
    this.#context.waiting.clear();
    this.#merge.clear();
  }

  #start(request: SipRequest, hop: Hop, on: ClientListener, branch: string): ClientTransaction {
    const key = clientKey(branch, request.method);
    const ended = (): void => void this.#clients.delete(key);
    const transaction =
      request.method === "INVITE"
        ? new InviteClientTransaction(this.#context, request, hop, on, {
            cancel: (cancel) => void this.#start(cancel, hop, { response() {}, failed() {} }, branch),
            ended,
          })
        : new NonInviteClientTransaction(this.#context, request, hop, on, ended);
    this.#clients.set(key, transaction);
    if (this.#closed) this.#options.clock.setTimer(0, () => transaction.close());
    else transaction.start();
    return transaction;
  }

  /** Those alive now: what their listeners end or begin meanwhile changes nothing in the list. */
  #waiting(): (InviteClientTransaction | NonInviteClientTransaction)[] {
    return [...this.#clients.values()];
  }

  #branch(): string {
    return `z9hG4bK${this.#context.token(20)}`;
  }

  #withVia(request: SipRequest, hop: Hop, branch: string): SipRequest {
    // RFC 3581 §3: a client behind a NAT asks for the response at the port it sent from.
    const rport = hop.protocol === "UDP" ? ";rport" : "";
    return request.clone().prepend("Via", `SIP/2.0/${hop.protocol} ${hop.sentBy};branch=${branch}${rport}`);
  }

  #receiveResponse(response: SipResponse, hop: Hop): void {
    const client = this.#clients.get(responseKey(response));
    if (client) client.receive(response);
    else this.#options.onStrayResponse?.(response, hop);
  }

  #receiveRequest(request: SipRequest, hop: Hop): void {
    const key = serverKey(request);
    const known = this.#servers.get(key);
    if (request.method === "ACK") {
      if (!(known instanceof InviteServerTransaction && known.receiveAck())) this.#options.onAck?.(request, hop);
    } else if (known) {
      known.receiveAgain();
    } else if (request.method === "CANCEL") {
      this.#receiveCancel(request, hop, key);
    } else {
      this.#receiveNew(request, hop, key);
    }
  }

  // RFC 3261 §9.2
  #receiveCancel(cancel: SipRequest, hop: Hop, key: string): void {
    const target = this.#servers.get(serverKey(cancel, "INVITE"));
    const transaction = this.#serve(cancel, hop, key);
    if (!target) return transaction.reply(481);
    transaction.reply(200, { toTag: target.localTag });
    if (target.state !== "proceeding") return undefined;
    target.cancel = cancel;
    if (target.onCancel) target.onCancel(cancel);
    else target.reply(487);
    return undefined;
  }

  #receiveNew(request: SipRequest, hop: Hop, key: string): void {
    const merge = request.toTag === undefined ? mergeKey(request) : undefined;
    const merged = merge !== undefined && this.#merge.get(merge) === true;
    const transaction = this.#serve(request, hop, key, merged ? undefined : merge);
    if (merged) return transaction.reply(482);
    if (!this.#guard(() => this.#options.onRequest(transaction))) transaction.reply(500);
    return undefined;
  }

  #serve(request: SipRequest, hop: Hop, key: string, merge?: string): ServerMachine {
    const ended = (): void => {
      this.#servers.delete(key);
      if (merge !== undefined) this.#merge.delete(merge);
    };
    const transaction =
      request.method === "INVITE"
        ? new InviteServerTransaction(this.#context, request, hop, ended)
        : new NonInviteServerTransaction(this.#context, request, hop, ended);
    this.#servers.set(key, transaction);
    if (merge !== undefined) this.#merge.set(merge, true);
    return transaction;
  }

  #guard(run: () => void): boolean {
    return guard(run, this.#options.onError);
  }
}
