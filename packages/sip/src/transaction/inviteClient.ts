import { SipRequest } from "../message.ts";
import type { HeaderList, SipMessage, SipResponse } from "../message.ts";
import type { Hop } from "../ports.ts";
import type { ClientFailure, ClientListener, ClientTransaction } from "./clientTransaction.ts";
import type { MachineContext } from "./machine.ts";
import { TimerBank } from "./timerBank.ts";
import { timerC } from "./timers.ts";

export type InviteClientState = "calling" | "proceeding" | "completed" | "accepted" | "terminated";

/** Who owns an INVITE client transaction: sends its CANCEL as a transaction of its own, and forgets it when it ends. */
export interface InviteClientOwner {
  cancel(cancel: SipRequest): void;
  ended(): void;
}

/**
 * INVITE client transaction: RFC 3261 §17.1.1 as changed by RFC 6026 §7.2.
 *
 *                         | INVITE sent
 *                         v
 *                   +-----------+<-. timer A: send again
 *    .--------------|  calling  |--'
 *    |              +-----------+----------- 2xx: tell ---.
 *    | timer B,       |   |                               |
 *    | no way: tell   |   `-- 3xx-6xx: ACK, tell ---.     |
 *    |                | 1xx: tell                   |     |
 *    |                v                             |     |
 *    |              +------------+<-. 1xx: tell,    |     |
 *    +--------------| proceeding |--' timer C anew  |     |
 *    |              +------------+----- 2xx: tell --|-----+
 *    | CANCEL unanswered, |                         |     |
 *    | no way: tell       `-- 3xx-6xx: ACK, tell ---+     |
 *    |                                              v     v
 *    |                3xx-6xx: .->+-------------------+ +----------+<-. 2xx: tell
 *    |               ACK again `--|     completed     | | accepted |--'
 *    |                            +-------------------+ +----------+
 *    |                 timer D (0 if reliable)  |             | timer M
 *    v                                          |             |
 *   terminated <--------------------------------+-------------'
 */
export class InviteClientTransaction implements ClientTransaction {
  readonly request: SipRequest;
  readonly hop: Hop;
  readonly #context: MachineContext;
  readonly #listener: ClientListener;
  readonly #owner: InviteClientOwner;
  readonly #timers: TimerBank<"A" | "B" | "C" | "D" | "M" | "cancelled">;
  #state: InviteClientState = "calling";
  #cancel: { request: SipRequest; sent: boolean } | undefined;

  constructor(
    context: MachineContext,
    request: SipRequest,
    hop: Hop,
    listener: ClientListener,
    owner: InviteClientOwner,
  ) {
    this.#context = context;
    this.request = request;
    this.hop = hop;
    this.#listener = listener;
    this.#owner = owner;
    this.#timers = new TimerBank(context.clock);
  }

  get state(): InviteClientState {
    return this.#state;
  }

  /** For a final response. */
  get #waits(): boolean {
    return this.#state === "calling" || this.#state === "proceeding";
  }

  /** Sends the INVITE. */
  start(): void {
    const { t1 } = this.#context.timers;
    if (!this.hop.send(this.request.toOctets())) {
      this.#timers.start("B", 0, () => this.#fail("transport"));
      return;
    }
    this.#timers.start("B", 64 * t1, () => this.#fail("timeout"));
    if (!this.hop.reliable) this.#armA(t1);
  }

  receive(response: SipResponse): void {
    const { status } = response;
    switch (this.#state) {
      case "calling":
      case "proceeding":
        if (status < 200) this.#provisional(response);
        else if (status < 300) this.#accepted(response);
        else this.#rejected(response);
        return;
      case "completed":
        // RFC 3261 §17.1.1.2: the ACK was lost, send it again without telling the user.
        if (status >= 300) this.#acknowledge(response);
        return;
      case "accepted":
        // RFC 6026 §7.2: each 2xx, repeated or of another branch of a fork, is the user's to ACK.
        if (status >= 200 && status < 300) this.#tell(response);
        return;
      case "terminated":
        return;
    }
  }

  cancel(headers: HeaderList = []): void {
    if (this.#cancel || !this.#waits) return;
    this.#cancel = { request: this.#cancelRequest(headers), sent: false };
    // RFC 3261 §9.1: no CANCEL before a provisional response.
    if (this.#state === "proceeding") this.#cancelNow(this.#cancel);
  }

  /** An INVITE has to be cancelled. */
  giveUp(): void {}

  /** The hop or the layer closes. */
  close(): void {
    if (this.#waits) this.#fail("transport");
    else this.#terminate();
  }

  #armA(interval: number): void {
    this.#timers.start("A", interval, () => {
      if (this.hop.send(this.request.toOctets())) this.#armA(2 * interval);
      else this.#fail("transport");
    });
  }

  #provisional(response: SipResponse): void {
    this.#state = "proceeding";
    this.#timers.stop("A", "B");
    if (this.#cancel && !this.#cancel.sent) this.#cancelNow(this.#cancel);
    // RFC 3261 §16.7 step 2: every provisional but 100 starts timer C anew; the first of all starts it.
    else if (!this.#cancel && (response.status > 100 || !this.#timers.isRunning("C"))) {
      this.#timers.start("C", timerC, () => this.cancel());
    }
    this.#tell(response);
  }

  #cancelNow(cancel: { request: SipRequest; sent: boolean }): void {
    cancel.sent = true;
    this.#timers.stop("C");
    // RFC 3261 §9.1: a peer that answers the CANCEL but never the INVITE is given up after 64*T1.
    this.#timers.start("cancelled", 64 * this.#context.timers.t1, () => this.#fail("timeout"));
    this.#owner.cancel(cancel.request);
  }

  #accepted(response: SipResponse): void {
    this.#state = "accepted";
    this.#timers.stopAll();
    this.#timers.start("M", 64 * this.#context.timers.t1, () => this.#terminate());
    this.#tell(response);
  }

  #rejected(response: SipResponse): void {
    this.#state = "completed";
    this.#timers.stopAll();
    this.#acknowledge(response);
    // RFC 3261 §17.1.1.2: timer D is at least 32 s and zero over a reliable transport.
    if (this.hop.reliable) this.#terminate();
    else this.#timers.start("D", Math.max(32_000, 64 * this.#context.timers.t1), () => this.#terminate());
    this.#tell(response);
  }

  #fail(why: ClientFailure): void {
    this.#terminate();
    this.#context.guard(() => this.#listener.failed(why));
  }

  #terminate(): void {
    this.#state = "terminated";
    this.#timers.stopAll();
    this.#owner.ended();
  }

  #tell(response: SipResponse): void {
    this.#context.guard(() => this.#listener.response(response));
  }

  // RFC 3261 §17.1.1.3
  #acknowledge(response: SipResponse): void {
    this.hop.send(this.#sibling("ACK", response).toOctets());
  }

  // RFC 3261 §9.1
  #cancelRequest(headers: HeaderList): SipRequest {
    const cancel = this.#sibling("CANCEL", this.request);
    for (const [name, value] of headers) cancel.add(name, value);
    return cancel;
  }

  /** ACK and CANCEL share Request-URI, top Via, Route, From, Call-ID and the CSeq number with their INVITE. */
  #sibling(method: "ACK" | "CANCEL", toFrom: SipMessage): SipRequest {
    const { request } = this;
    return SipRequest.create(method, request.uri, [["Via", request.list("Via")[0] ?? ""]])
      .copy(request, "Route")
      .add("Max-Forwards", "70")
      .copy(request, "From")
      .copy(toFrom, "To")
      .copy(request, "Call-ID")
      .add("CSeq", `${request.cseq.number} ${method}`);
  }
}
