import type { Clock, Params } from "@portico/sip";
import { identitiesOf } from "./hss.ts";
import type { Subscription } from "./hss.ts";
import { identityKey } from "./identity.ts";

/** Why a contact changed: the `event` attribute of RFC 3680 §5.3. */
export type ContactEvent =
  | "registered"
  | "created"
  | "refreshed"
  | "shortened"
  | "expired"
  | "deactivated"
  | "unregistered"
  | "rejected";

/** One bound contact, one flow to a user agent. */
export interface Binding {
  readonly id: string;
  /** Contact URI. */
  readonly uri: string;
  /** Header parameters of the Contact, without expires. */
  readonly params: Params;
  readonly instance: string | undefined;
  readonly regId: string | undefined;
  readonly q: number;
  readonly path: readonly string[];
  readonly callId: string;
  readonly cseq: number;
  /** On the clock's scale, milliseconds. */
  readonly expiresAt: number;
  readonly pubGruu: string | undefined;
  readonly tempGruu: string | undefined;
  /** RFC 5626 in force: the flow stands beside others of the same private identity. */
  readonly outbound: boolean;
}

/** A contact with what happened to it last. */
export interface BindingChange {
  readonly binding: Binding;
  readonly event: ContactEvent;
}

/** The registration of one implicit set. */
export interface Registration {
  readonly id: string;
  readonly subscription: Subscription;
  /** All identities of the set, default first. */
  readonly identities: readonly string[];
  /** User part of the Service-Route: known to the registered user agent's network alone. */
  readonly serviceUser: string;
  readonly bindings: readonly Binding[];
}

interface Entry extends Registration {
  subscription: Subscription;
  bindings: Binding[];
}

/** Whom the registrar tells. */
export type RegistrarListener = (registration: Registration, changes: readonly BindingChange[]) => void;

/** The S-CSCF's memory of who is registered where. Contacts expire by themselves. */
export class Registrar {
  readonly #clock: Clock;
  readonly #token: (length: number) => string;
  readonly #byIdentity = new Map<string, Entry>();
  readonly #byServiceUser = new Map<string, Entry>();
  readonly #listeners = new Set<RegistrarListener>();
  readonly #serving: (identity: string) => Subscription | undefined;
  #stopTimer: () => void = () => undefined;

  /** @param serving the subscription that an identity belongs to, by itself or by a wildcard */
  constructor(
    clock: Clock,
    token: (length: number) => string,
    serving: (identity: string) => Subscription | undefined,
  ) {
    this.#clock = clock;
    this.#token = token;
    this.#serving = serving;
  }

  get registrations(): readonly Registration[] {
    return [...this.#byServiceUser.values()];
  }

  /** Tells of every change. @returns ends it */
  onChange(listener: RegistrarListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The live registration of any identity of its set, those that a wildcard of it stands for among them. */
  find(identity: string): Registration | undefined {
    const distinct = this.#byIdentity.get(identityKey(identity));
    if (distinct !== undefined) return distinct;
    const subscription = this.#serving(identity);
    return subscription && this.#byIdentity.get(identityKey(subscription.impu));
  }

  /** The registration whose Service-Route carries this user part. */
  findByServiceUser(user: string): Registration | undefined {
    return this.#byServiceUser.get(user);
  }

  /**
   * Binds contacts and takes others away in one step, so that listeners see one change.
   * @param removed bindings that end, each with its event
   */
  update(subscription: Subscription, bound: readonly BindingChange[], removed: readonly BindingChange[]): Registration {
    const entry = this.#entry(subscription);
    const gone = new Set([...removed, ...bound].map(({ binding }) => binding.id));
    entry.bindings = [...entry.bindings.filter(({ id }) => !gone.has(id)), ...bound.map(({ binding }) => binding)];
    if (entry.bindings.length === 0) {
      for (const identity of entry.identities) this.#byIdentity.delete(identityKey(identity));
      this.#byServiceUser.delete(entry.serviceUser);
    }
    this.#arm();
    for (const listener of this.#listeners) listener(entry, [...bound, ...removed]);
    return entry;
  }

  /** Takes the profile that the HSS has pushed for a user who is registered (TS 29.228 §6.2.2). */
  profile(subscription: Subscription): void {
    const entry = this.#byIdentity.get(identityKey(subscription.impu));
    if (entry !== undefined) entry.subscription = subscription;
  }

  /** Ends all contacts of an identity's set. @returns false when it was not registered */
  end(identity: string, event: ContactEvent): boolean {
    const entry = this.#byIdentity.get(identityKey(identity));
    if (entry === undefined) return false;
    this.update(
      entry.subscription,
      [],
      entry.bindings.map((binding) => ({ binding, event })),
    );
    return true;
  }

  close(): void {
    this.#stopTimer();
    this.#listeners.clear();
  }

  #entry(subscription: Subscription): Entry {
    const known = this.#byIdentity.get(identityKey(subscription.impu));
    if (known !== undefined) return known;
    const identities = identitiesOf(subscription);
    const entry: Entry = {
      id: this.#token(8),
      subscription,
      identities,
      serviceUser: `orig.${this.#token(12)}`,
      bindings: [],
    };
    for (const identity of identities) this.#byIdentity.set(identityKey(identity), entry);
    this.#byServiceUser.set(entry.serviceUser, entry);
    return entry;
  }

  #arm(): void {
    this.#stopTimer();
    const times = this.registrations.flatMap(({ bindings }) => bindings.map(({ expiresAt }) => expiresAt));
    if (times.length === 0) return;
    const wait = Math.max(0, Math.min(...times) - this.#clock.now());
    this.#stopTimer = this.#clock.setTimer(wait, () => this.#expire());
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const { subscription, bindings } of this.registrations) {
      const old = bindings.filter(({ expiresAt }) => expiresAt <= now);
      if (old.length > 0)
        this.update(
          subscription,
          [],
          old.map((binding) => ({ binding, event: "expired" })),
        );
    }
    this.#arm();
  }
}
