import type { ClientTransaction, ServerTransaction, SipRequest, SipResponse, TransactionLayer } from "@portico/sip";
import { systemClock } from "@portico/transport";
import type { LabHop } from "./element.ts";
import type { Binding } from "./registrar.ts";

/** One place a request is forwarded to. */
export interface Target {
  readonly request: SipRequest;
  readonly hop: LabHop;
  /** Other flows to the same user agent, tried when this one is dead (RFC 5626 §5.3). */
  readonly alternatives: readonly Target[];
  /** The registered contact it is, if one. */
  readonly binding?: Binding;
}

/** What a proxy does beside forwarding. */
export interface ForwardOptions {
  /** Edits a target's response, our Via already taken off, before it goes back. */
  edit?(response: SipResponse, target: Target): void;
}

type Headers = readonly (readonly [string, string])[];

/** A branch's final response, or the status of one to be made here. */
type Final = { readonly response: SipResponse; readonly target: Target } | 408 | 503;

/** RFC 3261 §16.6 step 11: above three minutes. */
const timerC = 190_000;
const elsewhere: Headers = [["Reason", 'SIP;cause=200;text="Call completed elsewhere"']];

/**
 * The response context of a stateful proxy (RFC 3261 §16.7): forwards one request to groups of targets, one group after the
 * other, each group at once, and sends back the responses that count.
 */
export class ResponseContext {
  readonly #layer: TransactionLayer;
  readonly #tx: ServerTransaction;
  readonly #groups: (readonly Target[])[];
  readonly #options: ForwardOptions;
  readonly #live = new Map<Target, ClientTransaction>();
  #best: Final | undefined;
  #settled = false;
  #cancelled = false;
  #stopTimer: () => void = () => undefined;

  private constructor(
    layer: TransactionLayer,
    tx: ServerTransaction,
    groups: (readonly Target[])[],
    options: ForwardOptions,
  ) {
    this.#layer = layer;
    this.#tx = tx;
    this.#groups = groups;
    this.#options = options;
  }

  /** Forwards the transaction's request; `groups` in order of preference. */
  static forward(
    layer: TransactionLayer,
    tx: ServerTransaction,
    groups: readonly (readonly Target[])[],
    options: ForwardOptions = {},
  ): void {
    const context = new ResponseContext(layer, tx, [...groups], options);
    if (tx.request.method === "INVITE") {
      tx.reply(100);
      tx.onCancel = (cancel) => context.#cancel(cancel);
      context.#armTimerC();
    }
    context.#nextGroup();
  }

  #nextGroup(): void {
    const group = this.#cancelled ? undefined : this.#groups.shift();
    if (group === undefined) {
      this.#finish();
      return;
    }
    for (const target of group) this.#launch(target);
  }

  #launch(target: Target): void {
    const transaction = this.#layer.request(target.request, target.hop, {
      response: (response) => this.#response(target, response),
      failed: (why) => this.#failed(target, why === "timeout" ? 408 : 503),
    });
    this.#live.set(target, transaction);
  }

  #response(target: Target, received: SipResponse): void {
    const { status } = received;
    if (status === 100) return;
    const response = received.clone().removeFirst("Via");
    if (status < 200) {
      this.#armTimerC();
      if (!this.#settled) this.#send(response, target);
      return;
    }
    if (status < 300) {
      this.#success(target, response);
      return;
    }
    // RFC 5626 §5.3: a dead flow, perhaps another one of the same user agent is alive
    if (status === 430 && this.#retry(target)) return;
    this.#note({ response, target });
    if (status >= 600) {
      this.#groups.length = 0;
      this.#cancelBranches(target, elsewhere);
    }
    this.#branchDone(target);
  }

  #success(target: Target, response: SipResponse): void {
    // RFC 3261 §16.7 step 5: every 2xx to INVITE goes back at once, also a second branch's
    if (!this.#settled || this.#tx.request.method === "INVITE") this.#send(response, target);
    this.#settled = true;
    this.#groups.length = 0;
    this.#stopTimer();
    this.#live.delete(target);
    this.#cancelBranches(target, elsewhere);
  }

  #failed(target: Target, status: 408 | 503): void {
    if (this.#retry(target)) return;
    this.#note(status);
    this.#branchDone(target);
  }

  #retry(target: Target): boolean {
    const [next, ...alternatives] = target.alternatives;
    if (next === undefined || this.#cancelled || this.#settled) return false;
    this.#live.delete(target);
    this.#launch({ ...next, alternatives });
    return true;
  }

  #branchDone(target: Target): void {
    this.#live.delete(target);
    if (this.#live.size === 0 && !this.#settled) this.#nextGroup();
  }
  #note(candidate: Final): void {
    if (this.#best === undefined || rank(candidate) < rank(this.#best)) this.#best = candidate;
  }

  #finish(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#stopTimer();
    const best = this.#best ?? 480;
    if (this.#cancelled) this.#tx.reply(487);
    else if (typeof best === "number") this.#tx.reply(best);
    // RFC 5626 §5.3: 430 is for the proxy that chose the flow, not for the caller
    else if (best.response.status === 430) this.#tx.reply(480);
    else this.#send(best.response, best.target);
  }

  #cancel(cancel: SipRequest): void {
    this.#cancelled = true;
    const reason = cancel.get("Reason");
    this.#cancelBranches(undefined, reason === undefined ? [] : [["Reason", reason]]);
    if (this.#live.size === 0) this.#finish();
  }

  #cancelBranches(but: Target | undefined, headers: Headers): void {
    if (this.#tx.request.method !== "INVITE") return;
    for (const [target, transaction] of this.#live) if (target !== but) transaction.cancel(headers);
  }

  #armTimerC(): void {
    this.#stopTimer();
    this.#stopTimer = systemClock.setTimer(timerC, () => {
      this.#groups.length = 0;
      this.#note(408);
      this.#cancelBranches(undefined, []);
    });
  }

  #send(response: SipResponse, target: Target): void {
    this.#options.edit?.(response, target);
    this.#tx.respond(response);
  }
}

/** RFC 3261 §16.7 step 6: 6xx before all, then the lowest class; in 4xx, what tells the caller how to go on. */
function rank(candidate: Final): number {
  const status = typeof candidate === "number" ? candidate : candidate.response.status;
  if (status >= 600) return 0;
  const helpful = [401, 407, 415, 420, 484].includes(status) ? 0 : 500;
  // A user's word says more than "not reached"
  const unreached = [408, 430, 480].includes(status) ? 50 : 0;
  // A local time-out says less than any answer of the same class
  return Math.floor(status / 100) * 1000 + helpful + unreached + (typeof candidate === "number" ? 100 : 0);
}
