import type { ServerTransaction } from "@portico/sip";
import type { Registration } from "../registration/registration.ts";
import { Tally } from "../tally.ts";
import type { Flow } from "../w2/flow.ts";
import { CallContext, type CallOptions } from "./callContext.ts";
import { IncomingCalls } from "./incoming.ts";
import { OutgoingCalls } from "./outgoing.ts";
import type { Session, SessionEvents } from "./session.ts";
import type { SessionEnd } from "./view.ts";

export interface SessionsOptions extends CallOptions {
  readonly began: (session: Session) => void;
  /** The answer waits for it. */
  readonly answered: (session: Session) => Promise<void>;
  readonly message: SessionEvents["message"];
  readonly ended: (session: Session, end: SessionEnd) => void;
}

/** All calls of this node. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #byId = new Map<string, Session>();
  readonly #byRegistration = new Map<Registration, Set<Session>>();
  /** ICIDs by user and by tenant: the branches of a forked call have one and count once. */
  readonly #tally = new Tally();
  readonly #outgoing: OutgoingCalls;
  readonly #incoming: IncomingCalls;

  constructor(options: SessionsOptions) {
    this.#options = options;
    const context = new CallContext(options, this.#tally, {
      opened: (session) => this.#add(session),
      answered: options.answered,
      message: options.message,
      done: (session, end) => this.#remove(session, end),
    });
    this.#outgoing = new OutgoingCalls(context);
    this.#incoming = new IncomingCalls(context);
  }

  get size(): number {
    return this.#byId.size;
  }

  all(): IterableIterator<Session> {
    return this.#byId.values();
  }

  /** Calls of one registration. */
  count(registration: Registration): number {
    return this.#byRegistration.get(registration)?.size ?? 0;
  }

  /** Ends one call. @returns false when there is none of this id. */
  releaseOne(id: string, why: string): boolean {
    const session = this.#byId.get(id);
    session?.release(why);
    return session !== undefined;
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

  /** Calls of a user or a tenant, each once in however many branches. */
  heldBy(owner: string): number {
    return this.#tally.of(owner);
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
    const { id, registration } = session;
    const all = this.#byRegistration.get(registration) ?? new Set();
    this.#byRegistration.set(registration, all.add(session));
    this.#byId.set(id, session);
    for (const owner of owners(session)) this.#tally.add(owner, session.icid);
    this.#options.began(session);
  }

  #remove(session: Session, end: SessionEnd): void {
    const { id, registration } = session;
    this.#byId.delete(id);
    for (const owner of owners(session)) this.#tally.remove(owner, session.icid);
    const all = this.#byRegistration.get(registration);
    all?.delete(session);
    if (all?.size === 0) this.#byRegistration.delete(registration);
    this.#options.ended(session, end);
  }
}

/** Whose limits of calls at once a call is under. */
function owners({ registration: { impu, entry } }: Session): readonly string[] {
  return [impu, entry.tenant];
}
