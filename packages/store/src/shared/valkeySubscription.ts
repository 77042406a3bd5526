import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "iovalkey";
import { StoreError, textOf } from "../errors.ts";
import { publish } from "./publish.ts";
import type { Listener } from "./sharedState.ts";

/** An entry of the stream. */
interface Entry {
  /** `N-0`; numbers follow each other. */
  readonly id: string;
  readonly text: string;
  /** Tells an entry from another one that has the same id after the server has lost its data. */
  readonly nonce: string;
}

/** Milliseconds that a read waits for something new. */
const block = 1000;
/** Nonces remembered, so that a text that was published twice is heard once. */
const remembered = 1000;

/** Reads the stream from where it was begun, over lost connections and restarts of the server. */
export class ValkeySubscription {
  readonly #reader: Redis;
  readonly #stream: string;
  readonly #listener: Listener;
  readonly #closing = new AbortController();
  /** The last entry seen. */
  #last: Entry = { id: "0-0", text: "", nonce: "" };
  readonly #heard = new Set<string>();
  #reading: Promise<void> = Promise.resolve();

  constructor(reader: Redis, stream: string, listener: Listener) {
    this.#reader = reader;
    this.#stream = stream;
    this.#listener = listener;
  }

  /** @throws StoreError `store/unreachable` */
  async begin(): Promise<void> {
    try {
      await this.#reader.connect();
      this.#last = await this.#end();
    } catch (error) {
      this.#reader.disconnect();
      throw new StoreError("store/unreachable", textOf(error));
    }
    this.#reading = this.#read();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#reader.disconnect();
    await this.#reading;
  }

  async #read(): Promise<void> {
    const { signal } = this.#closing;
    for (let delay = 50; !signal.aborted; delay = Math.min(delay * 2, 1000)) {
      try {
        for (let resumed = false; !signal.aborted; resumed = true) {
          if (!resumed) await this.#resume();
          const [read] =
            (await this.#reader.xread("COUNT", 1000, "BLOCK", block, "STREAMS", this.#stream, this.#last.id)) ?? [];
          for (const [id, fields] of read?.[1] ?? []) this.#hear(entryOf(id, fields));
          delay = 50;
        }
      } catch {
        await wait(delay, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Looks whether the entry last seen is still there: if not, so may others be gone that were never seen. */
  async #resume(): Promise<void> {
    const { id, nonce } = this.#last;
    const [found] = await this.#reader.xrange(this.#stream, id, id);
    if (found !== undefined && entryOf(...found).nonce === nonce) return;
    this.#last = await this.#end();
    this.#listener.gap();
  }

  #hear(entry: Entry): void {
    if (this.#closing.signal.aborted) return;
    if (numberOf(entry) !== numberOf(this.#last) + 1) this.#listener.gap();
    this.#last = entry;
    if (entry.text === "" || this.#heard.has(entry.nonce)) return;
    this.#heard.add(entry.nonce);
    const [oldest] = this.#heard;
    if (this.#heard.size > remembered && oldest !== undefined) this.#heard.delete(oldest);
    this.#listener.message(entry.text);
  }

  /** The last entry there is; an empty stream is begun, so that there always is one to come back to. */
  async #end(): Promise<Entry> {
    const [newest] = await this.#reader.xrevrange(this.#stream, "+", "-", "COUNT", 1);
    if (newest !== undefined) return entryOf(...newest);
    const nonce = randomUUID();
    return { id: await publish(this.#reader, this.#stream, "", nonce), text: "", nonce };
  }
}

const numberOf = ({ id }: Entry): number => Number.parseInt(id, 10);

function entryOf(id: string, fields: readonly string[]): Entry {
  const value = (name: string): string => fields[fields.indexOf(name) + 1] ?? "";
  return { id, text: value("text"), nonce: value("nonce") };
}
