import type { Dialog } from "../dialog.ts";
import { createResponse } from "../message.ts";
import type { SipRequest, SipResponse } from "../message.ts";
import type { Clock, Random } from "../ports.ts";
import type { TransactionLayer } from "../transaction/layer.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";

/** What a user agent hands the messages of a dialog to. */
export interface DialogUsage {
  receive(transaction: ServerTransaction, dialog: Dialog): void;
  receiveAck(ack: SipRequest): void;
  /** A 2xx to our INVITE after its transaction has ended. */
  receiveLate2xx(response: SipResponse): void;
  close(): void;
}

/** What a usage borrows from its user agent. */
export interface UsageContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly layer: TransactionLayer;
  /** Runs a listener; true if it threw nothing. */
  guard(run: () => void): boolean;
  /** Requests of this dialog go to the usage from now on. */
  register(dialogId: string, usage: DialogUsage, dialog: Dialog): void;
  unregister(dialogId: string): void;
}

/** A response made here in place of one that never came. */
export function localResponse(request: SipRequest, status: 408 | 481 | 487 | 491 | 503, reason?: string): SipResponse {
  return createResponse(request, status, reason === undefined ? {} : { reason });
}
