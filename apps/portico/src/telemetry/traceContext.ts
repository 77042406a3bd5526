import { randomBytes } from "node:crypto";

/** Place in a trace (W3C Trace Context), as it travels between processes. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** False: whoever began the trace wants nothing of it kept. */
  readonly sampled: boolean;
  /** What other tracers have put into it, passed on as it came; absent: nothing. */
  readonly state?: string;
}

/** Longest `tracestate` passed on, characters (W3C Trace Context §3.3.1.5 wants 512 at least). */
const longestState = 512;

/** Reads the headers of a request. @returns undefined when they hold no context, or a broken one, which counts as none (§4.3) */
export function readTraceContext(
  traceparent: string | string[] | undefined,
  tracestate: string | string[] | undefined,
): TraceContext | undefined {
  if (typeof traceparent !== "string") return undefined;
  // §3.2.2: a later version may add fields at the end, after a dash.
  const [, version, traceId = "", spanId = "", flags = "", more] =
    /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(traceparent) ?? [];
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  const state = typeof tracestate === "string" ? tracestate : tracestate?.join(",");
  const context = { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
  return state === undefined || state === "" || state.length > longestState ? context : { ...context, state };
}

/** The headers of a request that goes on with it. */
export function traceHeaders({ traceId, spanId, sampled, state }: TraceContext): Record<string, string> {
  const traceparent = `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
  return state === undefined ? { traceparent } : { traceparent, tracestate: state };
}

/** A new place: below `parent`, or the first of a trace of its own. */
export function below(parent: TraceContext | undefined): TraceContext {
  const spanId = randomBytes(8).toString("hex");
  if (parent === undefined) return { traceId: randomBytes(16).toString("hex"), spanId, sampled: true };
  return { ...parent, spanId };
}
