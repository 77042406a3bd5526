import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Redis, type RedisOptions } from "iovalkey";
import { StoreError, textOf } from "../errors.ts";
import { LocalState } from "./localState.ts";
import { publish } from "./publish.ts";
import type { Listener, LiveRegistration, Rate, SharedState } from "./sharedState.ts";
import { scripts } from "./valkeyScripts.ts";
import { ValkeySubscription } from "./valkeySubscription.ts";

/** Texts that wait for the server to be back. */
const maxWaiting = 10_000;

/** Commands fail at once while there is no connection: what then happens is decided here and not by a queue. */
const options: RedisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 2000,
  retryStrategy: (attempt) => Math.min(2000, 50 * 2 ** Math.min(attempt, 6)) * (0.5 + Math.random() / 2),
};

/** The shared state of several nodes, on a Valkey or Redis server (7 or newer). */
export class ValkeyState implements SharedState {
  readonly #client: Redis;
  readonly #url: string;
  readonly #prefix: string;
  readonly #subscriptions = new Set<ValkeySubscription>();
  /** What this node knows by itself. */
  readonly #local = new LocalState(Date.now);
  #waiting = 0;
  readonly #closing = new AbortController();

  private constructor(url: string, prefix: string) {
    this.#url = url;
    // In one slot of a cluster.
    this.#prefix = `{${prefix}}:`;
    this.#client = new Redis(url, options);
    this.#client.on("error", () => undefined);
    this.#client.on("ready", () => void this.#tellAgain());
  }

  /** @throws StoreError `store/unreachable` */
  static async open(url: string, prefix: string): Promise<ValkeyState> {
    const state = new ValkeyState(url, prefix);
    try {
      await state.#client.connect();
      return state;
    } catch (error) {
      state.#client.disconnect();
      throw new StoreError("store/unreachable", textOf(error));
    }
  }

  get connected(): boolean {
    return this.#client.status === "ready";
  }

  async publish(text: string): Promise<void> {
    if (this.#waiting >= maxWaiting) throw new StoreError("store/unreachable", "too many texts wait to be published");
    this.#waiting += 1;
    try {
      const nonce = randomUUID();
      for (let delay = 50; ; delay = Math.min(delay * 2, 1000)) {
        try {
          await publish(this.#client, this.#key("stream"), text, nonce);
          return;
        } catch {
          // Not known whether it arrived: whoever hears it twice knows it by its nonce.
          await wait(delay, undefined, { signal: this.#closing.signal }).catch(() => {
            throw new StoreError("store/unreachable", "the shared state was closed");
          });
        }
      }
    } finally {
      this.#waiting -= 1;
    }
  }

  async subscribe(listener: Listener): Promise<() => void> {
    const reader = new Redis(this.#url, options);
    reader.on("error", () => undefined);
    const subscription = new ValkeySubscription(reader, this.#key("stream"), listener);
    await subscription.begin();
    this.#subscriptions.add(subscription);
    return () => {
      this.#subscriptions.delete(subscription);
      void subscription.close();
    };
  }

  async mark(name: string, until: number): Promise<void> {
    await this.#local.mark(name, until);
    await this.#attempt(() => this.#client.set(this.#key("mark", name), 1, "PXAT", Math.ceil(until)));
  }

  async isMarked(name: string): Promise<boolean> {
    if (await this.#local.isMarked(name)) return true;
    try {
      return (await this.#client.exists(this.#key("mark", name))) > 0;
    } catch (error) {
      throw new StoreError("store/unreachable", textOf(error));
    }
  }

  async take(bucket: string, rate: Rate): Promise<number> {
    const { burst, perSecond } = rate;
    const delay = await this.#attempt(() =>
      this.#client.eval(scripts.take, 1, this.#key("bucket", bucket), burst, perSecond),
    );
    return delay === undefined ? await this.#local.take(bucket, rate) : Number(delay);
  }

  async count(
    name: string,
    by: number,
    o: { readonly limit?: number; readonly ttl: number },
  ): Promise<number | undefined> {
    const count = await this.#attempt(() =>
      this.#client.eval(scripts.count, 1, this.#key("count", name), by, o.limit ?? "", Math.ceil(o.ttl)),
    );
    if (count === undefined) return await this.#local.count(name, by, o);
    return count === null ? undefined : Number(count);
  }

  async hold(
    name: string,
    holder: string,
    amount: number,
    o: { readonly limit?: number; readonly ttl: number },
  ): Promise<number | undefined> {
    const sum = await this.#attempt(() =>
      this.#client.eval(scripts.hold, 1, this.#key("hold", name), holder, amount, o.limit ?? "", Math.ceil(o.ttl)),
    );
    if (sum === undefined) return await this.#local.hold(name, holder, amount, o);
    return sum === null ? undefined : Number(sum);
  }

  async register(impu: string, registration: LiveRegistration): Promise<void> {
    await this.#local.register(impu, registration);
    await this.#tell(impu, registration);
  }

  async unregister(impu: string, registration: Pick<LiveRegistration, "node" | "key">): Promise<void> {
    await this.#local.unregister(impu, registration);
    await this.#attempt(() => this.#client.hdel(this.#key("registrations", impu), fieldOf(registration)));
  }

  async find(impu: string): Promise<LiveRegistration[]> {
    const fields = await this.#attempt(() => this.#client.hgetall(this.#key("registrations", impu)));
    if (fields === undefined) return await this.#local.find(impu);
    return Object.entries(fields)
      .map(([field, until]) => registrationOf(field, Number(until)))
      .filter(({ until }) => until > Date.now());
  }

  async forget(node: string): Promise<void> {
    await this.#local.forget(node);
    const known = (await this.#attempt(() => this.#client.smembers(this.#key("node", node)))) ?? [];
    for (const impu of known) {
      const key = this.#key("registrations", impu);
      const fields = Object.keys((await this.#attempt(() => this.#client.hgetall(key))) ?? {});
      const gone = fields.filter((field) => registrationOf(field, 0).node === node);
      if (gone.length > 0) await this.#attempt(() => this.#client.hdel(key, ...gone));
    }
    await this.#attempt(() => this.#client.del(this.#key("node", node)));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.close()));
    this.#client.disconnect();
  }

  /** Runs a command. @returns undefined when the server is away */
  async #attempt<T>(command: () => Promise<T>): Promise<T | undefined> {
    try {
      return await command();
    } catch {
      return undefined;
    }
  }

  async #tell(impu: string, registration: LiveRegistration): Promise<void> {
    const keys = [this.#key("registrations", impu), this.#key("node", registration.node)];
    const values = [fieldOf(registration), Math.ceil(registration.until), impu];
    await this.#attempt(() => this.#client.eval(scripts.register, 2, ...keys, ...values));
  }

  /** What this node has noted while the server was away, or the server has forgotten. */
  async #tellAgain(): Promise<void> {
    for (const [name, until] of this.#local.marks()) {
      await this.#attempt(() => this.#client.set(this.#key("mark", name), 1, "PXAT", Math.ceil(until)));
    }
    for (const [impu, registration] of this.#local.registrations()) await this.#tell(impu, registration);
  }

  #key(kind: string, name = ""): string {
    return `${this.#prefix}${kind}:${name}`;
  }
}

const fieldOf = ({ node, key }: Pick<LiveRegistration, "node" | "key">): string => JSON.stringify([node, key]);

function registrationOf(field: string, until: number): LiveRegistration {
  const [node, key] = JSON.parse(field) as [string, string];
  return { node, key, until };
}
