import type { ServerTransaction } from "@portico/sip";
import type { Registration } from "../registration/registration.ts";
import type { Flow } from "../w2/flow.ts";
import { CallContext, type CallOptions } from "./callContext.ts";
import { IncomingCalls } from "./incoming.ts";
import { OutgoingCalls } from "./outgoing.ts";
import type { Session } from "./session.ts";

/** All calls of this node. */
export class Sessions {
  readonly #byRegistration = new Map<Registration, Set<Session>>();
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingCalls;
  #size = 0;

  constructor(options: CallOptions) {
    const context = new CallContext(
      options,
      (session) => this.#add(session),
      (session) => this.#remove(session),
    );
    this.#outgoing = new OutgoingCalls(context);
    this.#incoming = new IncomingCalls(context);
  }

  get size(): number {
    return this.#size;
  }

  /** A call of a registered browser. Answers in every case. */
  outgoing(tx: ServerTransaction, registration: Registration): Promise<void> {
    return this.#outgoing.call(tx, registration);
  }

  /** A call of the core for a registered browser. Answers in every case. */
  incoming(tx: ServerTransaction, registration: Registration): Promise<void> {
    return this.#incoming.call(tx, registration);
  }

  /** Ends the calls of a registration. */
  release(registration: Registration, why: string): void {
    for (const session of this.#of(registration)) session.release(why);
  }

  /** A browser's socket is gone: calls it has placed cannot be answered on it any more, others wait for it to come back. */
  flowLost(registration: Registration): void {
    for (const session of this.#of(registration)) {
      const access = session.leg("access");
      if (access?.state === "calling" || access?.state === "early") session.release("the browser's connection is lost");
    }
  }

  /** Further requests to the browser go to its new flow. */
  flowReplaced(registration: Registration, flow: Flow): void {
    for (const session of this.#of(registration)) {
      const access = session.leg("access");
      if (access !== undefined) access.hop = flow;
    }
  }

  #of(registration: Registration): Session[] {
    return [...(this.#byRegistration.get(registration) ?? [])];
  }

  #add(session: Session): void {
    const { registration } = session;
    const all = this.#byRegistration.get(registration) ?? new Set();
    this.#byRegistration.set(registration, all.add(session));
    this.#size += 1;
  }

  #remove(session: Session): void {
    const all = this.#byRegistration.get(session.registration);
    if (all?.delete(session) !== true) return;
    this.#size -= 1;
    if (all.size === 0) this.#byRegistration.delete(session.registration);
  }
}
