import { ExpiringMap } from "./expiringMap.ts";
import type { Listener, LiveRegistration, Rate, SharedState } from "./sharedState.ts";

/** The shared state of a portal that is one process. */
export class LocalState implements SharedState {
  readonly connected = true;
  readonly #now: () => number;
  readonly #listeners = new Set<Listener>();
  readonly #marks: ExpiringMap<true>;
  readonly #buckets: ExpiringMap<{ readonly tokens: number; readonly at: number }>;
  readonly #counters: ExpiringMap<number>;
  readonly #holders = new Map<string, ExpiringMap<number>>();
  readonly #registrations = new Map<string, ExpiringMap<LiveRegistration>>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
    this.#marks = new ExpiringMap(now);
    this.#buckets = new ExpiringMap(now);
    this.#counters = new ExpiringMap(now);
  }

  async publish(text: string): Promise<void> {
    for (const listener of this.#listeners) listener.message(text);
  }

  async subscribe(listener: Listener): Promise<() => void> {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async mark(name: string, until: number): Promise<void> {
    this.#marks.set(name, true, until);
  }

  async isMarked(name: string): Promise<boolean> {
    return this.#marks.get(name) === true;
  }

  async take(bucket: string, { burst, perSecond }: Rate): Promise<number> {
    const now = this.#now();
    const { tokens: left, at } = this.#buckets.get(bucket) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, left + (Math.max(0, now - at) * perSecond) / 1000);
    const rest = tokens < 1 ? tokens : tokens - 1;
    // Once it is full again it is as good as new.
    this.#buckets.set(bucket, { tokens: rest, at: now }, now + (1000 * burst) / perSecond);
    return tokens < 1 ? Math.ceil(((1 - tokens) * 1000) / perSecond) : 0;
  }

  async count(
    name: string,
    by: number,
    o: { readonly limit?: number; readonly ttl: number },
  ): Promise<number | undefined> {
    const known = this.#counters.entry(name);
    const count = Math.max(0, (known?.value ?? 0) + by);
    if (o.limit !== undefined && by > 0 && count > o.limit) return undefined;
    this.#counters.set(name, count, known?.until ?? this.#now() + o.ttl);
    return count;
  }

  async hold(
    name: string,
    holder: string,
    amount: number,
    o: { readonly limit?: number; readonly ttl: number },
  ): Promise<number | undefined> {
    const holders = this.#holders.get(name) ?? new ExpiringMap(this.#now);
    let sum = amount;
    for (const [other, has] of holders.live()) if (other !== holder) sum += has;
    if (o.limit !== undefined && sum > o.limit) return undefined;
    if (amount === 0) holders.delete(holder);
    else holders.set(holder, amount, this.#now() + o.ttl);
    if (holders.live().next().done === true) this.#holders.delete(name);
    else this.#holders.set(name, holders);
    return sum;
  }

  async register(impu: string, registration: LiveRegistration): Promise<void> {
    const known = this.#registrations.get(impu) ?? new ExpiringMap(this.#now);
    this.#registrations.set(impu, known);
    known.set(keyOf(registration), registration, registration.until);
  }

  async unregister(impu: string, registration: Pick<LiveRegistration, "node" | "key">): Promise<void> {
    const known = this.#registrations.get(impu);
    known?.delete(keyOf(registration));
    if (known?.live().next().done === true) this.#registrations.delete(impu);
  }

  async find(impu: string): Promise<LiveRegistration[]> {
    return [...(this.#registrations.get(impu)?.live() ?? [])].map(([, registration]) => registration);
  }

  async forget(node: string): Promise<void> {
    for (const [impu, registration] of this.registrations()) {
      if (registration.node === node) await this.unregister(impu, registration);
    }
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** Everything that is registered. */
  *registrations(): Generator<[impu: string, registration: LiveRegistration]> {
    for (const [impu, known] of this.#registrations) {
      for (const [, registration] of known.live()) yield [impu, registration];
    }
  }

  /** Everything that is marked. */
  *marks(): Generator<[name: string, until: number]> {
    for (const [name, , until] of this.#marks.live()) yield [name, until];
  }
}

const keyOf = ({ node, key }: Pick<LiveRegistration, "node" | "key">): string => JSON.stringify([node, key]);
