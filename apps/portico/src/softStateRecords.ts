import type { Log, RegistrationUse, SubscriptionFact } from "@portico/epcscf";
import type { RegistrationRecord, Store, SubscriptionRecord } from "@portico/store";

/** How long a record may wait for others, ms: no answer waits for it, and nothing is charged by it. */
const batchMs = 10_000;
/** SUBSCRIBEs that wait at the most, while the database is slow or away. */
const mostSubscriptions = 50_000;
/** How often what could not be written is tried: what the database will never take must not keep all that follows from it. */
const mostTries = 6;

/**
 * Writes records of registrations and of SUBSCRIBEs in batches. A registration is one row: what begins and ends in the same batch is
 * written once, and a refresh not at all.
 */
export class SoftStateRecords {
  readonly #store: Pick<Store, "transaction">;
  readonly #log: Log;
  readonly #node: () => string;
  /** By id. */
  #registrations = new Map<string, RegistrationRecord>();
  #subscriptions: SubscriptionRecord[] = [];
  /** Of the writes since the last that succeeded. */
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** @param node its name, once records come */
  constructor(store: Pick<Store, "transaction">, log: Log, node: () => string) {
    this.#store = store;
    this.#log = log;
    this.#node = node;
  }

  registration({ end, icid = "", ...use }: RegistrationUse): void {
    const begun = this.#registrations.get(use.id);
    this.#registrations.set(use.id, {
      ...use,
      icid: begun?.icid ?? icid,
      node: this.#node(),
      endedAt: end?.at,
      endReason: end?.reason,
    });
    this.#soon();
  }

  subscription(fact: SubscriptionFact): void {
    if (this.#subscriptions.length >= mostSubscriptions) {
      this.#log.alarm("usage.not-written", { fact: "subscription" });
      return;
    }
    this.#subscriptions.push({ ...fact, expires: fact.expires, node: this.#node() });
    this.#soon();
  }

  /** Resolves when all that has come until now is written, or has been found not to be: an alarm tells. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    await this.#writing;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.flush(), batchMs).unref();
  }

  async #write(): Promise<void> {
    const [registrations, subscriptions] = [[...this.#registrations.values()], this.#subscriptions];
    this.#registrations = new Map();
    this.#subscriptions = [];
    if (registrations.length + subscriptions.length === 0) return;
    try {
      await this.#store.transaction(async (tables) => {
        await tables.registrationRecords.save(registrations);
        await tables.subscriptionRecords.add(subscriptions);
      });
      this.#failures = 0;
    } catch {
      this.#log.alarm("usage.not-written", { fact: "registration" });
      this.#failures = (this.#failures + 1) % mostTries;
      if (this.#failures > 0) this.#putBack(registrations, subscriptions);
    }
  }

  #putBack(registrations: readonly RegistrationRecord[], subscriptions: readonly SubscriptionRecord[]): void {
    for (const one of registrations) {
      const newer = this.#registrations.get(one.id);
      this.#registrations.set(one.id, newer === undefined ? one : { ...newer, icid: one.icid });
    }
    this.#subscriptions = [...subscriptions, ...this.#subscriptions].slice(0, mostSubscriptions);
    this.#soon();
  }
}
