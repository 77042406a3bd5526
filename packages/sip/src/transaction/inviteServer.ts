import type { SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import type { MachineContext } from "./machine.ts";
import { ServerMachine } from "./serverTransaction.ts";
import { TimerBank } from "./timerBank.ts";
import { tryingDelay } from "./timers.ts";

export type InviteServerState = "proceeding" | "completed" | "confirmed" | "accepted" | "terminated";

/**
 * INVITE server transaction: RFC 3261 §17.2.1 as changed by RFC 6026 §7.1.
 *
 *                            | INVITE
 *                            v
 *    INVITE: last 1xx .->+------------+<-. 1xx from user: send
 *               again `--| proceeding |--' 200 ms of silence: 100
 *                        +------------+
 *         3xx-6xx: send    |        |    2xx: send
 *             .------------'        `------------.
 *             v                                  v
 *       +-----------+<-. INVITE,           +----------+<-. INVITE: nothing
 *       | completed |--' timer G:          | accepted |--' ACK: to user
 *       +-----------+    send again        +----------+    2xx: send again
 *         |       |                              |
 *     ACK |       | timer H: tell                | timer L
 *         v       `-----------------.            |
 *       +-----------+  timer I (0   |            v
 *       | confirmed |---------------+--------> terminated
 *       +-----------+  if reliable)
 *
 * A way that is gone does not end the transaction (RFC 6026 §8.9): timers H and L do.
 */
export class InviteServerTransaction extends ServerMachine {
  readonly #ended: () => void;
  readonly #timers: TimerBank<"100" | "G" | "H" | "I" | "L">;
  #state: InviteServerState = "proceeding";
  #last: SipResponse | undefined;

  constructor(context: MachineContext, request: SipRequest, hop: Hop, ended: () => void) {
    super(context, request, hop);
    this.#ended = ended;
    this.#timers = new TimerBank(context.clock);
    this.#timers.start("100", tryingDelay, () => this.reply(100));
  }

  override get state(): InviteServerState {
    return this.#state;
  }

  override receiveAgain(): void {
    // RFC 6026 §7.1: in `accepted` the user alone sends the 2xx again.
    if (this.#last && (this.#state === "proceeding" || this.#state === "completed")) {
      this.hop.send(this.#last.toOctets());
    }
  }

  /** True when the ACK was this transaction's own (to a 3xx-6xx); false when it is the user's (to a 2xx). */
  receiveAck(): boolean {
    if (this.#state === "accepted") return false;
    if (this.#state !== "completed") return true;
    this.#state = "confirmed";
    this.#timers.stopAll();
    if (this.hop.reliable) this.#terminate();
    else this.#timers.start("I", this.context.timers.t4, () => this.#terminate());
    return true;
  }

  override close(): void {
    this.#state = "terminated";
    this.#timers.stopAll();
  }

  protected override take(response: SipResponse): void {
    const { status } = response;
    if (this.#state === "accepted") {
      if (status >= 200 && status < 300) this.hop.send(response.toOctets());
      return;
    }
    if (this.#state !== "proceeding") return;
    this.#timers.stop("100");
    this.#last = response;
    const { t1 } = this.context.timers;
    if (status >= 300) {
      this.#state = "completed";
      this.#timers.start("H", 64 * t1, () => {
        this.#terminate();
        this.context.guard(() => this.onTimeout?.());
      });
      if (!this.hop.reliable) this.#armG(t1);
    } else if (status >= 200) {
      this.#state = "accepted";
      this.#timers.start("L", 64 * t1, () => this.#terminate());
    }
    this.transmit(response);
  }

  #armG(interval: number): void {
    this.#timers.start("G", interval, () => {
      this.receiveAgain();
      this.#armG(Math.min(2 * interval, this.context.timers.t2));
    });
  }

  #terminate(): void {
    this.close();
    this.#ended();
  }
}
