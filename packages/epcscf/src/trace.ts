import { octets, type Clock } from "@portico/sip";
import { EpcscfError } from "./errors.ts";

/** One message of a traced user, as it passed. */
export interface TracedMessage {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly point: "W2" | "Mw";
  /** Seen from this node. */
  readonly way: "in" | "out";
  /** The head, without credentials; the body's kind and length only. */
  readonly text: string;
}

/** A trace, as far as it has come. */
export interface TraceView {
  readonly impu: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly until: number;
  readonly messages: readonly TracedMessage[];
  /** Messages that did not fit. */
  readonly dropped: number;
}

/** Longest trace, seconds, and how long it can be read after its end. */
const longestTrace = 3600;
const readable = 3600;
/** Traces at once, messages of one, calls whose messages it follows, octets of a head. */
const mostTraces = 8;
const mostMessages = 2000;
const mostCalls = 200;
const longestHead = 8192;

interface Trace {
  readonly impu: string;
  readonly since: number;
  readonly until: number;
  readonly messages: TracedMessage[];
  dropped: number;
  on: boolean;
  /** Call-IDs of what was hers, on either side. */
  readonly calls: Set<string>;
  stop(): void;
}

export interface TracesOptions {
  readonly clock: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** What the core knows a user by, beside her IMPU: other identities, the portal's Contacts. */
  readonly namesOf: (impu: string) => readonly string[];
}

/**
 * The SIP messages of single users, for the time an operator asks for (TS 24.229 §4.8): on both sides of this node, bounded in
 * time and number, without tokens and bodies. Each ends by itself.
 */
export class Traces {
  readonly #options: TracesOptions;
  readonly #traces = new Map<string, Trace>();
  /** Traces that are on. */
  #active = 0;

  constructor(options: TracesOptions) {
    this.#options = options;
  }

  /** False as long as nobody is traced: what passes costs one look. */
  get active(): boolean {
    return this.#active > 0;
  }

  /**
   * Begins to trace a user; a trace of hers that there is ends, with what it has.
   * @param seconds 1 to {@link longestTrace}
   * @throws EpcscfError `epcscf/traces` when there are too many
   */
  start(impu: string, seconds: number): TraceView {
    this.stop(impu);
    if (this.#traces.size >= mostTraces) throw new EpcscfError("epcscf/traces");
    const { clock, wallClock } = this.#options;
    const since = wallClock();
    const length = Math.min(Math.max(seconds, 1), longestTrace) * 1000;
    const off = clock.setTimer(length, () => this.#end(trace));
    const gone = clock.setTimer(length + readable * 1000, () => this.stop(impu));
    const trace: Trace = {
      impu,
      since,
      until: since + length,
      messages: [],
      dropped: 0,
      on: true,
      calls: new Set(),
      stop: () => {
        off();
        gone();
      },
    };
    this.#traces.set(impu, trace);
    this.#active += 1;
    return viewOf(trace);
  }

  /** Ends a trace and forgets what it has. @returns false when there is none */
  stop(impu: string): boolean {
    const trace = this.#traces.get(impu);
    if (trace === undefined) return false;
    this.#end(trace);
    trace.stop();
    this.#traces.delete(impu);
    return true;
  }

  read(impu: string): TraceView | undefined {
    const trace = this.#traces.get(impu);
    return trace && viewOf(trace);
  }

  all(): TraceView[] {
    return [...this.#traces.values()].map((trace) => viewOf(trace));
  }

  close(): void {
    for (const impu of this.#traces.keys()) this.stop(impu);
  }

  /** A message on W2. @param impu of the registration of its flow, if there is one */
  access(way: TracedMessage["way"], message: string, impu: string | undefined): void {
    for (const trace of this.#traces.values()) {
      if (trace.on && (impu === trace.impu || (impu === undefined && names(message, [trace.impu])))) {
        this.#note(trace, "W2", way, message);
      }
    }
  }

  /** A message on Mw. */
  core(way: TracedMessage["way"], message: string): void {
    for (const trace of this.#traces.values()) {
      if (!trace.on) continue;
      const call = callIdOf(message);
      const known = call !== undefined && trace.calls.has(call);
      if (!known && !names(message, [trace.impu, ...this.#options.namesOf(trace.impu)])) continue;
      if (!known && call !== undefined && trace.calls.size < mostCalls) trace.calls.add(call);
      this.#note(trace, "Mw", way, message);
    }
  }

  #note(trace: Trace, point: TracedMessage["point"], way: TracedMessage["way"], message: string): void {
    // Keep-alives are no messages.
    if (message.length <= 4) return;
    if (trace.messages.length >= mostMessages) trace.dropped += 1;
    else trace.messages.push({ at: this.#options.wallClock(), point, way, text: redacted(message) });
  }

  #end(trace: Trace): void {
    if (!trace.on) return;
    trace.on = false;
    this.#active -= 1;
  }
}

const viewOf = ({ impu, since, until, messages, dropped }: Trace): TraceView => {
  return { impu, since, until, messages: [...messages], dropped };
};

/** True when the head holds one of the names as a whole, not as a part of a longer one. */
function names(message: string, wanted: readonly string[]): boolean {
  const head = message.slice(0, endOfHead(message)).toLowerCase();
  return wanted.some((name) => {
    const text = name.toLowerCase();
    for (let at = head.indexOf(text); at >= 0; at = head.indexOf(text, at + 1)) {
      if (!/[\w.-]/.test(head.charAt(at + text.length))) return true;
    }
    return false;
  });
}

const endOfHead = (message: string): number => {
  const end = message.indexOf("\r\n\r\n");
  return end < 0 ? message.length : end;
};

const callIdOf = (message: string): string | undefined =>
  /\r\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]+)/i.exec(message)?.[1];

/** A message without what would let its reader be the user, or hear of what she says. */
export function redacted(message: string): string {
  const end = endOfHead(message);
  const head = message
    .slice(0, Math.min(end, longestHead))
    // A value may go on in the next line (RFC 3261 §7.3.1).
    .replaceAll(/^((?:Proxy-)?Authorization)[ \t]*:[ \t]*(\S+)(?:[^\r\n]|\r\n[ \t])*/gim, "$1: $2 [masked]")
    .replaceAll(/\beyJ[\w-]{4,}(?:\.[\w-]*){1,4}/g, "[token]");
  const length = message.length - end - 4;
  return octets.toText(length > 0 ? `${head}\r\n\r\n[body, ${length} octets]` : head);
}
