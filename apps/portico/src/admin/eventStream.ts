import { Readable } from "node:stream";
import type { EventHub, NumberedEvent } from "./events.ts";

export interface EventStreamOptions {
  readonly hub: EventHub;
  /** Whose stream it is. */
  readonly owner: string;
  /** The events this reader may see and wants. */
  readonly wants: (event: NumberedEvent) => boolean;
  /** Id of the last event the reader has. */
  readonly after: string | undefined;
  /** False once the reader's credentials have ended; asked at every beat. */
  readonly allowed: () => Promise<boolean>;
  /** Milliseconds between beats. */
  readonly beat: number;
  /** Octets that may wait for a reader; one that is slower is let go, and comes back with Last-Event-ID. */
  readonly maxPending: number;
}

/** Server-sent events (HTML Living Standard §9.2) for one reader. */
export class EventStream extends Readable {
  readonly #o: EventStreamOptions;
  readonly #ends: readonly (() => void)[];
  readonly #timer: NodeJS.Timeout;

  constructor(o: EventStreamOptions) {
    super({ highWaterMark: o.maxPending });
    this.#o = o;
    this.#write("retry: 2000\n\n");
    const missed = o.after === undefined ? [] : o.hub.since(o.after);
    if (missed === undefined) this.#gap();
    else for (const event of missed) this.#tell(event);
    this.#ends = [
      o.hub.on(o.owner, (event) => this.#tell(event)),
      o.hub.onGap(() => this.#gap()),
      o.hub.onClose(() => this.push(null)),
    ];
    this.#timer = setInterval(() => void this.#beat(), o.beat);
    this.#timer.unref();
  }

  override _read(): void {
    // Events come when they come.
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    for (const end of this.#ends ?? []) end();
    clearInterval(this.#timer);
    done(error);
  }

  /** The reader must read the lists anew: what it has may be out of date. */
  #gap(): void {
    this.#write("event: gap\ndata: {}\n\n");
  }

  #tell(event: NumberedEvent): void {
    if (!this.#o.wants(event)) return;
    const { id, type, at, tenant, data } = event;
    const text = JSON.stringify({
      at: new Date(at).toISOString(),
      ...(tenant === undefined ? {} : { tenant }),
      ...data,
    });
    // JSON text holds no line break, so one data line carries it.
    this.#write(`id: ${id}\nevent: ${type}\ndata: ${text}\n\n`);
  }

  async #beat(): Promise<void> {
    this.#write(":\n\n");
    const allowed = await this.#o.allowed().catch(() => false);
    if (!allowed) this.push(null);
  }

  #write(text: string): void {
    if (this.destroyed || this.readableEnded) return;
    this.push(text);
    if (this.readableLength > this.#o.maxPending) this.destroy();
  }
}
