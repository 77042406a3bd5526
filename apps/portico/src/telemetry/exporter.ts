import type { Log } from "@portico/epcscf";
import { type Origin, otlpDocument, type Span } from "./span.ts";

/** Spans of one request, and spans that wait at the most; what comes beyond is dropped and counted. */
const batch = 512;
const mostWaiting = 4096;
/** How long a span waits for others, and a request for its answer; milliseconds. */
const linger = 2000;
const patience = 10_000;
/** First and longest wait before a batch is sent again, milliseconds. */
const firstDelay = 1000;
const longestDelay = 60_000;
/** How long the end of the process waits for what is left, milliseconds. */
const lastChance = 2000;

export interface ExporterOptions {
  /** Base URL of the collector: `/v1/traces` is added to its path. */
  readonly otlp: string;
  readonly origin: Origin;
  readonly log: Log;
}

/**
 * Sends spans to a collector by OTLP over HTTP, in JSON.
 *
 *     waiting --linger or a full batch--> sending --2xx--> waiting
 *                                           |--429, 502, 503, 504, no answer--> delayed --> sending
 *                                           '--any other: the batch is dropped--> waiting
 */
export class SpanExporter {
  readonly #o: ExporterOptions;
  readonly #url: string;
  readonly #waiting: Span[] = [];
  #state: "waiting" | "sending" | "delayed" = "waiting";
  #timer: NodeJS.Timeout | undefined;
  #delay = firstDelay;
  #dropped = 0;
  #failing = false;
  readonly #closing = new AbortController();

  constructor(o: ExporterOptions) {
    this.#o = o;
    this.#url = `${o.otlp.replace(/\/$/, "")}/v1/traces`;
  }

  add(span: Span): void {
    if (!span.context.sampled || this.#closing.signal.aborted) return;
    if (this.#waiting.length >= mostWaiting) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(span);
    if (this.#state !== "waiting") return;
    if (this.#waiting.length >= batch) void this.#flush();
    else if (this.#timer === undefined) this.#later(linger);
  }

  /** Sends what waits, if it can be sent soon. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#closing.abort();
    const until = AbortSignal.timeout(lastChance);
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, batch);
      if ((await this.#post(some, until)) !== "taken") return;
    }
  }

  #later(milliseconds: number): void {
    this.#timer = setTimeout(() => void this.#flush(), milliseconds);
    this.#timer.unref();
  }

  async #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#state = "sending";
    while (this.#waiting.length > 0 && !this.#closing.signal.aborted) {
      const some = this.#waiting.slice(0, batch);
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(patience)]);
      const outcome = await this.#post(some, signal);
      if (this.#closing.signal.aborted) return;
      if (outcome === "later") {
        this.#state = "delayed";
        this.#later(this.#delay);
        this.#delay = Math.min(this.#delay * 2, longestDelay);
        return;
      }
      this.#delay = firstDelay;
      this.#waiting.splice(0, some.length);
      if (outcome === "refused") this.#dropped += some.length;
      if (this.#waiting.length < batch) break;
    }
    this.#state = "waiting";
    if (this.#waiting.length > 0 && !this.#closing.signal.aborted) this.#later(linger);
  }

  async #post(spans: readonly Span[], signal: AbortSignal): Promise<"taken" | "refused" | "later"> {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(otlpDocument(this.#o.origin, spans)),
        redirect: "error",
        signal,
      });
      await response.body?.cancel();
      if (response.ok) {
        this.#works();
        return "taken";
      }
      this.#fails(`status ${response.status}`);
      return [429, 502, 503, 504].includes(response.status) ? "later" : "refused";
    } catch (error) {
      this.#fails(error instanceof Error ? error.message : "unknown");
      return "later";
    }
  }

  /** Told once, until it works again. */
  #fails(reason: string): void {
    if (this.#failing || this.#closing.signal.aborted) return;
    this.#failing = true;
    this.#o.log.warn("telemetry.not-exported", { reason });
  }

  #works(): void {
    if (!this.#failing && this.#dropped === 0) return;
    this.#o.log.warn("telemetry.exported-again", { dropped: this.#dropped });
    this.#failing = false;
    this.#dropped = 0;
  }
}
