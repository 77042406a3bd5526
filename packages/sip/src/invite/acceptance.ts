import type { SipResponse } from "../message.ts";
import type { Clock } from "../ports.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { TimerBank } from "../transaction/timerBank.ts";
import type { Timers } from "../transaction/timers.ts";

/**
 * A 2xx to an INVITE, sent again until its ACK comes (RFC 3261 §13.3.1.4: whatever the transport, since a later hop may be
 * unreliable).
 *
 *     | 2xx sent              ACK
 *     v                       64*T1: tell
 *    sent --------------------------------> over
 *     ^ | T1, doubling
 *     `-' up to T2: send again
 */
export class Acceptance {
  readonly #timers: TimerBank<"again" | "limit">;

  constructor(
    clock: Clock,
    { t1, t2 }: Timers,
    transaction: ServerTransaction,
    response: SipResponse,
    onTimeout: () => void,
  ) {
    this.#timers = new TimerBank(clock);
    this.#timers.start("limit", 64 * t1, () => {
      this.stop();
      onTimeout();
    });
    const arm = (interval: number): void => {
      this.#timers.start("again", interval, () => {
        transaction.respond(response);
        arm(Math.min(2 * interval, t2));
      });
    };
    arm(t1);
  }

  /** The ACK has come, or nobody waits for it any more. */
  stop(): void {
    this.#timers.stopAll();
  }
}
