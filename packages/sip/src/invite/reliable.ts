import type { SipRequest, SipResponse } from "../message.ts";
import type { Clock } from "../ports.ts";
import type { ServerTransaction } from "../transaction/serverTransaction.ts";
import { TimerBank } from "../transaction/timerBank.ts";

/** True when the list header of that name holds the option tag. */
function hasOption(message: SipRequest | SipResponse, name: "Require" | "Supported", option: string): boolean {
  return message.list(name).some((value) => value.toLowerCase() === option);
}

/** The callee may send provisional responses reliably (RFC 3262 §3). */
export function wants100rel(invite: SipRequest): boolean {
  return hasOption(invite, "Supported", "100rel") || hasOption(invite, "Require", "100rel");
}

/**
 * The callee's side of RFC 3262: reliable provisional responses, one at a time.
 *
 *          send: 18x with RSeq        T1, doubling: send again
 *    idle ---------------------> waiting <-. PRACK, one waits: send it
 *      ^       PRACK, none waits  |   `----'
 *      `--------------------------'
 *              64*T1: tell
 */
export class ReliableSender {
  readonly #transaction: ServerTransaction;
  readonly #t1: number;
  readonly #timers: TimerBank<"again" | "limit">;
  readonly #onTimeout: () => void;
  readonly #queue: SipResponse[] = [];
  #waiting = false;
  #rseq: number;

  /** @param first the first RSeq, 1 to 2^31 - 1 (RFC 3262 §3: chosen at random). */
  constructor(transaction: ServerTransaction, o: { clock: Clock; t1: number; first: number; onTimeout(): void }) {
    this.#transaction = transaction;
    this.#t1 = o.t1;
    this.#rseq = o.first - 1;
    this.#timers = new TimerBank(o.clock);
    this.#onTimeout = () => o.onTimeout();
  }

  /** Some response still waits, for its PRACK or to be sent. */
  get pending(): boolean {
    return this.#waiting || this.#queue.length > 0;
  }

  send(response: SipResponse): void {
    this.#queue.push(response);
    this.next();
  }

  /** Takes the RAck of a PRACK; false if it fits no unacknowledged response (the PRACK gets 481 then). */
  acknowledge(rack: string | undefined): boolean {
    const { cseq } = this.#transaction.request;
    const [rseq, number, method] = (rack ?? "").trim().split(/\s+/);
    if (!this.#waiting || Number(rseq) !== this.#rseq || Number(number) !== cseq.number || method !== "INVITE") {
      return false;
    }
    this.#timers.stopAll();
    this.#waiting = false;
    return true;
  }

  /** After the PRACK has been answered: sends the response that waited, if any. */
  next(): void {
    const next = this.#waiting ? undefined : this.#queue.shift();
    if (next) this.#start(next);
  }

  /** RFC 3262 §3: a final response ends the repetition. */
  stop(): void {
    this.#timers.stopAll();
    this.#waiting = false;
    this.#queue.length = 0;
  }

  #start(response: SipResponse): void {
    this.#waiting = true;
    this.#rseq += 1;
    response.add("Require", "100rel").set("RSeq", String(this.#rseq));
    const send = (interval: number): void => {
      this.#transaction.respond(response);
      this.#timers.start("again", interval, () => send(2 * interval));
    };
    this.#timers.start("limit", 64 * this.#t1, () => {
      this.stop();
      this.#onTimeout();
    });
    send(this.#t1);
  }
}

/**
 * The caller's side of RFC 3262 §4: which provisional responses are new, and what their PRACK says.
 *
 *             any RSeq: PRACK             RSeq one higher: PRACK
 *    unknown -----------------> known <-. any other RSeq: drop
 *                                 `-----'
 */
export class ReliableReceiver {
  readonly #last = new Map<string, number>();

  /** "plain": not reliable; "drop": a repetition or out of order; else the RAck value of the PRACK that is due. */
  take(response: SipResponse): "plain" | "drop" | { rack: string } {
    const rseq = Number(response.get("RSeq") ?? Number.NaN);
    const { toTag, cseq } = response;
    if (toTag === undefined || !Number.isInteger(rseq) || !hasOption(response, "Require", "100rel")) return "plain";
    const key = `${toTag} ${cseq.number}`;
    const last = this.#last.get(key);
    if (last !== undefined && rseq !== last + 1) return "drop";
    this.#last.set(key, rseq);
    return { rack: `${rseq} ${cseq.number} ${cseq.method}` };
  }
}
