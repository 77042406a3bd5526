import type { SipRequest, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import type { MachineContext } from "./machine.ts";
import { ServerMachine } from "./serverTransaction.ts";
import type { Waiting } from "./storage.ts";

export type NonInviteServerState = "trying" | "proceeding" | "completed" | "terminated";

/**
 * Non-INVITE server transaction: RFC 3261 §17.2.2.
 *
 *                        | request
 *                        v
 *                  +------------+
 *    .-------------|   trying   |
 *    |             +------------+--- 200-699: send ---.
 *    |                   |                            |
 *    | no answer         | 1xx: send                  |
 *    | in 64*T1: tell    v                            |
 *    |             +------------+<-. 1xx: send        |
 *    +-------------| proceeding |--' request: last    |
 *    |             +------------+    1xx again        |
 *    |                   |                            v
 *    |                   |  200-699: send       +-----------+<-. request: final
 *    |                   `--------------------->| completed |--' response again
 *    |                                          +-----------+
 *    v            timer J (0 if reliable)             |
 *   terminated <--------------------------------------'
 */
export class NonInviteServerTransaction extends ServerMachine implements Waiting {
  readonly #ended: () => void;
  #stopTimer: (() => void) | undefined;
  #state: NonInviteServerState = "trying";
  #last: SipResponse | undefined;

  constructor(context: MachineContext, request: SipRequest, hop: Hop, ended: () => void) {
    super(context, request, hop);
    this.#ended = ended;
    this.#stopTimer = context.waiting.add(this);
  }

  override get state(): NonInviteServerState {
    return this.#state;
  }

  override receiveAgain(): void {
    if (this.#last) this.hop.send(this.#last.toOctets());
  }

  override close(): void {
    this.#state = "terminated";
    this.#stopTimer?.();
  }

  /** Timer J, or nobody has answered for as long. */
  expire(): void {
    const isOpen = this.#state === "trying" || this.#state === "proceeding";
    this.#terminate();
    if (isOpen) this.tellTimeout();
  }

  protected override take(response: SipResponse): void {
    if (this.#state === "completed" || this.#state === "terminated") return;
    this.#last = response;
    if (response.status < 200) {
      this.#state = "proceeding";
    } else {
      this.#state = "completed";
      this.#stopTimer?.();
      if (this.hop.reliable) this.#terminate();
      else this.#stopTimer = this.context.waiting.add(this);
    }
    this.transmit(response);
  }

  #terminate(): void {
    this.close();
    this.#ended();
  }
}
