/** Where a registration lives. */
export interface LiveRegistration {
  /** The node that owns the flow. */
  readonly node: string;
  /** The registration's own key on its node. */
  readonly key: string;
  /** End of the granted time, milliseconds since the epoch. */
  readonly until: number;
}

/** A rate limit: so many at once, and so many a second from then on. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** What a subscriber hears. */
export interface Listener {
  /** Something that any node has published, this one included; in one order for all. */
  message(text: string): void;
  /** Something may have been missed for good: what was published has to be read anew from where it is kept. */
  gap(): void;
}

/**
 * State that the nodes of one portal share and that may be lost without harm: the truth is in the store. In one process
 * it is plain memory; for several nodes it is a Valkey or Redis server.
 *
 * | while the server is away | |
 * |---|---|
 * | `publish` | waits, and publishes once the server is back |
 * | `subscribe` | goes on where it was: what others published is heard late, or `gap` is called |
 * | `mark` | kept by this node, and told to the server once it is back |
 * | `isMarked` | fails closed: rejects unless this node itself knows the mark |
 * | `take`, `count`, `hold` | degrade: this node counts by itself |
 * | `register`, `unregister`, `find` | degrade: this node knows its own, and tells them once the server is back |
 */
export interface SharedState {
  /** Whether the server answers; always `true` in one process. */
  readonly connected: boolean;

  /**
   * Tells all nodes. Resolves once no listener can miss it.
   * @param text not empty
   * @throws StoreError `store/unreachable` when too many wait already, or the state is closed meanwhile
   */
  publish(text: string): Promise<void>;

  /** Hears of all that is published once the promise has resolved. @returns a function that ends it */
  subscribe(listener: Listener): Promise<() => void>;

  /** Notes a name until some time, such as a lease that has ended until its last token expires. */
  mark(name: string, until: number): Promise<void>;

  /** @throws StoreError `store/unreachable`: nobody knows, so treat it as marked or ask the store */
  isMarked(name: string): Promise<boolean>;

  /** Takes one out of a bucket. @returns 0, or how many milliseconds to wait before the next try */
  take(bucket: string, rate: Rate): Promise<number>;

  /**
   * Adds to a counter, which starts at 0 and is forgotten some time after that.
   * @param by may be negative; a counter never falls below 0
   * @param o `limit`: never above that; `ttl`: milliseconds from its first use
   * @returns the new count, or undefined when it would be above the limit, and then nothing was added
   */
  count(name: string, by: number, o: { readonly limit?: number; readonly ttl: number }): Promise<number | undefined>;

  /**
   * Says how much of something a holder has, for some time, unless all holders together would then have more than the limit.
   * @param o `limit`: absent: it has what it has; `ttl`: milliseconds after which it has none unless it says so again
   * @returns what all have together; undefined: that is too much, and nothing has changed
   */
  hold(
    name: string,
    holder: string,
    amount: number,
    o: { readonly limit?: number; readonly ttl: number },
  ): Promise<number | undefined>;

  /** Notes where an IMPU is registered, or until when. */
  register(impu: string, registration: LiveRegistration): Promise<void>;
  unregister(impu: string, registration: Pick<LiveRegistration, "node" | "key">): Promise<void>;
  /** Where an IMPU is registered now. */
  find(impu: string): Promise<LiveRegistration[]>;
  /** Forgets what a node had before it was started anew. */
  forget(node: string): Promise<void>;

  close(): Promise<void>;
}
