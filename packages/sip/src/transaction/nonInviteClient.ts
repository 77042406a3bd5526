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
  readonly request: SipRequest;
  readonly hop: Hop;
  readonly #context: MachineContext;
  readonly #listener: ClientListener;
  readonly #ended: () => void;
  /** Of timers E and F. */
  #stopResending: (() => void) | undefined;
  #stopTimer: (() => void) | undefined;
  #state: NonInviteClientState = "trying";

  constructor(context: MachineContext, request: SipRequest, hop: Hop, listener: ClientListener, ended: () => void) {
    this.#context = context;
    this.request = request;
    this.hop = hop;
    this.#listener = listener;
    this.#ended = ended;
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
    const { clock, timers, waiting } = this.#context;
    if (this.hop.send(this.request.toOctets())) {
      this.#stopTimer = waiting.add(this);
      if (!this.hop.reliable) this.#armE(timers.t1);
    } else this.#stopTimer = clock.setTimer(0, () => this.#fail("transport"));
  }

  receive(response: SipResponse): void {
    if (!this.#waits) return;
    if (response.status < 200) {
      this.#state = "proceeding";
    } else {
      this.#state = "completed";
      this.#stopTimers();
      if (this.hop.reliable) this.#terminate();
      else this.#stopTimer = this.#context.clientsDone.add(this);
    }
    this.#context.guard(() => this.#listener.response(response));
  }

  /** Only an INVITE can be cancelled (RFC 3261 §9.1). */
  cancel(): void {}

  giveUp(): void {
    if (this.#waits) this.#terminate();
  }

  /** Timer F, or K. */
  expire(): void {
    if (this.#waits) this.#fail("timeout");
    else this.#terminate();
  }

  /** The hop or the layer closes. */
  close(): void {
    if (this.#waits) this.#fail("transport");
    else this.#terminate();
  }

  #armE(interval: number): void {
    this.#stopResending = this.#context.clock.setTimer(interval, () => {
      if (!this.hop.send(this.request.toOctets())) return this.#fail("transport");
      const { t2 } = this.#context.timers;
      // RFC 3261 §17.1.2.2: doubles up to T2; every T2 once a provisional response has come.
      return this.#armE(this.#state === "proceeding" ? t2 : Math.min(2 * interval, t2));
    });
  }

  #fail(why: ClientFailure): void {
    this.#terminate();
    this.#context.guard(() => this.#listener.failed(why));
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
