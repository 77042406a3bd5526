import type { EpcscfEvent, Log, MessageFact, SessionFact } from "@portico/epcscf";
import type { CallRecord, Store } from "@portico/store";
import { SoftStateRecords } from "./softStateRecords.ts";

/** How often open records are noted as alive, milliseconds: a node that dies leaves their end unknown by so much. */
const seenEvery = 60_000;

/** How often old records are looked for, milliseconds. */
const purgeEvery = 3_600_000;
const day = 86_400_000;

type Records = Pick<
  Store,
  "calls" | "messages" | "usage" | "registrationRecords" | "subscriptionRecords" | "transaction"
>;

/** Writes what the eP-CSCF tells of calls, messages, registrations and subscriptions into records and usage (CHG-02, CHG-03). */
export class CallRecords {
  /** Records of what is refreshed. */
  readonly softState: SoftStateRecords;
  readonly #store: Records;
  readonly #log: Log;
  readonly #now: () => number;
  #node = "";
  #timer: NodeJS.Timeout | undefined;
  #purging: NodeJS.Timeout | undefined;

  constructor(store: Records, log: Log, now: () => number) {
    this.softState = new SoftStateRecords(store, log, () => this.#node);
    this.#store = store;
    this.#log = log;
    this.#now = now;
  }

  /**
   * Begins for a node: records that its former run left open end when they were last seen alive.
   * @param node its name, the same after a restart
   * @param startedAt milliseconds since the epoch: whatever is younger is of this run
   */
  async begin(node: string, startedAt: number): Promise<void> {
    this.#node = node;
    const interrupted = await this.#store.calls.endInterrupted(node, startedAt);
    if (interrupted > 0) this.#log.warn("calls.interrupted", { calls: interrupted });
    await this.#store.registrationRecords.endInterrupted(node, startedAt);
    this.#timer = setInterval(() => {
      this.#store.calls.seen(node, this.#now()).catch(() => this.#log.alarm("calls.not-noted"));
    }, seenEvery);
    this.#timer.unref();
  }

  /** Forgets, now and from now on, records from longer ago. @param days how long they are kept */
  async forgetAfter(days: number): Promise<void> {
    const purge = async (): Promise<void> => {
      const before = this.#now() - days * day;
      await this.#store.calls.purge(before);
      await this.#store.messages.purge(before);
      await this.#store.registrationRecords.purge(before);
      await this.#store.subscriptionRecords.purge(before);
    };
    this.#purging = setInterval(() => {
      purge().catch(() => this.#log.alarm("calls.not-purged"));
    }, purgeEvery);
    this.#purging.unref();
    await purge();
  }

  /** Resolves when it is written; the answer of a call waits for that. */
  async report(fact: SessionFact): Promise<void> {
    const { id, tenant, clientId, impu, remote, direction, icid, since, answeredAt } = fact.session;
    const begun: Omit<CallRecord, "endedAt" | "endedBy" | "status"> = {
      id,
      node: this.#node,
      tenant,
      clientId,
      impu,
      impi: fact.impi,
      remote,
      direction,
      icid,
      beganAt: since,
      answeredAt,
    };
    if (fact.type === "answered") await this.#store.calls.answered(begun);
    else {
      const { at: endedAt, by: endedBy, status } = fact.end;
      await this.#store.calls.ended({ ...begun, endedAt, endedBy, status });
    }
  }

  /** Resolves when it is written; the answer to the message waits for that. */
  async message(fact: MessageFact): Promise<void> {
    await this.#store.messages.add({ ...fact, node: this.#node });
  }

  /** Counts initial registrations. */
  readonly count = (event: EpcscfEvent): void => {
    if (event.type !== "registration" || event.change !== "registered") return;
    this.#store.usage
      .add(event.registration, this.#now(), { registrations: 1 })
      .catch(() => this.#log.alarm("usage.not-written", { fact: "registration" }));
  };

  /** Resolves when what waited is written. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    clearInterval(this.#purging);
    await this.softState.flush();
  }
}
