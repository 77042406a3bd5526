import type { TraceContext } from "./traceContext.ts";

/** Kind of a span, with its number in OTLP. */
const spanKinds = { internal: 1, server: 2, client: 3 } as const;

/** What was done from when to when. Attributes hold tenants, routes and statuses, never users or what they write. */
export interface Span {
  readonly context: TraceContext;
  /** Span of which this one is a part. */
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: keyof typeof spanKinds;
  /** Milliseconds since the epoch, as the next. */
  readonly begin: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** What went wrong; undefined: nothing. */
  readonly error?: string | undefined;
  readonly events?: readonly { readonly at: number; readonly name: string }[];
}

/** Who made the spans. */
export interface Origin {
  readonly node: string;
  readonly version: string;
}

/** Spans as a document of OTLP 1 in JSON: ids in hexadecimal digits, 64-bit numbers as texts. */
export function otlpDocument({ node, version }: Origin, spans: readonly Span[]): object {
  const resource = { "service.name": "portico", "service.instance.id": node, "service.version": version };
  return {
    resourceSpans: [
      {
        resource: { attributes: attributesOf(resource) },
        scopeSpans: [{ scope: { name: "portico", version }, spans: spans.map(otlpSpan) }],
      },
    ],
  };
}

function otlpSpan({ context, parentId, name, kind, begin, end, attributes, error, events = [] }: Span): object {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(context.state === undefined ? {} : { traceState: context.state }),
    ...(parentId === undefined ? {} : { parentSpanId: parentId }),
    name,
    kind: spanKinds[kind],
    startTimeUnixNano: nanoseconds(begin),
    endTimeUnixNano: nanoseconds(Math.max(begin, end)),
    attributes: attributesOf(attributes),
    events: events.map((one) => ({ timeUnixNano: nanoseconds(one.at), name: one.name })),
    // STATUS_CODE_ERROR
    ...(error === undefined ? {} : { status: { code: 2, message: error } }),
  };
}

function attributesOf(attributes: Span["attributes"]): object[] {
  return Object.entries(attributes).map(([key, value]) => {
    if (typeof value === "string") return { key, value: { stringValue: value } };
    if (typeof value === "boolean") return { key, value: { boolValue: value } };
    return { key, value: Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value } };
  });
}

/** More digits than a number holds; below a microsecond they mean nothing. */
const nanoseconds = (milliseconds: number): string => `${Math.round(milliseconds * 1000)}000`;
