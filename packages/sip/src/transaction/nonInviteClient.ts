import type { SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import type { ClientFailure, ClientListener, ClientTransaction } from "./clientTransaction.ts";
import type { MachineContext } from "./machine.ts";
import type { Waiting } from "./storage.ts";

export type NonInviteClientState = "trying" | "proceeding" | "completed" | "terminated";

/**
 * Non-INVITE client transaction: RFC 3261 §17.1.2.
 *
 *                        | request sent
 *                        v
 *                  +------------+<-. timer E: send again
 *    .-------------|   trying   |--'
 *    |             +------------+--- 200-699: tell ---.
 *    | timer F,          |                            |
 *    | no way: tell;     | 1xx: tell                  |
 *    | given up          v                            |
 *    |             +------------+<-. 1xx: tell        |
 *    +-------------| proceeding |--' timer E, now T2: |
 *    |             +------------+    send again       |
 *    |                   |                            v
 *    |                   |  200-699: tell       +-----------+
 *    |                   `--------------------->| completed |
 *    |                                          +-----------+
 *    v            timer K (0 if reliable)             |
 *   terminated <--------------------------------------'
 */
export class NonInviteClientTransaction implements ClientTransaction, Waiting {
  readonly hop: Hop;
  readonly #context: MachineContext;
  /** Both are let go when the final response has been told: Timer K needs neither, and thousands wait for it. */
  #request: SipRequest | undefined;
  #listener: ClientListener | undefined;
  readonly #ended: () => void;
  /** Of timers E and F. */
  #stopResending: (() => void) | undefined;
  #stopTimer: (() => void) | undefined;
  #state: NonInviteClientState = "trying";

  constructor(context: MachineContext, request: SipRequest, hop: Hop, listener: ClientListener, ended: () => void) {
    this.#context = context;
    this.#request = request;
    this.hop = hop;
    this.#listener = listener;
    this.#ended = ended;
  }

  /** @throws TypeError once the final response has been told, or it has been given up */
  get request(): SipRequest {
    if (this.#request === undefined) throw new TypeError("the transaction is over");
    return this.#request;
  }

  get state(): NonInviteClientState {
    return this.#state;
  }

  /** For a final response. */
  get #waits(): boolean {
    return this.#state === "trying" || this.#state === "proceeding";
  }

  /** Sends the request. */
  start(): void {
    const { clock, timers } = this.#context;
    const { t1 } = timers;
    if (!this.hop.send(this.request.toOctets())) {
      this.#stopTimer = clock.setTimer(0, () => this.#fail("transport"));
      return;
    }
    this.#stopTimer = this.#context.clients.add(this);
    if (!this.hop.reliable) this.#armE(t1);
  }

  receive(response: SipResponse): void {
    if (!this.#waits) return;
    if (response.status < 200) {
      this.#state = "proceeding";
    } else {
      this.#state = "completed";
      this.#stopTimers();
      this.#stopResending = undefined;
      this.#stopTimer = undefined;
      const { clientsDone } = this.#context;
      if (this.hop.reliable || clientsDone === undefined) this.#terminate();
      else this.#stopTimer = clientsDone.add(this);
    }
    this.#context.guard(() => this.#listener?.response(response));
    if (response.status < 200) return;
    this.#listener = undefined;
    this.#request = undefined;
  }

  /** Only an INVITE can be cancelled (RFC 3261 §9.1). */
  cancel(): void {}

  giveUp(): void {
    if (!this.#waits) return;
    this.#listener = undefined;
    this.#request = undefined;
    this.#terminate();
  }

  /** Timer F, or K. */
  expire(): void {
    if (this.#waits) this.#fail("timeout");
    else if (this.#state === "completed") this.#terminate();
  }

  /** The hop or the layer closes. */
  close(): void {
    if (this.#waits) this.#fail("transport");
    else this.#terminate();
  }

  #armE(interval: number): void {
    const { clock, timers, resends } = this.#context;
    const expire = (): void => {
      if (!this.hop.send(this.request.toOctets())) return this.#fail("transport");
      // RFC 3261 §17.1.2.2: doubles up to T2; every T2 once a provisional response has come.
      return this.#armE(this.#state === "proceeding" ? timers.t2 : Math.min(2 * interval, timers.t2));
    };
    this.#stopResending = interval === timers.t1 ? resends.add({ expire }) : clock.setTimer(interval, expire);
  }

  #fail(why: ClientFailure): void {
    this.#terminate();
    this.#context.guard(() => this.#listener?.failed(why));
  }

  #terminate(): void {
    this.#state = "terminated";
    this.#stopTimers();
    this.#ended();
  }

  #stopTimers(): void {
    this.#stopResending?.();
    this.#stopTimer?.();
  }
}
