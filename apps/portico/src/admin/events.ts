/** What an event is about; a stream may be narrowed to some. */
export const eventTypes = ["registration", "session", "block", "alarm", "audit"] as const;
export type EventType = (typeof eventTypes)[number];

/** Something that has happened, as the stream tells it. */
export interface AdminEvent {
  readonly type: EventType;
  /** Whose business it is; undefined: the operator's alone. */
  readonly tenant: string | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event with its id: `EPOCH-NUMBER`, numbers without gaps within one run of the portal. */
export interface NumberedEvent extends AdminEvent {
  readonly id: string;
}

/** Events kept for streams that come back. */
const kept = 1000;

/** Tells streams what happens, and what has happened while they were away. */
export class EventHub {
  readonly #epoch: string;
  readonly #node: string;
  /** With whose each is. */
  readonly #listeners = new Map<(event: NumberedEvent) => void, string>();
  readonly #own = new Set<(event: AdminEvent) => void>();
  readonly #missing = new Set<() => void>();
  readonly #closing = new Set<() => void>();
  readonly #ring: NumberedEvent[] = [];
  #count = 0;

  /**
   * @param epoch names this run of the portal: ids of another run are not ours
   * @param node this node; every event names that on which it happened
   */
  constructor(epoch: string, node: string) {
    this.#epoch = epoch;
    this.#node = node;
  }

  /** Streams that listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Those of one owner. */
  sizeOf(owner: string): number {
    return [...this.#listeners.values()].filter((other) => other === owner).length;
  }

  /** Tells what has happened on this node. */
  publish(event: AdminEvent): void {
    this.hear(event, this.#node);
    for (const listener of this.#own) listener(event);
  }

  /** Tells what has happened on some node. */
  hear(event: AdminEvent, node: string): void {
    this.#count += 1;
    const numbered = { ...event, data: { ...event.data, node }, id: `${this.#epoch}-${this.#count}` };
    this.#ring.push(numbered);
    if (this.#ring.length > kept) this.#ring.shift();
    for (const listener of this.#listeners.keys()) listener(numbered);
  }

  /** Something of another node was missed for good: who comes back to what was before is told so as well. */
  gap(): void {
    this.#ring.length = 0;
    this.#count += 1;
    for (const listener of this.#missing) listener();
  }

  /** Calls `listener` with what happens on this node. @returns a function that ends it */
  onOwn(listener: (event: AdminEvent) => void): () => void {
    this.#own.add(listener);
    return () => void this.#own.delete(listener);
  }

  /** Calls `listener` when something was missed. @returns a function that ends it */
  onGap(listener: () => void): () => void {
    this.#missing.add(listener);
    return () => void this.#missing.delete(listener);
  }

  /** @returns a function that ends the listening */
  on(owner: string, listener: (event: NumberedEvent) => void): () => void {
    const own = (event: NumberedEvent): void => listener(event);
    this.#listeners.set(own, owner);
    return () => void this.#listeners.delete(own);
  }

  /** Calls `end` when the portal closes. @returns a function that forgets it */
  onClose(end: () => void): () => void {
    this.#closing.add(end);
    return () => void this.#closing.delete(end);
  }

  close(): void {
    for (const end of this.#closing) end();
  }

  /** The events after `id`; undefined when some of them are no longer known. */
  since(id: string): readonly NumberedEvent[] | undefined {
    const [epoch, digits = ""] = id.split("-");
    if (epoch !== this.#epoch || !/^\d{1,15}$/.test(digits)) return undefined;
    const missed = this.#count - Number(digits);
    if (missed < 0 || missed > this.#ring.length) return undefined;
    return missed === 0 ? [] : this.#ring.slice(-missed);
  }
}
