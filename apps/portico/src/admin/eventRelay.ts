import type { Log } from "@portico/epcscf";
import type { SharedState } from "@portico/store";
import type { SecretBox } from "@portico/waf";
import type { AdminEvent, EventHub } from "./events.ts";

/** How long an event waits for others, milliseconds. */
const linger = 50;
/** Events of one text, and events that wait while the shared state is away; beyond that they are left out. */
const most = 100;
const mostWaiting = 2000;

/** What a node tells the others. */
interface Told {
  readonly node: string;
  /** When this run of the node began, and how many texts of it there were before. */
  readonly startedAt: number;
  readonly number: number;
  readonly events: readonly AdminEvent[];
}

export interface EventRelayOptions {
  readonly hub: EventHub;
  readonly shared: Pick<SharedState, "publish" | "subscribe">;
  /** Events say who is registered and called: what carries them can neither read nor make them. */
  readonly box: SecretBox;
  readonly node: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly log: Log;
}

/** Makes the streams of all nodes tell the same: what happens here is told to the others, and what they tell is told here. */
export class EventRelay {
  readonly #o: EventRelayOptions;
  #waiting: AdminEvent[] = [];
  #number = 0;
  #timer: NodeJS.Timeout | undefined;
  #sending = false;
  #ends: readonly (() => void)[] = [];
  #closed = false;
  /** Last text of each node: what comes again or late is none. */
  readonly #heard = new Map<string, Pick<Told, "startedAt" | "number">>();

  private constructor(o: EventRelayOptions) {
    this.#o = o;
  }

  /** @throws StoreError `store/unreachable` */
  static async open(o: EventRelayOptions): Promise<EventRelay> {
    const relay = new EventRelay(o);
    const end = await o.shared.subscribe({ message: (text) => relay.#hear(text), gap: () => o.hub.gap() });
    relay.#ends = [end, o.hub.onOwn((event) => relay.#tell(event))];
    return relay;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
  }

  #tell(event: AdminEvent): void {
    if (this.#waiting.length === mostWaiting) {
      // A number that never comes tells the others that they miss something.
      this.#number += 1;
      this.#waiting = [];
      this.#o.log.warn("events.not-relayed", { events: mostWaiting });
    }
    this.#waiting.push(event);
    if (!this.#sending) this.#timer ??= setTimeout(() => void this.#send(), linger);
  }

  /** One text at a time: while one waits for the shared state, the others gather. */
  async #send(): Promise<void> {
    this.#timer = undefined;
    this.#sending = true;
    const { node, startedAt, shared, box, log } = this.#o;
    while (this.#waiting.length > 0 && !this.#closed) {
      const events = this.#waiting.splice(0, most);
      this.#number += 1;
      const told: Told = { node, startedAt, number: this.#number, events };
      try {
        await shared.publish(box.seal(JSON.stringify(told)));
      } catch {
        if (!this.#closed) log.warn("events.not-relayed", { events: events.length });
      }
    }
    this.#sending = false;
  }

  #hear(text: string): void {
    const { box, hub, node: self } = this.#o;
    const opened = box.open(text);
    // Sealed text is of a node of this portal; anything else is not.
    if (opened === undefined) return;
    const { node, startedAt, number, events } = JSON.parse(opened) as Told;
    if (node === self) return;
    const last = this.#heard.get(node);
    if (last !== undefined) {
      if (startedAt < last.startedAt || (startedAt === last.startedAt && number <= last.number)) return;
      if (number !== (startedAt === last.startedAt ? last.number + 1 : 1)) hub.gap();
    }
    this.#heard.set(node, { startedAt, number });
    for (const event of events) hub.hear(event, node);
  }
}
